"""What people type, what is stored, what is printed."""

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lims.metrology.errors import MetrologyError
from lims.metrology.rounding import Mark
from lims.metrology.stored_values import restore_value, store_value
from lims.metrology.typed_values import parse_counts, parse_value
from lims.metrology.values import (
    BelowQuantification,
    Counts,
    Detected,
    DetectionLimits,
    GreaterThan,
    NotDetected,
    Number,
    Text,
    against_detection,
    write_value,
    write_value_with_limit,
)

LIMITS = DetectionLimits(lod=Decimal("0.003"), loq=Decimal("0.01"))


@pytest.mark.parametrize(
    ("typed", "value", "written"),
    [
        ("100.20", Number(Decimal("100.20"), "g/kg"), "100.20"),
        (" 0.0 ", Number(Decimal("0.0"), "g/kg"), "0.0"),
        ("-0.05", Number(Decimal("-0.05"), "g/kg"), "-0.05"),
        ("−0.05", Number(Decimal("-0.05"), "g/kg"), "-0.05"),
        ("１００．２０", Number(Decimal("100.20"), "g/kg"), "100.20"),
        ("9.0e3", Number(Decimal("9.0E+3"), "g/kg"), "9.0×10^3"),
        ("1.2×10^4", Number(Decimal("1.2E+4"), "g/kg"), "1.2×10^4"),
        ("1.2 x 10^4", Number(Decimal("1.2E+4"), "g/kg"), "1.2×10^4"),
        ("1.2×10⁴", Number(Decimal("1.2E+4"), "g/kg"), "1.2×10^4"),
        ("3×10⁻⁹", Number(Decimal("3E-9"), "g/kg"), "3×10^-9"),
        ("10⁴", Number(Decimal("1E+4"), "g/kg"), "1×10^4"),
        ("16.5(+)", Number(Decimal("16.5"), "g/kg", Mark.PLUS), "16.5(+)"),
        ("15.5（－）", Number(Decimal("15.5"), "g/kg", Mark.MINUS), "15.5(-)"),
        ("0.25 g/kg", Number(Decimal("0.25"), "g/kg"), "0.25"),
        ("<0.01", BelowQuantification(Decimal("0.01"), "g/kg"), "<0.01"),
        ("＜０．０１", BelowQuantification(Decimal("0.01"), "g/kg"), "<0.01"),
        ("<LOQ", BelowQuantification(Decimal("0.01"), "g/kg"), "<0.01"),
        (">300", GreaterThan(Decimal("300"), "g/kg"), ">300"),
        ("未检出", NotDetected(Decimal("0.003"), "g/kg"), "未检出"),
        ("nd", NotDetected(Decimal("0.003"), "g/kg"), "未检出"),
        ("Not detected", NotDetected(Decimal("0.003"), "g/kg"), "未检出"),
        ("检出", Detected("g/kg"), "检出"),
        ("阳性", Detected("g/kg"), "检出"),
    ],
)
def test_what_people_type_becomes_its_kind_with_every_digit(typed, value, written):
    parsed = parse_value(typed, unit="g/kg", detection=LIMITS)
    assert parsed == value
    assert write_value(parsed) == written  # 100.20 equals 100.2 as a value: the text must tell them apart


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("", "value_empty"),
        ("　", "value_empty"),
        ("abc", "number_unreadable"),
        ("1.2.3", "number_unreadable"),
        ("NaN", "number_unreadable"),
        ("Infinity", "number_unreadable"),
        ("1_000", "number_unreadable"),
        ("<", "number_unreadable"),
        ("1,200", "number_separator"),
        ("0，5", "number_separator"),
        ("12.5 mg/kg", "value_unit"),
        ("≤5", "value_inclusive_bound"),
        (">=5", "value_inclusive_bound"),
        ("1e400", "number_out_of_range"),
        ("1e99999", "number_unreadable"),
        ("1" * 41, "number_out_of_range"),
        ("1" * 201, "value_too_long"),
        ("<0", "limit_not_positive"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_a_stable_code(typed, code):
    with pytest.raises(MetrologyError) as refusal:
        parse_value(typed, unit="g/kg", detection=LIMITS)
    assert refusal.value.code == code


def test_a_quantification_limit_must_be_known_to_report_below_it():
    with pytest.raises(MetrologyError) as refusal:
        parse_value("<LOQ", unit="g/kg")
    assert refusal.value.code == "value_loq_unknown"


def test_words_are_kept_only_where_the_test_item_is_descriptive():
    assert parse_value("色泽正常", allow_text=True) == Text("色泽正常")
    with pytest.raises(MetrologyError):
        parse_value("色泽正常")


def test_five_counts_stay_five_values():
    counts = parse_counts("9.0e3, 1.2×10^4; 8.5e3、< 10 未检出", unit="CFU/g")
    assert [write_value(value) for value in counts.values] == [
        "9.0×10^3",
        "1.2×10^4",
        "8.5×10^3",
        "<10",
        "未检出",
    ]
    assert write_value(counts, "en").endswith("<10, Not detected")


@pytest.mark.parametrize(("typed", "code"), [("", "value_empty"), ("1 " * 61, "counts_number")])
def test_counts_out_of_number_are_refused(typed, code):
    with pytest.raises(MetrologyError) as refusal:
        parse_counts(typed)
    assert refusal.value.code == code


def test_not_detected_is_printed_with_the_limit_of_the_method():
    value = NotDetected(Decimal("0.003"), "g/kg")
    assert write_value_with_limit(value, "zh") == "未检出(检出限:0.003 g/kg)"
    assert write_value_with_limit(value, "en") == "Not detected (detection limit 0.003 g/kg)"
    only_loq = DetectionLimits(loq=Decimal("0.01")).not_detected("g/kg")
    assert write_value_with_limit(only_loq, "zh") == "未检出(定量限:0.01 g/kg)"
    assert write_value_with_limit(NotDetected(), "en") == "Not detected"


@pytest.mark.parametrize(
    ("figure", "kind"),
    [
        ("0.0029999", NotDetected(Decimal("0.003"))),
        ("0.003", BelowQuantification(Decimal("0.01"))),
        ("0.0099", BelowQuantification(Decimal("0.01"))),
        ("0.01", Number(Decimal("0.01"))),
    ],
)
def test_a_figure_below_the_limits_of_the_method_becomes_its_kind(figure, kind):
    assert against_detection(Number(Decimal(figure)), LIMITS) == kind


def test_a_detection_limit_above_the_quantification_limit_is_refused():
    with pytest.raises(MetrologyError) as refusal:
        DetectionLimits(lod=Decimal(2), loq=Decimal(1))
    assert refusal.value.code == "detection_limits_crossed"


figures = st.builds(
    lambda sign, digits, exponent: Decimal((sign, digits, exponent)),
    st.integers(0, 1),
    st.lists(st.integers(0, 9), min_size=1, max_size=20).map(tuple),
    st.integers(-40, 40),
)
positive = figures.map(abs).filter(lambda figure: figure > 0)
units = st.sampled_from(["", "g/kg", "CFU/g", "℃"])


def counts_of(unit):
    return (
        st.builds(Number, figures, st.just(unit), st.sampled_from(Mark))
        | st.builds(NotDetected, st.none() | positive, st.just(unit))
        | st.builds(BelowQuantification, positive, st.just(unit))
        | st.builds(GreaterThan, figures, st.just(unit))
        | st.builds(Detected, st.just(unit))
    )


values = units.flatmap(
    lambda unit: (
        counts_of(unit)
        | st.builds(Text, st.text(min_size=1).filter(str.strip), st.just(unit))
        | st.builds(Counts, st.lists(counts_of(unit), min_size=1, max_size=5).map(tuple), st.just(unit))
    )
)


def exactly(value):
    """As text with all digits: equality of decimals would forget trailing zeros."""
    return json.dumps(store_value(value), sort_keys=True)


@given(units.flatmap(counts_of))
def test_reading_a_printed_value_gives_the_value_back(value):
    lod = value.lod if isinstance(value, NotDetected) else None
    again = parse_value(write_value(value), unit=value.unit, detection=DetectionLimits(lod=lod))
    assert exactly(again) == exactly(value)


@given(values)
def test_a_stored_value_comes_back_with_every_digit(value):
    restored = restore_value(json.loads(json.dumps(store_value(value))))
    assert restored == value
    assert exactly(restored) == exactly(value)


@pytest.mark.parametrize(
    "broken",
    [
        {},
        {"kind": "number", "unit": ""},
        {"kind": "number", "unit": "", "figure": "x"},
        {"kind": "number", "unit": "", "figure": "NaN"},
        {"kind": "magic", "unit": ""},
        {"kind": "counts", "unit": "", "values": [{"kind": "text", "unit": "", "text": "x"}]},
        {"kind": "counts", "unit": "", "values": []},
    ],
)
def test_a_stored_value_that_was_damaged_is_not_guessed(broken):
    with pytest.raises(MetrologyError) as refusal:
        restore_value(broken)
    assert refusal.value.code == "stored_value_broken"


@given(st.text(max_size=60))
def test_no_typed_text_does_more_than_be_refused(typed):
    try:
        value = parse_value(typed, unit="mg/kg")
    except MetrologyError:
        return
    assert exactly(parse_value(write_value(value), unit="mg/kg")) == exactly(value)
