"""The figures of the demonstration day, from weighings to verdicts, without one rounding on the way."""

from decimal import Decimal

import pytest

from lims.metrology.formula import evaluate
from lims.metrology.formula_check import Shape, compile_formula
from lims.metrology.judgements import Verdict
from lims.metrology.judging import judge
from lims.metrology.limits import Maximum
from lims.metrology.rounding import round_to
from lims.metrology.values import Number

# GB 5009.3-2016, direct drying: dish, dish and sample, after drying.
MOISTURE = compile_formula(
    "100 * (m1 - m2) / (m1 - m0)", inputs=dict.fromkeys(("m0", "m1", "m2"), Shape.NUMBER), items=()
)
DRY_BASIS = compile_formula(
    "as_is / (1 - @moisture / 100)", inputs={"as_is": Shape.NUMBER}, items={"moisture"}
)
# GB/T 3048.4 correction of copper to 20 °C: R20 = R 254.5 / (234.5 + t).
RESISTANCE = compile_formula(
    "R * 254.5 / (234.5 + t)", inputs={"R": Shape.NUMBER, "t": Shape.NUMBER}, items=()
)
ALUMINIUM_LIMIT = Maximum(Decimal(100), "mg/kg")


def moisture(m0, m1, m2):
    return evaluate(MOISTURE, {"m0": Decimal(m0), "m1": Decimal(m1), "m2": Decimal(m2)})


@pytest.mark.parametrize(
    ("weighings", "starts", "as_is", "dry_starts", "full", "rounded", "near"),
    [
        (
            ("28.4517", "33.4629", "32.4607"),
            "19.99920",
            "80.4",
            "100.49899",
            Verdict.FAIL,
            Verdict.PASS,
            False,
        ),
        (("27.9903", "33.0016", "31.9989"), "20.00878", "79.8", "99.76094", Verdict.PASS, Verdict.PASS, True),
    ],
)
def test_aluminium_on_dry_basis_from_the_unrounded_moisture(
    weighings, starts, as_is, dry_starts, full, rounded, near
):
    water = moisture(*weighings)
    assert str(water.value).startswith(starts)
    assert str(round_to(water.unrounded, Decimal("0.1"))) == "20.0"
    dry = evaluate(DRY_BASIS, {"as_is": Decimal(as_is)}, {"moisture": water.unrounded})
    assert str(dry.value).startswith(dry_starts)
    judgement = judge(Number(dry.value, "mg/kg"), ALUMINIUM_LIMIT)
    assert (judgement.full.verdict, judgement.rounded.verdict) == (full, rounded)
    assert (judgement.verdict, judgement.near_limit) == (full, near)


def test_the_reported_moisture_would_have_given_another_figure():
    """With 20.0 instead of 19.99920... the result would be 100.5: that is why a report's figure is refused."""
    wrong = evaluate(DRY_BASIS, {"as_is": Decimal("80.4")}, {"moisture": Decimal("20.0")})
    assert wrong.value == Decimal("100.5")


@pytest.mark.parametrize(
    ("milliohm", "starts", "verdict", "rounded_reads"),
    [("7.512", "7.37863", Verdict.PASS, "7.38"), ("7.5445", "7.41055", Verdict.FAIL, "7.41")],
)
def test_conductor_resistance_at_20_degrees(milliohm, starts, verdict, rounded_reads):
    # One metre of conductor: milliohm for 1 m is ohm for 1 km. Limit: GB/T 3956-2008, 2.5 mm2.
    resistance = evaluate(RESISTANCE, {"R": Decimal(milliohm), "t": Decimal("24.6")})
    assert str(resistance.value).startswith(starts)
    judgement = judge(Number(resistance.value, "mΩ/m"), Maximum(Decimal("7.41"), "Ω/km"))
    assert judgement.verdict is verdict
    assert str(judgement.rounded.checks[0].compared) == rounded_reads


def test_the_page_that_explains_the_number_can_print_every_step():
    water = moisture("28.4517", "33.4629", "32.4607")
    assert water.with_numbers == "100 * (33.4629 - 32.4607) / (33.4629 - 28.4517)"
    assert [(step.expression, step.with_numbers, str(step.value)[:8]) for step in water.steps] == [
        ("m1 - m2", "33.4629 - 32.4607", "1.0022"),
        ("100 * (m1 - m2)", "100 * 1.0022", "100.22"),
        ("m1 - m0", "33.4629 - 28.4517", "5.0112"),
        ("100 * (m1 - m2) / (m1 - m0)", "100.22 / 5.0112", "19.99920"),
    ]
