"""Where the bars and the curve of a histogram lie on the screen: geometry only, drawn by ``ui/histogram.html``."""

from collections.abc import Sequence
from dataclasses import dataclass

from lims.ui.labels import Text

WIDTH, HEIGHT = 900, 240
LEFT, RIGHT, TOP, BOTTOM = 10, 10, 10, 30


@dataclass(frozen=True, slots=True)
class Bar:
    x: float
    y: float
    width: float
    height: float
    inside: bool


@dataclass(frozen=True, slots=True)
class End:
    """A place on the axis. ``kind``: drawn (of the bars) or stated (of the curve); ``anchor``: of its words."""

    x: float
    words: Text
    kind: str
    anchor: str = "middle"


@dataclass(frozen=True, slots=True)
class Histogram:
    """``curve``: of an SVG polyline."""

    width: int
    height: int
    floor: int
    bars: Sequence[Bar]
    curve: str
    ends: Sequence[End]


def draw(
    counts: Sequence[int],
    curve: Sequence[float],
    low: float,
    high: float,
    *,
    within: tuple[float, float],
    ends: Sequence[tuple[float, Text, str]],
) -> Histogram:
    """``curve``: heights in counts, equally spaced from ``low`` to ``high``. Bars whose middle is ``within``
    are marked. ``ends``: (place, words, kind)."""
    floor, right = HEIGHT - BOTTOM, WIDTH - RIGHT
    highest = max(*counts, *curve) or 1
    width = (right - LEFT) / len(counts)

    def x(value: float) -> float:
        return round(min(max(LEFT + (value - low) / (high - low) * (right - LEFT), LEFT), right), 1)

    def y(count: float) -> float:
        return round(floor - count / highest * (floor - TOP), 1)

    middles = [low + (high - low) * (n + 0.5) / len(counts) for n in range(len(counts))]
    bars = [
        Bar(
            x=round(LEFT + n * width, 1),
            y=y(count),
            width=round(width - 1, 1),
            height=round(floor - y(count), 1),
            inside=within[0] <= middle <= within[1],
        )
        for n, (count, middle) in enumerate(zip(counts, middles, strict=True))
    ]
    step = (right - LEFT) / (len(curve) - 1)
    points = " ".join(f"{round(LEFT + n * step, 1)},{y(height)}" for n, height in enumerate(curve))
    placed = [End(x(value), words, kind, _anchor(x(value))) for value, words, kind in ends]
    return Histogram(WIDTH, HEIGHT, floor, bars, points, placed)


def _anchor(x: float) -> str:
    """Words at the edges stay in the picture."""
    return "start" if x < WIDTH * 0.08 else "end" if x > WIDTH * 0.92 else "middle"
