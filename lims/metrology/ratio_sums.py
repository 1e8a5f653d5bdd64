"""Sums of ratios: several substances of one function, each measured against its own limit, judged together.

GB 2760 appendix A: where additives of one function are used together, the shares that each takes of its own
maximum add up to at most 1.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction

from lims.metrology.errors import MetrologyError
from lims.metrology.exact import to_fraction
from lims.metrology.limits import Limit, Maximum
from lims.metrology.units import convert
from lims.metrology.values import BelowQuantification, DetectionLimits, NotDetected, Number, ResultValue


class NotDetectedAs(StrEnum):
    """What a value below detection or quantification counts as in a sum."""

    ZERO = "zero"
    HALF_LIMIT = "half_limit"
    LIMIT = "limit"


@dataclass(frozen=True, slots=True)
class Member:
    """One substance. ``value``: UNROUNDED; ``exact``: the same as a rational where it is one."""

    name: str
    value: ResultValue
    limit: Limit | None
    exact: Fraction | Decimal | None = None
    detection: DetectionLimits = field(default_factory=DetectionLimits)


@dataclass(frozen=True, slots=True)
class Share:
    """``counted``: in the unit of the limit; ``ratio``: counted ÷ limit."""

    name: str
    counted: Fraction
    bound: Decimal
    unit: str
    ratio: Fraction
    by_policy: bool


@dataclass(frozen=True, slots=True)
class RatioSum:
    shares: tuple[Share, ...]
    total: Fraction
    policy: NotDetectedAs


def sum_of_ratios(members: Sequence[Member], policy: NotDetectedAs) -> RatioSum:
    """Σ (value ÷ limit) over ``members``, exact.

    Raises MetrologyError: ``ratio_members`` without any; for the member it names ``ratio_no_maximum`` where
    it has no maximum greater than zero, ``ratio_no_figure`` for a value that is none, ``ratio_limit_unknown``
    where the policy needs a detection limit and there is none; ``unit_incompatible``.
    """
    if not members:
        raise MetrologyError("ratio_members", "A sum of ratios needs its members.")
    shares = tuple(_share(member, policy) for member in members)
    return RatioSum(shares, sum((share.ratio for share in shares), Fraction(0)), policy)


def _share(member: Member, policy: NotDetectedAs) -> Share:
    limit = member.limit
    if not isinstance(limit, Maximum) or limit.bound <= 0:
        raise MetrologyError(
            "ratio_no_maximum",
            "%(name)s has no maximum of its own here, so it has no share in the sum.",
            name=member.name,
        )
    counted, by_policy = _counted(member, limit, policy)
    return Share(member.name, counted, limit.bound, limit.unit, counted / to_fraction(limit.bound), by_policy)


def _counted(member: Member, limit: Maximum, policy: NotDetectedAs) -> tuple[Fraction, bool]:
    value = member.value
    match value:
        case Number(figure):
            return (
                convert(member.exact if member.exact is not None else figure, value.unit, limit.unit),
                False,
            )
        case NotDetected() | BelowQuantification():
            return _below(member, limit, policy), True
        case _:
            raise MetrologyError("ratio_no_figure", "%(name)s is not a figure.", name=member.name)


def _below(member: Member, limit: Maximum, policy: NotDetectedAs) -> Fraction:
    if policy is NotDetectedAs.ZERO:
        return Fraction(0)
    value = member.value
    edge = value.loq if isinstance(value, BelowQuantification) else _detection(member)
    if edge is None:
        raise MetrologyError(
            "ratio_limit_unknown",
            "%(name)s is not detected, and its method names no limit to count it with.",
            name=member.name,
        )
    counted = convert(edge, value.unit, limit.unit)
    return counted / 2 if policy is NotDetectedAs.HALF_LIMIT else counted


def _detection(member: Member) -> Decimal | None:
    value = member.value
    if isinstance(value, NotDetected) and value.lod is not None:
        return value.lod
    return member.detection.lod if member.detection.lod is not None else member.detection.loq
