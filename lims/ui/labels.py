"""Words for what the code calls by enum: every state has a label, a tone and a mark."""

from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal
from enum import Enum, StrEnum
from fractions import Fraction
from typing import Protocol

from flask_babel import format_date, get_locale
from markupsafe import Markup

from lims.core.clock import LAB_ZONE, local_date
from lims.metrology.numerals import write_numeral
from lims.metrology.rounding import round_significant


class Text(Protocol):
    """A str, or flask_babel's lazy string."""

    def __str__(self) -> str: ...


class Tone(StrEnum):
    """The state colours of the house; a colour never stands without a word and a mark."""

    WAITING = "waiting"  # grey
    WORKING = "working"  # blue
    RETURNED = "returned"  # amber
    FAULT = "fault"  # red
    DONE = "done"  # green
    HELD = "held"  # violet
    PLAIN = "plain"  # over, of no concern


MARKS = {
    Tone.WAITING: "○",
    Tone.WORKING: "◐",
    Tone.RETURNED: "↩",
    Tone.FAULT: "▲",
    Tone.DONE: "✓",
    Tone.HELD: "■",
    Tone.PLAIN: "–",
}
# What a value means wherever it occurs; a room overrides it with ``tones`` of register().
_TONES = {
    Tone.WAITING: "expected to_test to_do registered waiting draft open none planned",
    Tone.WORKING: "in_test assigned in_progress submitted accepted reviewed running limited running_in",
    Tone.RETURNED: "returned retest due due_soon warning near_limit disposal_asked conditional",
    Tone.FAULT: "fail failed fault rejected refused out_of_service overdue blocking withdrawn locked expired",
    Tone.DONE: "tested verified approved issued completed closed done pass fit active current ok granted",
    Tone.HELD: "retained held suspended unparsed",
}
_DEFAULT_TONE = {value: tone for tone, values in _TONES.items() for value in values.split()}
_labels: dict[str, dict[str, Text]] = {}
_tones: dict[str, dict[str, Tone]] = {}
_marks: dict[str, dict[str, str]] = {}


def register(
    enum: type[Enum],
    labels: Mapping[Enum, Text],
    tones: Mapping[Enum, Tone] | None = None,
    marks: Mapping[Enum, str] | None = None,
) -> None:
    """Give the members of ``enum`` their words (lazy gettext) and, where the default is wrong, tones and marks."""
    _labels[enum.__name__] = {str(member.value): text for member, text in labels.items()}
    _tones[enum.__name__] = {str(member.value): tone for member, tone in (tones or {}).items()}
    _marks[enum.__name__] = {str(member.value): mark for member, mark in (marks or {}).items()}


def register_words(name: str, words: Mapping[str, Text]) -> None:
    """Words for plain strings that are used like an enum ``name``: ``{{ value|label(name) }}``."""
    _labels[name] = dict(words)


def registered() -> Mapping[str, Mapping[str, Text]]:
    """Enum name -> value -> words: for the test that no member is without."""
    return _labels


def choices(enum: type[Enum]) -> list[tuple[str, Text]]:
    """(value, words) for a select."""
    return [(str(m.value), _labels.get(enum.__name__, {}).get(str(m.value), str(m.value))) for m in enum]


def label(value: object, enum: str | None = None) -> Text:
    """Filter ``label``: the words of an enum member. A plain string needs the enum's name."""
    name = enum or type(value).__name__
    text = str(value.value) if isinstance(value, Enum) else str(value)
    return _labels.get(name, {}).get(text, text)


def tone(value: object, enum: str | None = None) -> Tone:
    name = enum or type(value).__name__
    text = str(value.value) if isinstance(value, Enum) else str(value)
    return _tones.get(name, {}).get(text) or _DEFAULT_TONE.get(text, Tone.PLAIN)


