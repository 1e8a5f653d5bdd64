"""Where the points and lines of a control chart lie on the screen: geometry only, drawn by ``ui/chart.html``."""

from collections.abc import Sequence
from dataclasses import dataclass

from lims.ui.labels import Text

WIDTH, HEIGHT = 900, 260
LEFT, RIGHT, TOP, BOTTOM = 8, 96, 14, 22


@dataclass(frozen=True, slots=True)
class Mark:
    """One value of the series. ``tone``: of the state colours; ``title``: said when it is pointed at."""

    value: float
    tone: str = ""
    title: str = ""
    href: str = ""


@dataclass(frozen=True, slots=True)
class Level:
    """A line across the chart, or along it where ``values`` has one value for each mark. ``kind``: centre,
    warning, action, bound."""

    words: Text
    kind: str
    values: Sequence[float]


@dataclass(frozen=True, slots=True)
class Placed:
    x: float
    y: float
    mark: Mark


@dataclass(frozen=True, slots=True)
class PlacedLevel:
    level: Level
    path: str
    y: float


@dataclass(frozen=True, slots=True)
class Chart:
    """``path``: through all points, of an SVG polyline; ``more``: further series, as paths."""

    width: int
    height: int
    points: Sequence[Placed]
    path: str
    levels: Sequence[PlacedLevel]
    more: Sequence[str] = ()


def draw(
    marks: Sequence[Mark], levels: Sequence[Level], more: Sequence[Sequence[float]] = ()
) -> Chart | None:
    """None without a point. ``more``: series of the same length, drawn as lines without points."""
    if not marks:
        return None
    heights = [m.value for m in marks]
    heights += [v for level in levels for v in level.values] + [v for series in more for v in series]
    low, high = min(heights), max(heights)
    span = (high - low) or abs(high) or 1.0
    low, high = low - span * 0.06, high + span * 0.06

    def y(value: float) -> float:
        return round(TOP + (high - value) / (high - low) * (HEIGHT - TOP - BOTTOM), 1)

    def x(place: int) -> float:
        step = (WIDTH - LEFT - RIGHT) / max(len(marks) - 1, 1)
        return round(LEFT + 6 + place * step * 0.985, 1)

    def path(values: Sequence[float]) -> str:
        if len(values) == 1:
            return f"{LEFT},{y(values[0])} {WIDTH - RIGHT},{y(values[0])}"
        return " ".join(f"{x(n)},{y(value)}" for n, value in enumerate(values))

    return Chart(
        WIDTH,
        HEIGHT,
        [Placed(x(n), y(mark.value), mark) for n, mark in enumerate(marks)],
        path([m.value for m in marks]) if len(marks) > 1 else "",
        [PlacedLevel(level, path(level.values), y(level.values[-1])) for level in levels],
        [path(series) for series in more if len(series) > 1],
    )
