"""How a figure is written on paper and read back, every digit kept."""

import re
import unicodedata
from decimal import Decimal

from lims.metrology.errors import MetrologyError

MAX_TEXT = 200
_MAX_DIGITS = 40
_MAX_POWER = 99
_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺", "0123456789-+")
_RAISED = re.compile("[⁺⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+")
_NUMERAL = re.compile(
    r"""(?P<sign>[+-])?
    (?: (?P<mantissa>\d+(?:\.\d*)?|\.\d+)
        (?: [eE](?P<exponent>[+-]?\d{1,4}) | [x×·*]10(?:\^|\*\*)(?P<power>[+-]?\d{1,4}) )?
      | 10(?:\^|\*\*)(?P<bare>[+-]?\d{1,4}) )""",
    re.VERBOSE | re.ASCII,
)


def plain_text(typed: str) -> str:
    """Fold what Chinese keyboards and spreadsheets write: full-width signs, superscripts, odd minus signs."""
    # Superscripts first: compatibility folding would turn 10⁴ into 104.
    raised = _RAISED.sub(lambda found: "^" + found[0].translate(_SUPERSCRIPTS), typed)
    folded = unicodedata.normalize("NFKC", raised)
    for minus in "−‐‑‒–—﹣":
        folded = folded.replace(minus, "-")
    return folded.strip()


def read_numeral(text: str) -> Decimal:
    """Read ``100.20``, ``9.0e3``, ``1.2×10^4``, ``10⁴`` and keep every digit.

    Raises MetrologyError: ``number_separator`` for a comma, ``number_out_of_range`` beyond 40 digits or
    10^±99, ``number_unreadable`` for anything else.
    """
    joined = _join_power(plain_text(text))
    if "," in joined:
        raise MetrologyError(
            "number_separator",
            "%(text)s has a comma: write a point for decimals and nothing between thousands.",
            text=text[:MAX_TEXT],
        )
    found = _NUMERAL.fullmatch(joined)
    if found is None:
        raise MetrologyError("number_unreadable", "%(text)s is not a number.", text=text[:MAX_TEXT])
    mantissa = found["mantissa"] or "1"
    power = found["exponent"] or found["power"] or found["bare"] or "0"
    number = Decimal(f"{found['sign'] or ''}{mantissa}E{power}")
    if not is_writable(number):
        raise MetrologyError(
            "number_out_of_range",
            "%(text)s is out of range: at most 40 digits, between 10^-99 and 10^99.",
            text=text[:MAX_TEXT],
        )
    return number


def split_numeral(text: str) -> tuple[str, str]:
    """Part ``12.5 mg/kg`` into its figure and what follows it; the figure is empty if none stands first."""
    joined = _join_power(plain_text(text))
    found = _NUMERAL.match(joined)
    return (found[0], joined[found.end() :].strip()) if found else ("", joined)


def is_writable(number: Decimal) -> bool:
    """Whether a figure has at most 40 digits and lies between 10^-99 and 10^99 (zero: its last place)."""
    _, digits, exponent = number.as_tuple()
    small_enough = isinstance(exponent, int) and abs(exponent) <= _MAX_POWER
    return small_enough and len(digits) <= _MAX_DIGITS and abs(number.adjusted()) <= _MAX_POWER


def write_numeral(number: Decimal) -> str:
    """Write every digit and no more: ``100.20``, ``1.2×10^4``, ``3.0×10^-9``."""
    sign, digits, exponent = number.as_tuple()
    assert isinstance(exponent, int)
    if exponent <= 0 and number.adjusted() >= -7:
        return f"{number:f}"
    figures = "".join(map(str, digits))
    mantissa = figures if len(figures) == 1 else f"{figures[0]}.{figures[1:]}"
    return f"{'-' if sign else ''}{mantissa}×10^{number.adjusted()}"


def _join_power(text: str) -> str:
    return re.sub(r"\s*([x×·*])\s*(?=10)", r"\1", text)