def state(value: object, enum: str | None = None, words: object = None) -> Markup:
    """Filter ``state``: the badge, in colour, mark and word. ``words`` replaces the label."""
    if value is None or value == "":
        return Markup("")
    kind = tone(value, enum)
    text = str(value.value) if isinstance(value, Enum) else str(value)
    mark = _marks.get(enum or type(value).__name__, {}).get(text, "")
    return badge(words if words is not None else label(value, enum), kind, mark)


def badge(words: object, kind: Tone | str = Tone.PLAIN, mark: str = "") -> Markup:
    """A badge of any words in one of the house's tones."""
    mark = mark or MARKS[Tone(kind)]
    # Every row of a list has one, and str.format would parse its text anew each time.
    return Markup(
        '<span class="state state-%s"><span class="state-mark" aria-hidden="true">%s</span>%s</span>'
    ) % (
        str(kind),
        mark,
        str(words),
    )


def in_chinese() -> bool:
    locale = get_locale()
    return locale is None or locale.language == "zh"


def bilingual(row: object, stem: str = "name") -> str:
    """Filter ``name``: ``name_zh``/``name_en`` (or ``title_``, ``text_``... by ``stem``) in the reader's
    language; the other one where that is empty, ``name`` where a row has only that."""
    if row is None:
        return ""
    zh = _attribute(row, f"{stem}_zh") or _attribute(row, stem)
    en = _attribute(row, f"{stem}_en")
    first, second = (zh, en) if in_chinese() else (en, zh)
    return first or second


def _attribute(row: object, name: str) -> str:
    if isinstance(row, Mapping):
        return str(row.get(name) or "")
    return str(getattr(row, name, None) or "")


def instant(value: datetime | None, seconds: bool = False) -> Markup:
    """Filter ``instant``: local time as 2026-11-22 14:05, machine-readable in the element."""
    if value is None:
        return Markup("")
    local = value.astimezone(LAB_ZONE)
    shown = local.strftime("%Y-%m-%d %H:%M:%S" if seconds else "%Y-%m-%d %H:%M")
    return Markup('<time datetime="{}">{}</time>').format(local.isoformat(timespec="seconds"), shown)


def day(value: date | datetime | None) -> str:
    """Filter ``day``: the legal date, 2026-11-22."""
    if value is None:
        return ""
    return (local_date(value) if isinstance(value, datetime) else value).isoformat()


def month_name(value: date) -> str:
    """Filter ``month_name``: the month alone, in the reader's language."""
    return str(format_date(value, "LLLL"))


def number(value: Decimal | int | None) -> str:
    """Filter ``number``: every digit as stored, never an exponent, a true minus sign."""
    if value is None:
        return ""
    return (format(value, "f") if isinstance(value, Decimal) else str(value)).replace("-", "−")


def money(value: Decimal | int | None) -> str:
    """Filter ``money``: CNY with two places."""
    return "" if value is None else f"¥\u202f{Decimal(value):,.2f}"


def shortened(value: Decimal | Fraction | str | None, digits: int) -> str:
    """Filter ``shortened(n)``: at most n significant digits, for a table that explains; never for a result."""
    if value is None:
        return ""
    figure = Decimal(value) if isinstance(value, str) else value
    return write_numeral(round_significant(figure, digits).normalize()).replace("-", "−") if figure else "0"


def risk(value: Decimal | str | None) -> str:
    """Filter ``risk``: a probability in percent with two digits; what is too small to matter says so."""
    if value is None:
        return ""
    percent = Decimal(value) * 100
    if percent < Decimal("0.01"):
        return "<\u202f0.01\u202f%"
    return f"{round_significant(percent, 2).normalize():f}\u202f%"


FILTERS: dict[str, Callable[..., object]] = {
    "label": label,
    "tone": tone,
    "state": state,
    "name": bilingual,
    "instant": instant,
    "day": day,
    "month_name": month_name,
    "number": number,
    "money": money,
    "risk": risk,
    "shortened": shortened,
}
