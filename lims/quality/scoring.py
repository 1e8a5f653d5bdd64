"""Which scores a result has, and which one judges it (ISO 13528:2015 9). Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from flask_babel import gettext as _

from lims.core.errors import InvalidInput
from lims.metrology.exact import to_fraction
from lims.metrology.proficiency import (
    Score,
    ScoreKind,
    en_score,
    is_negligible,
    z_prime_score,
    z_score,
    zeta_score,
)
from lims.metrology.robust_mean import RobustResult, algorithm_a

USUAL_FACTOR = Decimal(2)
MOST_PARTICIPANTS = 2000


@dataclass(frozen=True, slots=True)
class Stated:
    """A value with its expanded uncertainty, where it is known, and the factor k of that."""

    value: Decimal
    uncertainty: Decimal | None = None
    factor: Decimal | None = None

    @property
    def standard(self) -> Fraction | None:
        """u = U / k; without a factor k is 2."""
        if self.uncertainty is None:
            return None
        return to_fraction(self.uncertainty) / to_fraction(self.factor or USUAL_FACTOR)


@dataclass(frozen=True, slots=True)
class Participant:
    laboratory: str
    value: Decimal


@dataclass(frozen=True, slots=True)
class Consensus:
    """What the results of all participants say."""

    assigned: Stated
    robust: RobustResult


def consensus_of(participants: Sequence[Participant]) -> Consensus:
    """x_pt = robust mean by Algorithm A, u = 1.25 s* / sqrt p (ISO 13528 7.7.3). Raises MetrologyError."""
    robust = algorithm_a([one.value for one in participants])
    return Consensus(Stated(robust.mean, robust.standard_uncertainty, Decimal(1)), robust)


def scores_of(mine: Stated, assigned: Stated, sigma: Decimal | None) -> dict[ScoreKind, Score]:
    """Every score that the figures allow; En with both uncertainties brought to k = 2."""
    found: dict[ScoreKind, Score] = {}
    u, u_assigned = mine.standard, assigned.standard
    if sigma is not None:
        found[ScoreKind.Z] = z_score(mine.value, assigned.value, sigma)
        if u_assigned is not None:
            found[ScoreKind.Z_PRIME] = z_prime_score(mine.value, assigned.value, sigma, u_assigned)
    if u is not None and u_assigned is not None and (u or u_assigned):
        found[ScoreKind.ZETA] = zeta_score(mine.value, u, assigned.value, u_assigned)
        found[ScoreKind.EN] = en_score(mine.value, 2 * u, assigned.value, 2 * u_assigned)
    return found


def usual_kind(mine: Stated, assigned: Stated, sigma: Decimal | None) -> ScoreKind:
    """House policy: z; z' where u(x_pt) is not below 0.3 sigma_pt (9.2.1); without a sigma_pt En.

    Raises InvalidInput (``no_score``).
    """
    u_assigned = assigned.standard
    if sigma is not None:
        certain = u_assigned is None or is_negligible(u_assigned, sigma)
        return ScoreKind.Z if certain else ScoreKind.Z_PRIME
    if mine.standard is not None and u_assigned is not None:
        return ScoreKind.EN
    fault = _("A score needs σpt, or the uncertainties of our result and of the assigned value.")
    raise InvalidInput(fault, code="no_score", fields={"sigma": [fault]})


def judging_score(
    mine: Stated, assigned: Stated, sigma: Decimal | None, wanted: ScoreKind | None
) -> tuple[dict[ScoreKind, Score], Score]:
    """All scores, and the one that judges: ``wanted``, or by the policy.

    Raises InvalidInput (``no_score``, ``z_uncertain``).
    """
    usual = usual_kind(mine, assigned, sigma) if wanted is None or sigma is not None else wanted
    kind = wanted or usual
    found = scores_of(mine, assigned, sigma)
    if kind is ScoreKind.Z and usual is ScoreKind.Z_PRIME:
        fault = _("The assigned value is not certain enough for z (its u is not below 0.3 σpt): judge by z′.")
        raise InvalidInput(fault, code="z_uncertain", fields={"judged_by": [fault]})
    if kind not in found:
        fault = _("The figures for this score are not complete.")
        raise InvalidInput(fault, code="no_score", fields={"judged_by": [fault]})
    return found, found[kind]
