"""Units convert exactly or not at all."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lims.metrology.errors import MetrologyError
from lims.metrology.units import convert, convert_decimal, known_units, same_unit


@pytest.mark.parametrize(
    ("value", "source", "target", "result"),
    [
        ("100.20", "g", "mg", "100200"),
        ("80.4", "mg/kg", "g/kg", "0.0804"),
        ("0.25", "g/100 g", "%", "0.25"),
        ("0.25", "g/100g", "mg/kg", "2500"),
        ("20", "μg/kg", "mg/kg", "0.02"),
        ("20", "µg/kg", "ng/g", "20"),
        ("7.512", "mΩ/m", "Ω/km", "7.512"),
        ("7.512", "milliohm/m", "ohm/km", "7.512"),
        ("1.5", "kΩ", "Ω", "1500"),
        ("5", "CFU/25g", "CFU/g", "0.2"),
        ("24.6", "℃", "K", "297.75"),
        ("297.75", "K", "degC", "24.6"),
        ("1", "h", "s", "3600"),
    ],
)
def test_conversions_a_laboratory_meets_are_exact(value, source, target, result):
    assert convert(Decimal(value), source, target) == Fraction(result)


@pytest.mark.parametrize(
    ("source", "target", "code"),
    [
        ("mg/kg", "mg/L", "unit_incompatible"),
        ("CFU/g", "CFU/mL", "unit_incompatible"),
        ("CFU/g", "mg/kg", "unit_incompatible"),
        ("furlong", "m", "unit_unknown"),
        ("", "mg/kg", "unit_unknown"),
        ("Mg", "mg", "unit_unknown"),
    ],
)
def test_what_cannot_be_converted_is_refused(source, target, code):
    with pytest.raises(MetrologyError) as refusal:
        convert(Decimal(1), source, target)
    assert refusal.value.code == code


def test_a_unit_nobody_listed_is_still_itself():
    assert convert(Decimal("8.3"), "NTU", "NTU") == Fraction("8.3")
    assert same_unit("g/100 g", "g/100g")
    assert same_unit("Ω", "Ω")


def test_the_same_unit_keeps_every_digit():
    assert str(convert_decimal(Decimal("100.20"), "g", "g")) == "100.20"


@given(st.decimals(min_value=-999, max_value=999, places=5), st.sampled_from(known_units()), st.data())
def test_converting_there_and_back_changes_nothing(value, source, data):
    target = data.draw(st.sampled_from(known_units(like=source)))
    assert convert(convert(value, source, target), target, source) == Fraction(value)
