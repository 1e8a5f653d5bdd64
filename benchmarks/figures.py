"""The one way a benchmark prints a figure."""

import operator
from collections.abc import Callable
from dataclasses import dataclass

_COMPARE: dict[str, Callable[[float, float], bool]] = {"<=": operator.le, ">=": operator.ge}


@dataclass(frozen=True, slots=True)
class Target:
    """``relation`` ("<=" or ">=") and the number that ``unit`` is held to."""

    relation: str
    number: float

    def holds(self, value: float) -> bool:
        return _COMPARE[self.relation](value, self.number)

    def __str__(self) -> str:
        return f"{self.relation} {self.number:g}"


def figure(name: str, value: float, unit: str, target: Target, *, ratio: float, ratio_to: str) -> bool:
    """Print one line: name, value, unit, target, ok or short, ratio to what was measured in the same run.

    Returns whether the target holds. Columns are parted by tabs.
    """
    holds = target.holds(value)
    verdict = "ok" if holds else "short"
    columns = (name, f"{value:.4g}", unit, str(target), verdict, f"{ratio:.3g} x {ratio_to}")
    print("\t".join(columns), flush=True)
    return holds
