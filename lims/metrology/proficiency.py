"""Scores of proficiency tests and what they mean (ISO 13528:2015 9, ISO/IEC 17043)."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction

from lims.metrology import formula_numbers as numbers
from lims.metrology.errors import MetrologyError
from lims.metrology.exact import Exact, to_decimal, to_fraction


class ScoreKind(StrEnum):
    Z = "z"
    Z_PRIME = "z_prime"
    ZETA = "zeta"
    EN = "en"


class Performance(StrEnum):
    """Words of ISO/IEC 17043 B.4.1.1: z up to 2, below 3, from 3 on; En up to 1, above."""

    SATISFACTORY = "satisfactory"
    QUESTIONABLE = "questionable"
    UNSATISFACTORY = "unsatisfactory"


class Signal(StrEnum):
    """Words of ISO 13528:2015 9.4.2 for the same thresholds."""

    NONE = "none"
    WARNING = "warning"
    ACTION = "action"


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Magnitude up to which a score is satisfactory, and from which it is unsatisfactory."""

    satisfactory: Decimal
    unsatisfactory: Decimal


Z_THRESHOLDS = Thresholds(Decimal(2), Decimal(3))
#: En knows no middle: beyond 1 it is unsatisfactory.
EN_THRESHOLDS = Thresholds(Decimal(1), Decimal(1))


@dataclass(frozen=True, slots=True)
class Score:
    """``value`` unrounded, 34 digits; the words follow from it, never from a printed score."""

    kind: ScoreKind
    value: Decimal
    performance: Performance
    signal: Signal
    thresholds: Thresholds


def z_score(result: Exact, assigned: Exact, sigma: Exact) -> Score:
    """(x - X) / sigma_pt. Raises MetrologyError ``score_spread`` unless sigma is greater than zero."""
    return _score(ScoreKind.Z, result, assigned, (sigma,))


def z_prime_score(result: Exact, assigned: Exact, sigma: Exact, u_assigned: Exact) -> Score:
    """(x - X) / sqrt(sigma_pt^2 + u_X^2), where the assigned value is not certain enough for z."""
    return _score(ScoreKind.Z_PRIME, result, assigned, (sigma, u_assigned))


def zeta_score(result: Exact, u: Exact, assigned: Exact, u_assigned: Exact) -> Score:
    """(x - X) / sqrt(u_x^2 + u_X^2) with standard uncertainties: does the laboratory know its own?"""
    return _score(ScoreKind.ZETA, result, assigned, (u, u_assigned))


def en_score(result: Exact, U: Exact, assigned: Exact, U_assigned: Exact) -> Score:
    """(x - X) / sqrt(U_x^2 + U_X^2) with expanded uncertainties, k = 2."""
    return _score(ScoreKind.EN, result, assigned, (U, U_assigned))


def is_negligible(u_assigned: Exact, sigma: Exact) -> bool:
    """Whether u(x_pt) < 0.3 sigma_pt, so that z may stand; else use z' (ISO 13528 9.2.1)."""
    return to_fraction(u_assigned) < Fraction(3, 10) * to_fraction(sigma)


def _score(kind: ScoreKind, result: Exact, assigned: Exact, spreads: tuple[Exact, ...]) -> Score:
    exact = [to_fraction(spread) for spread in spreads]
    square = sum((spread * spread for spread in exact), Fraction(0))
    if any(spread < 0 for spread in exact) or square == 0:
        raise MetrologyError(
            "score_spread", "A score needs standard deviations or uncertainties that are greater than zero."
        )
    distance = to_fraction(result) - to_fraction(assigned)
    value = numbers.divide(distance, numbers.square_root(square))
    thresholds = EN_THRESHOLDS if kind is ScoreKind.EN else Z_THRESHOLDS
    # Held against squares, so that a score of exactly 2 or 3 is seen as such.
    performance, signal = _meaning(distance * distance, square, thresholds)
    return Score(kind, to_decimal(value), performance, signal, thresholds)


def _meaning(distance: Fraction, square: Fraction, thresholds: Thresholds) -> tuple[Performance, Signal]:
    if distance <= Fraction(thresholds.satisfactory) ** 2 * square:
        return Performance.SATISFACTORY, Signal.NONE
    if distance < Fraction(thresholds.unsatisfactory) ** 2 * square:
        return Performance.QUESTIONABLE, Signal.WARNING
    return Performance.UNSATISFACTORY, Signal.ACTION
