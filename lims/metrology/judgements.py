"""What judging says: verdicts, the reasons for having none, and the findings behind them."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from lims.metrology.values import ResultValue


class Comparison(StrEnum):
    """FULL_VALUE (全数值比较法) holds wherever the standard names neither (GB/T 8170 4.3.1)."""

    FULL_VALUE = "full_value"
    ROUNDED_VALUE = "rounded_value"


class Verdict(StrEnum):
    PASS = "pass"  # noqa: S105
    FAIL = "fail"
    NOT_JUDGED = "not_judged"


class Reason(StrEnum):
    """Why there is no verdict."""

    NO_LIMIT = "no_limit_in_force"
    NO_VALUE = "no_value"
    MONITORING = "monitoring_purpose"
    NOT_REQUESTED = "judgement_not_requested"
    NO_FIGURE = "value_is_not_a_figure"
    DETECTION_LIMIT_UNKNOWN = "detection_limit_unknown"
    DETECTION_LIMIT_TOO_HIGH = "detection_limit_above_limit"
    QUANTIFICATION_LIMIT_UNKNOWN = "quantification_limit_unknown"
    QUANTIFICATION_LIMIT_TOO_HIGH = "below_quantification_above_limit"
    GREATER_THAN_TOO_LOW = "greater_than_below_limit"
    PLAN_INCOMPLETE = "plan_incomplete"


class Side(StrEnum):
    LOW = "low"
    HIGH = "high"
    MARGINAL = "m"
    MOST = "M"


@dataclass(frozen=True, slots=True)
class BoundCheck:
    """One bound and what was held against it; ``compared`` is None when the value is no single figure."""

    side: Side
    sign: str
    bound: Decimal
    compared: Decimal | None
    met: bool | None


@dataclass(frozen=True, slots=True)
class PlanTally:
    """How many units of the plan lie in (m, M] and above M."""

    given: int
    marginal: int
    above: int


@dataclass(frozen=True, slots=True)
class Finding:
    """What one way of comparing says, before purpose or missing limits are considered."""

    comparison: Comparison
    verdict: Verdict
    checks: tuple[BoundCheck, ...] = ()
    tally: PlanTally | None = None
    reason: Reason | None = None

    @property
    def broken(self) -> tuple[Side, ...]:
        return tuple(check.side for check in self.checks if check.met is False)


@dataclass(frozen=True, slots=True)
class Judgement:
    """The verdict with everything a page needs to explain it.

    ``full`` and ``rounded`` show both comparisons; ``rounded`` is None where rounding has no meaning (plans,
    "not permitted"). ``share`` is the part of the limit that is used up (1 = at the limit), to 0.0001.
    ``reported`` is the value a report prints: "not permitted" turns figures below quantification into
    "not detected". ``reason`` is given exactly when the verdict is NOT_JUDGED.
    """

    verdict: Verdict
    rule: Comparison
    reason: Reason | None
    reported: ResultValue | None
    full: Finding | None = None
    rounded: Finding | None = None
    near_limit: bool = False
    share: Decimal | None = None

    @property
    def broken(self) -> tuple[Side, ...]:
        """Which bounds a failing value breaks."""
        if self.verdict is not Verdict.FAIL:
            return ()
        finding = self.rounded if self.rule is Comparison.ROUNDED_VALUE and self.rounded else self.full
        return finding.broken if finding else ()

    @property
    def rules_disagree(self) -> bool:
        """Full-value and rounded-value comparison would give different verdicts: print the rule."""
        return (
            self.full is not None
            and self.rounded is not None
            and self.full.verdict is not self.rounded.verdict
        )
