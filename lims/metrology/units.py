"""Exact conversion between the units results and limits are written in."""

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from lims.metrology.errors import MetrologyError
from lims.metrology.exact import Exact, to_decimal, to_fraction


@dataclass(frozen=True, slots=True)
class Unit:
    """``value`` in this unit is ``value * factor + offset`` in the first unit of its dimension."""

    dimension: str
    factor: Fraction
    offset: Fraction = Fraction(0)


def _table() -> dict[str, Unit]:
    scales = {
        "mass": {"g": "1", "kg": "1e3", "mg": "1e-3", "µg": "1e-6", "ng": "1e-9", "t": "1e6"},
        "length": {"m": "1", "km": "1e3", "dm": "1e-1", "cm": "1e-2", "mm": "1e-3", "µm": "1e-6"},
        "volume": {"L": "1", "mL": "1e-3", "µL": "1e-6", "dL": "1e-1", "m3": "1e3", "cm3": "1e-3"},
        "mass fraction": {
            "g/g": "1",
            "%": "1e-2",
            "g/100g": "1e-2",
            "mg/100g": "1e-5",
            "g/kg": "1e-3",
            "mg/g": "1e-3",
            "mg/kg": "1e-6",
            "µg/g": "1e-6",
            "µg/kg": "1e-9",
            "ng/g": "1e-9",
            "ng/kg": "1e-12",
        },
        "mass concentration": {
            "g/L": "1",
            "mg/mL": "1",
            "g/100mL": "10",
            "mg/L": "1e-3",
            "µg/mL": "1e-3",
            "µg/L": "1e-6",
            "ng/mL": "1e-6",
            "mg/100mL": "1e-2",
        },
        "colonies by mass": {"CFU/g": "1", "CFU/kg": "1e-3", "CFU/25g": "4e-2", "CFU/10g": "1e-1"},
        "colonies by volume": {"CFU/mL": "1", "CFU/100mL": "1e-2", "CFU/250mL": "4e-3", "CFU/L": "1e-3"},
        "resistance": {"Ω": "1", "mΩ": "1e-3", "µΩ": "1e-6", "kΩ": "1e3", "MΩ": "1e6"},
        "resistance by length": {"Ω/m": "1", "mΩ/m": "1e-3", "Ω/km": "1e-3", "mΩ/km": "1e-6"},
        "migration by area": {"mg/dm2": "1", "µg/dm2": "1e-3", "mg/m2": "1e-2"},
        "pressure": {"Pa": "1", "kPa": "1e3", "MPa": "1e6", "N/mm2": "1e6"},
        "time": {"s": "1", "min": "60", "h": "3600"},
    }
    table = {
        symbol: Unit(dimension, Fraction(factor))
        for dimension, symbols in scales.items()
        for symbol, factor in symbols.items()
    }
    table["K"] = Unit("temperature", Fraction(1))
    table["°C"] = Unit("temperature", Fraction(1), Fraction("273.15"))
    return table


_UNITS = _table()
_SPELLINGS = str.maketrans({"\u03bc": "µ", "\u2126": "Ω", "²": "2", "³": "3", "\u2103": "℃"})
_OTHER_NAMES = {"degC": "°C", "℃": "°C", "％": "%"}


def canonical(symbol: str) -> str:
    """One spelling for one unit: ``g/100 g`` is ``g/100g``, ``μg`` is ``µg``, ``milliohm/m`` is ``mΩ/m``."""
    plain = "".join(symbol.split()).translate(_SPELLINGS)
    plain = plain.replace("milliohm", "mΩ").replace("ohm", "Ω")
    return _OTHER_NAMES.get(plain, plain)


def same_unit(one: str, other: str) -> bool:
    return one == other or canonical(one) == canonical(other)


def convert(value: Exact, source: str, target: str) -> Fraction:
    """Convert without loss; the same unit converts to itself even when it is not in the table.

    Raises MetrologyError ``unit_unknown`` or ``unit_incompatible`` (CFU/g is not a mass fraction).
    """
    if same_unit(source, target):
        return to_fraction(value)
    here, there = _look_up(source), _look_up(target)
    if here.dimension != there.dimension:
        raise MetrologyError(
            "unit_incompatible", "%(source)s cannot be converted to %(target)s.", source=source, target=target
        )
    return (to_fraction(value) * here.factor + here.offset - there.offset) / there.factor


def convert_decimal(value: Exact, source: str, target: str) -> Decimal:
    """As ``convert``, written as a decimal that may still be rounded once (see ``exact.to_decimal``)."""
    if isinstance(value, Decimal) and same_unit(source, target):
        return value
    return to_decimal(convert(value, source, target))


def known_units(like: str | None = None) -> tuple[str, ...]:
    """All units of the table, or those that convert to and from ``like``, in the order of the table."""
    dimension = None if like is None else _look_up(like).dimension
    return tuple(symbol for symbol, unit in _UNITS.items() if dimension in (None, unit.dimension))


def _look_up(symbol: str) -> Unit:
    unit = _UNITS.get(canonical(symbol))
    if unit is None:
        raise MetrologyError("unit_unknown", "The unit %(symbol)s is not known here.", symbol=symbol or "-")
    return unit
