"""Names in the reader's language, for sentences of use cases and views."""

from collections.abc import Iterable
from enum import StrEnum
from typing import Protocol

import orjson
from flask_babel import get_locale
from flask_babel import gettext as _

from lims.bench.states import InputSource, Verdict
from lims.metrology.stored_values import restore_value
from lims.metrology.values import Language, write_value


def language() -> Language:
    """Of the reader; Chinese outside a request."""
    locale = get_locale()
    return "en" if locale is not None and locale.language == "en" else "zh"


def named(row: object, stem: str = "name") -> str:
    """``name_zh`` or ``name_en`` (or ``label_...``) of a row; Chinese outside a request."""
    zh, en = str(getattr(row, f"{stem}_zh", "")), str(getattr(row, f"{stem}_en", ""))
    return (en or zh) if language() == "en" else (zh or en)


class Reported(Protocol):
    """A ResultVersion, or a row with these of its columns."""

    @property
    def reported(self) -> str: ...

    @property
    def explanation(self) -> str: ...


def reported_text(version: Reported) -> str:
    """The reported value in the reader's language (the database keeps it in Chinese)."""
    if language() == "zh" or not version.reported:
        return version.reported
    notes = orjson.loads(version.explanation)
    return write_value(restore_value(notes["reported"]), "en") if "reported" in notes else version.reported


def said(value: StrEnum) -> str:
    """A verdict or the source of a value, in words."""
    words: dict[StrEnum, str] = {
        Verdict.PASS: _("pass"),
        Verdict.FAIL: _("fail"),
        Verdict.NOT_JUDGED: _("not judged"),
        InputSource.CAPTURE: _("captured"),
        InputSource.TYPED: _("typed"),
        InputSource.IMPORT: _("imported"),
    }
    return words[value]


def flag_words(flags: Iterable[str]) -> list[str]:
    """Flags of captures (``models.Capture.flags``) in words; an unknown one as it is."""
    words = {
        "gap": _("captures before it are missing"),
        "clock_off": _("its clock is far off"),
        "clock_stepped": _("its clock was set meanwhile"),
        "wrong_device": _("another device than the register holds"),
        "identity_unknown": _("the device did not say which it is"),
        "late": _("it came after the wait was over"),
        "value_unreadable": _("its value cannot be read"),
    }
    return [words.get(flag, flag) for flag in flags]
