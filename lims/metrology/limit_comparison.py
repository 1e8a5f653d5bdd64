"""Is a firm's own limit stricter than the national one: the sets of values that the two let pass, compared.

A limit is stricter when everything it lets pass the other lets pass too, and not the other way round
(食品安全法 art. 30: a firm may lay down limits stricter than the national standard's).
"""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from operator import gt, lt

from lims.metrology.errors import MetrologyError
from lims.metrology.judgements import Comparison
from lims.metrology.limits import Limit, Maximum, Minimum, MustNotBeDetected, NotPermitted, Plan, Range
from lims.metrology.rounding import last_place
from lims.metrology.units import convert


class Strictness(StrEnum):
    STRICTER = "stricter"
    LOOSER = "looser"
    EQUAL = "equal"
    # Each lets something pass that the other does not, or they are not of one kind or quantity.
    NOT_COMPARABLE = "not_comparable"


def compare_limits(
    own: Limit,
    other: Limit,
    *,
    own_rule: Comparison = Comparison.FULL_VALUE,
    other_rule: Comparison = Comparison.FULL_VALUE,
) -> Strictness:
    """How ``own`` stands to ``other``; figures of another unit are converted exactly.

    A rounded-value comparison lets pass what rounds to the bound (GB/T 8170 4.3.3). "Not permitted" and "not
    detected" are stricter than any maximum above zero, and the second than the first.
    """
    if isinstance(own, Plan) and isinstance(other, Plan):
        return _of(_plan_inside(own, other), _plan_inside(other, own))
    one, two = _rank(own), _rank(other)
    if one is not None and two is not None and (one or two):
        return _of(one >= two, two >= one)
    inner, outer = _interval(own, own_rule, own.unit), _interval(other, other_rule, own.unit)
    if inner is None or outer is None:
        return Strictness.NOT_COMPARABLE
    return _of(inner.is_inside(outer), outer.is_inside(inner))


def _of(inside: bool, around: bool) -> Strictness:
    if inside and around:
        return Strictness.EQUAL
    if inside:
        return Strictness.STRICTER
    return Strictness.LOOSER if around else Strictness.NOT_COMPARABLE


def _rank(limit: Limit) -> int | None:
    """2: must not be detected, 1: not permitted, 0: a maximum above zero; None: no rank among these."""
    match limit:
        case MustNotBeDetected():
            return 2
        case NotPermitted():
            return 1
        case Maximum(bound) if bound > 0:
            return 0
        case _:
            return None


@dataclass(frozen=True, slots=True)
class _End:
    value: Fraction
    closed: bool


@dataclass(frozen=True, slots=True)
class _Interval:
    """None: no bound on that side."""

    low: _End | None
    high: _End | None

    def is_inside(self, other: "_Interval") -> bool:
        return _reaches(other.low, self.low, lt) and _reaches(other.high, self.high, gt)


def _reaches(outer: _End | None, inner: _End | None, farther: Callable[[Fraction, Fraction], bool]) -> bool:
    """Does ``outer`` lie at least as far out as ``inner``; ``farther``: lt for low ends, gt for high ones."""
    if outer is None or inner is None:
        return outer is None
    if inner.value == outer.value:
        return outer.closed or not inner.closed
    return farther(outer.value, inner.value)


def _interval(limit: Limit, rule: Comparison, unit: str) -> _Interval | None:
    """The values that ``limit`` lets pass, in ``unit``; None where it is no interval or the unit is another's."""
    try:
        match limit:
            case Maximum(bound, own, inclusive):
                return _Interval(None, _end(bound, inclusive, 1, rule, own, unit))
            case Minimum(bound, own, inclusive):
                return _Interval(_end(bound, inclusive, -1, rule, own, unit), None)
            case Range(low, high, own, low_in, high_in):
                return _Interval(
                    _end(low, low_in, -1, rule, own, unit), _end(high, high_in, 1, rule, own, unit)
                )
            case _:
                return None
    except MetrologyError:
        return None


def _end(bound: Decimal, inclusive: bool, side: int, rule: Comparison, own: str, unit: str) -> _End:
    value = Fraction(bound)
    if rule is Comparison.ROUNDED_VALUE:
        place = Fraction(last_place(bound))
        # Half to even: the tie beside an even last digit rounds to it.
        is_even = int(value / place) % 2 == 0
        value += side * place / 2 if inclusive else -side * place / 2
        inclusive = is_even if inclusive else not is_even
    return _End(convert(value, own, unit), inclusive)


def _plan_inside(one: Plan, other: Plan) -> bool:
    """A lot that ``one`` lets pass, ``other`` lets pass: as many units, as few above m, as low m and M."""
    try:
        m, big_m = convert(one.m, one.unit, other.unit), _ceiling(one, other.unit)
    except MetrologyError:
        return False
    ceiling = _ceiling(other, other.unit)
    lower = ceiling is None or (big_m is not None and big_m <= ceiling)
    return one.n >= other.n and one.c <= other.c and m <= Fraction(other.m) and lower


def _ceiling(plan: Plan, unit: str) -> Fraction | None:
    """What no unit may exceed; None: only their number is limited. With c = 0 it is m itself."""
    bound = plan.m if plan.c == 0 else plan.M
    return None if bound is None else convert(bound, plan.unit, unit)
