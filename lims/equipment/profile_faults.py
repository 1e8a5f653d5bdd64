"""What is wrong with a device profile, said to the person who writes it.

The instruments name it by a stable word and what it concerns; their own sentence is English, for a terminal.
"""

from collections.abc import Mapping

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from instruments.errors import ProfileWrong
from lims.core.errors import InvalidInput
from lims.ui.labels import Text

_WHY: Mapping[str, Text] = {
    "pattern_long": _l("The pattern is longer than 500 characters."),
    "pattern_wrong": _l("The pattern is not a regular expression."),
    "pattern_flags": _l("The pattern cannot switch flags such as (?i) on; write both letters: [Kk]g."),
    "pattern_open": _l("The pattern leaves too much open: say what stands there, or how wide it is."),
    "pattern_looks": _l(
        "The pattern leaves much open and looks around or repeats a group: write it without."
    ),
    "pattern_value": _l("The pattern needs a group called value: (?P<value>…)."),
    "fact_bool": _l("%(name)s must be true or false."),
    "fact_int": _l("%(name)s must be a whole number."),
    "fact_float": _l("%(name)s must be a number."),
    "fact_text": _l("%(name)s must be a text in quotes."),
    "fact_choice": _l("%(name)s must be one of: %(choices)s."),
    "fact_unknown": _l("%(where)s: nobody knows %(unknown)s here; known are %(known)s."),
    "text_long": _l("%(name)s must be a text of at most %(longest)s characters."),
    "text_unsendable": _l("%(name)s holds characters that cannot be sent."),
    "no_byte": _l("%(name)s holds a character that is no byte."),
    "out_of_range": _l("%(name)s must be a number from %(low)s to %(high)s."),
    "whole_out_of_range": _l("%(name)s must be a whole number from %(low)s to %(high)s."),
    "list_wrong": _l("%(name)s must be a list of at most %(most)s."),
    "profile_long": _l("The profile is longer than %(longest)s characters."),
    "not_toml": _l("This is no TOML: %(why)s."),
    "no_protocol": _l("There is no protocol %(protocol)s; there are: %(known)s."),
    "value_kind": _l("A profile holds texts, numbers, true and false; no dates, and nothing empty."),
    "no_table": _l("%(name)s must be a table."),
    "dialogues_long": _l("The dialogues are longer than %(most)s bytes together."),
    "expected_wrong": _l("%(where)s: expected must be an event with its kind, or a list of such events."),
    "source_missing": _l("%(where)s: say under source where the bytes come from."),
    "terminator_wrong": _l("The end of the line must be one to eight ASCII characters."),
    "setup_twice": _l("Two set-ups have the same key."),
    "setup_wrong": _l(
        "%(where)s: key is small letters, figures and dashes; send is a list of one to ten commands."
    ),
    "command_asks": _l("%(where)s: %(command)s is no command without an answer."),
    "register_wrong": _l("Register %(name)s cannot be used: %(wrong)s."),
    "register_missing": _l("Register %(place)s: %(names)s is missing."),
    "register_kind": _l("Register %(place)s: %(names)s is of the wrong kind."),
    "encoding_wrong": _l("There is no encoding %(encoding)s whose control characters are single bytes."),
}


def profile_wrong(fault: ProfileWrong, field: str = "profile") -> InvalidInput:
    """Of a pattern that is no regular expression also what its reader says, which knows the place."""
    known = _WHY.get(fault.reason)
    if known is None:
        sentence = _("This profile cannot be used: %(why)s.", why=str(fault))
    else:
        sentence = str(known) % {name: _shown(text) for name, text in fault.named.items()}
    if fault.reason == "pattern_wrong":
        sentence = f"{sentence} ({fault})"
    if fault.reason.startswith("pattern_") and field == "profile":
        field = "pattern"
    return InvalidInput(sentence, code="profile_wrong", fields={field: [sentence]})


def _shown(text: object) -> str:
    """What somebody wrote may be as long as a profile."""
    words = str(text)
    return words if len(words) <= 400 else f"{words[:400]}…"
