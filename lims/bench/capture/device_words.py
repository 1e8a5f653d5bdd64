"""What a device or its gateway says when there is no reading, in sentences for the person who waits for one."""

from collections.abc import Mapping

from flask_babel import lazy_gettext as _l

from lims.ui.labels import Text

_NOT_STABLE = _l("The device did not come to rest in time.")
_OVERLOAD = _l("Overload: there is too much on the device.")
_UNDERLOAD = _l("Underload: the pan is missing or the device is not at zero.")
_NO_VALUE = _l("The device gave no value.")
# Codes of captures and of command results (docs/capture-protocol.md), and kinds of events.
SENTENCES: Mapping[str, Text] = {
    "S I": _NOT_STABLE,
    "status": _NOT_STABLE,
    "not_stable": _NOT_STABLE,
    "S +": _OVERLOAD,
    "overload": _OVERLOAD,
    "S -": _UNDERLOAD,
    "underload": _UNDERLOAD,
    "no_answer": _l("The device did not answer."),
    "timeout": _l("The device did not answer."),
    "link_unplugged": _l("The device is unplugged."),
    "several_values": _l(
        "The device stated several values at once, and it is not clear which is meant: claim one of them by hand."
    ),
    "too_many_values": _l("The frame states too many values; none of them is offered."),
    "bad_checksum": _l("What came was damaged on its way; take the reading again."),
    "wrong_device": _l("The device says it is another than the register holds."),
    "too_late": _l("The device was busy too long; take the reading again."),
    "no_such_command": _l("This device cannot do that."),
    "device_restarted": _l("The device restarted meanwhile; take the reading again."),
    "unknown_device": _l("The gateway has no such device in its configuration."),
    "not_set_up": _l("The device did not take the set-up: it says it is something else."),
    "-222": _l("The device refused the set-up: out of its range."),
    "-113": _l("The device does not know this set-up."),
    "not_fetched": _l("The gateway did not fetch the command."),
}


def why_no_value(code: str | None) -> str:
    """The sentence for ``code``; the device's own text where we have no better one."""
    known = SENTENCES.get(code or "")
    if known is not None:
        return str(known)
    return str(_NO_VALUE) if not code else f"{_NO_VALUE} ({code})"
