"""The drawing of a control chart: its marks, lines and words."""

from collections.abc import Callable, Sequence
from fractions import Fraction

from flask_babel import gettext as _

from lims.bench.control.reading import MOST_SHOWN, ChartKind, ChartPoint, ControlChart
from lims.bench.control.view import rule_words
from lims.metrology.control_samples import ControlOutcome
from lims.metrology.exact import Exact, to_decimal
from lims.ui.charts import Chart, Level, Mark, draw
from lims.ui.labels import label

TONES = {
    ControlOutcome.IN_CONTROL: "",
    ControlOutcome.BUILDING: "waiting",
    ControlOutcome.WARNING: "returned",
    ControlOutcome.OUT_OF_CONTROL: "fault",
}


def drawn(chart: ControlChart, address: Callable[[int], str]) -> Chart | None:
    """The newest points of it; None without one, or where too few points give no sums or means.

    ``address``: where a point leads, by the number of its result version.
    """
    shown = chart.plotted[-MOST_SHOWN:]
    count = len(shown)
    if chart.kind is ChartKind.CUSUM:
        return _sums(chart, [point for point, _value in shown])
    if chart.kind is ChartKind.EWMA:
        return _means(chart, [point for point, _value in shown])
    return draw([_mark(point, value, address) for point, value in shown], _levels(chart, count))


def _mark(point: ChartPoint, value: Exact, address: Callable[[int], str]) -> Mark:
    row = point.evaluation
    rules = "; ".join(rule_words(name) for name in point.broken)
    words = [point.worksheet, point.number, figure(value), str(label(row.outcome)), rules]
    return Mark(
        float(value),
        TONES[row.outcome],
        " · ".join(word for word in words if word),
        address(row.result_version_id),
    )


def figure(value: Exact) -> str:
    """Six digits: what a chart can show."""
    return f"{to_decimal(value, 6).normalize():f}"


def _levels(chart: ControlChart, count: int) -> list[Level]:
    levels = []
    base = chart.baseline
    if base is not None:
        for times, kind in ((3, "action"), (2, "warning"), (0, "centre"), (-2, "warning"), (-3, "action")):
            value = base.line(times)
            name = _("centre") if times == 0 else f"{times:+d} s"
            levels.append(Level(f"{name} {figure(value)}", kind, [float(value)]))
    for bound, name in ((chart.line.low, _("lower bound")), (chart.line.high, _("upper bound"))):
        if bound is not None:
            levels.append(Level(f"{name} {figure(bound)}", "bound", [float(bound)]))
    return levels


def _sums(chart: ControlChart, points: Sequence[ChartPoint]) -> Chart | None:
    if chart.cusum is None or not points:
        return None
    h = float(chart.cusum.rule.h)
    above, below = chart.cusum.above[-len(points) :], chart.cusum.below[-len(points) :]
    marks = [_sum_mark(point, value, h) for point, value in zip(points, above, strict=True)]
    levels = [
        Level(f"h = {chart.cusum.rule.h}", "action", [h]),
        Level(f"-h = -{chart.cusum.rule.h}", "action", [-h]),
    ]
    return draw(marks, [*levels, Level("0", "centre", [0.0])], [[-float(v) for v in below]])


def _sum_mark(point: ChartPoint, value: Fraction, h: float) -> Mark:
    tone = "fault" if float(value) > h else ""
    return Mark(float(value), tone, f"{point.worksheet} · {point.number} · {figure(value)} s")


def _means(chart: ControlChart, points: Sequence[ChartPoint]) -> Chart | None:
    if chart.ewma is None or not points:
        return None
    count = len(points)
    found = chart.ewma
    marks = [
        Mark(
            float(mean),
            "" if low <= mean <= high else "fault",
            f"{point.worksheet} · {point.number} · {figure(mean)}",
        )
        for point, mean, low, high in zip(
            points, found.means[-count:], found.lower[-count:], found.upper[-count:], strict=True
        )
    ]
    levels = [
        Level(_("upper limit"), "action", [float(v) for v in found.upper[-count:]]),
        Level(_("lower limit"), "action", [float(v) for v in found.lower[-count:]]),
    ]
    if chart.baseline is not None:
        levels.append(Level(_("centre"), "centre", [float(chart.baseline.centre)]))
    return draw(marks, levels)
