"""marshmallow's English sentences in the reader's language."""

import re
from collections.abc import Sequence

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from lims.ui.labels import Text

# (marshmallow's sentence, ours). Placeholders are taken over by name.
_KNOWN: tuple[tuple[str, Text], ...] = (
    ("Missing data for required field.", _l("Please fill this in.")),
    ("Field may not be null.", _l("Please fill this in.")),
    ("Invalid value.", _l("This value cannot be used.")),
    ("Invalid input.", _l("This value cannot be used.")),
    ("Invalid type.", _l("This value cannot be used.")),
    ("Invalid input type.", _l("This value cannot be used.")),
    ("Unknown field.", _l("This field is not known here.")),
    ("Not a valid file.", _l("A file is expected here.")),
    ("Not a valid list.", _l("A list is expected here.")),
    ("Not a valid mapping type.", _l("Named values are expected here.")),
    ("Not a valid string.", _l("Text is expected here.")),
    ("Not a valid utf-8 string.", _l("Text is expected here.")),
    ("Not a valid UUID.", _l("This is not a valid identifier.")),
    ("Not a valid number.", _l("A number is expected here.")),
    ("Number too large.", _l("This number is too large.")),
    ("Not a valid integer.", _l("A whole number is expected here.")),
    ("Special numeric values (nan or infinity) are not permitted.", _l("A number is expected here.")),
    ("Not a valid boolean.", _l("Yes or no is expected here.")),
    ("Not a valid date.", _l("A date such as 2026-11-22 is expected here.")),
    ("Not a valid time.", _l("A time such as 14:05 is expected here.")),
    ("Not a valid datetime.", _l("Date and time such as 2026-11-22 14:05 are expected here.")),
    ("Not a valid aware datetime.", _l("Date and time with a time zone are expected here.")),
    ("Not a valid naive datetime.", _l("Date and time without a time zone are expected here.")),
    ("Not a valid period of time.", _l("A period of time is expected here.")),
    ("Not a valid URL.", _l("This is not a valid address.")),
    ("Not a valid email address.", _l("This is not a valid e-mail address.")),
    ("Not a valid IP address.", _l("This is not a valid IP address.")),
    ("String does not match expected pattern.", _l("This is not written as expected here.")),
    ("Must be one of: {choices}.", _l("Please choose one of: %(choices)s.")),
    (
        "One or more of the choices you made was not in: {choices}.",
        _l("Please choose from: %(choices)s."),
    ),
    ("One or more of the choices you made was in: {values}.", _l("Not allowed here: %(values)s.")),
    ("Must be equal to {other}.", _l("Must be equal to %(other)s.")),
    ("Shorter than minimum length {min}.", _l("At least %(min)s characters are needed.")),
    ("Longer than maximum length {max}.", _l("At most %(max)s characters are possible.")),
    ("Length must be between {min} and {max}.", _l("Between %(min)s and %(max)s characters are needed.")),
    ("Length must be {equal}.", _l("Exactly %(equal)s characters are needed.")),
    (
        "Must be greater than or equal to {min} and less than or equal to {max}.",
        _l("Must be between %(min)s and %(max)s."),
    ),
    (
        "Must be greater than {min} and less than or equal to {max}.",
        _l("Must be greater than %(min)s and at most %(max)s."),
    ),
    (
        "Must be greater than or equal to {min} and less than {max}.",
        _l("Must be at least %(min)s and less than %(max)s."),
    ),
    (
        "Must be greater than {min} and less than {max}.",
        _l("Must be greater than %(min)s and less than %(max)s."),
    ),
    ("Must be greater than or equal to {min}.", _l("Must be at least %(min)s.")),
    ("Must be greater than {min}.", _l("Must be greater than %(min)s.")),
    ("Must be less than or equal to {max}.", _l("Must be at most %(max)s.")),
    ("Must be less than {max}.", _l("Must be less than %(max)s.")),
)


def _pattern(sentence: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>.*)", re.escape(sentence)), re.DOTALL)


_PATTERNS = tuple((_pattern(sentence), ours) for sentence, ours in _KNOWN)


def in_our_words(sentence: str) -> str:
    """A validator's sentence for people; sentences that are not marshmallow's pass as they are."""
    for pattern, ours in _PATTERNS:
        if found := pattern.fullmatch(sentence):
            text = str(ours)
            for name, value in found.groupdict().items():
                text = text.replace(f"%({name})s", value)
            return text
    return sentence


def all_in_our_words(sentences: Sequence[str]) -> list[str]:
    return [in_our_words(sentence) for sentence in sentences]


def summary(faults: int) -> str:
    """The sentence above a form with ``faults`` wrong fields."""
    return str(_("Nothing was saved yet: please look at the marked fields (%(n)s).", n=faults))


_ERRORS: dict[int, tuple[Text, Text]] = {
    400: (_l("This request cannot be understood"), _l("Load the page again and repeat what you did.")),
    401: (_l("Please sign in"), _l("Your session may have ended; nothing you saved is lost.")),
    403: (_l("Not open to you"), _l("If this belongs to your work, ask an administrator for the role.")),
    404: (_l("Nothing here"), _l("The address may be wrong, or the entry is not open to you.")),
    405: (_l("This does not work that way"), _l("Go back and use the buttons of the page.")),
    409: (_l("This step is not possible now"), _l("Load the page again to see its present state.")),
    413: (_l("Too large"), _l("Send a smaller file, or fewer rows at once.")),
    422: (_l("Something is not right yet"), _l("Go back; what you typed is still there.")),
    429: (_l("Too fast"), _l("Wait a little, then try again.")),
    503: (_l("Not available right now"), _l("Try again in a minute.")),
}


_HTTP: dict[int, Text] = {
    400: _l("This request could not be understood."),
    404: _l("There is nothing at this address."),
    405: _l("This address does not take such a request."),
    413: _l("This is larger than can be taken."),
    415: _l("This kind of content is not taken here."),
}


def http_sentence(status: int) -> Text:
    """What a status of the protocol means, where nobody says it better."""
    other: Text = _l("This request could not be answered.")
    return _HTTP.get(status, other)


def error_title(status: int) -> Text:
    title: Text = _ERRORS[status][0] if status in _ERRORS else _l("A fault of ours")
    return title


def error_advice(status: int) -> Text:
    """What to do about it."""
    fault: Text = _l("Nothing was half saved. Tell whoever runs this server the number above.")
    return _ERRORS[status][1] if status in _ERRORS else fault


def script_words() -> dict[str, str]:
    """What our scripts say (``word()`` in common.js)."""
    return {
        "offline": _("The server cannot be reached. What you typed is kept here and sent later."),
        "failed": _("This was not saved."),
        "saved": _("Saved."),
        "changedMeanwhile": _("Somebody saved {value} here meanwhile; what you typed is not saved."),
        "pasted": _("{n} cells filled."),
        "pastedTooMany": _("{n} cells filled; {over} lines had no row."),
        "pastedRows": _("{n} rows pasted. Please look them over."),
        "faultyRows": _("{n} of {all} rows are not right yet."),
        "rowsRight": _("{n} rows, all right."),
        "stable": _("stable"),
        "unstable": _("not stable"),
        "noReading": _("no reading"),
        "notUsable": _("not usable"),
        "silent": _("The device sends nothing."),
        "waitStable": _("Not stable yet: wait for the mark."),
        "taken": _("Taken: {value} {unit}"),
        "taking": _("taking"),
        "printed": _("Use printed {value} {unit}"),
        "chooseCell": _("Choose a cell first."),
    }
