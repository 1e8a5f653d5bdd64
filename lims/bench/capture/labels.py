"""Words of captures, and places of inbox and device board in the navigation."""

from collections.abc import Mapping

from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import Session

from lims.bench.capture.inbox import count_waiting
from lims.bench.states import CaptureKind
from lims.core.paging import CappedCount
from lims.core.permissions import Actor, Role
from lims.core.permissions import Permission as P
from lims.ui.labels import Text, Tone, register
from lims.ui.navigation import CAP, Entry
from lims.ui.navigation import register as register_entry

register(
    CaptureKind,
    {
        CaptureKind.READING: _l("reading"),
        CaptureKind.STATUS: _l("status"),
        CaptureKind.FAULT: _l("device fault"),
        CaptureKind.UNPARSED: _l("not understood"),
        CaptureKind.FILE: _l("file of an instrument"),
    },
    {
        CaptureKind.READING: Tone.DONE,
        CaptureKind.FILE: Tone.DONE,
        CaptureKind.STATUS: Tone.PLAIN,
        CaptureKind.UNPARSED: Tone.HELD,
    },
)
TRIGGERS: Mapping[str, Text] = {
    "take": _l("taken from the page"),
    "asked": _l("answer to a command"),
    "unsolicited": _l("print key of the device"),
    "live": _l("kept from the live view"),
    "late": _l("came too late"),
    "file": _l("lay in the watched folder"),
    "": "–",
}
# (words, what it means) of the flags of a capture
FLAGS: Mapping[str, tuple[Text, Text]] = {
    "gap": (_l("gap before it"), _l("The captures before it had not come when it came.")),
    "clock_off": (_l("clock off"), _l("The clock of the bench was more than a minute off ours.")),
    "clock_stepped": (_l("clock was set"), _l("The clock of the bench was set shortly before.")),
    "wrong_device": (_l("another device"), _l("The device said it is another than expected.")),
    "identity_unknown": (_l("identity not proved"), _l("The device had not said who it is.")),
    "late": (_l("late"), _l("It came after the request was given up.")),
    "value_unreadable": (
        _l("figure unreadable"),
        _l("The gateway read a figure that cannot be kept as a number."),
    ),
}
_BENCH = frozenset({Role.ANALYST})
_DEVICES = frozenset({Role.ANALYST, Role.EQUIPMENT_MANAGER})


def _waiting(session: Session, _actor: Actor) -> CappedCount:
    return count_waiting(session, CAP)


register_entry(Entry("bench.captures", _l("Captures"), P.CAPTURE_READ, 360, _BENCH, _waiting))
register_entry(Entry("bench.devices", _l("Live devices"), P.CAPTURE_READ, 370, _DEVICES))
