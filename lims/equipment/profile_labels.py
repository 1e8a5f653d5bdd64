"""Words of device profiles: facts of protocols, what a byte decides, commands; and their place in the navigation."""

from collections.abc import Mapping

from flask_babel import lazy_gettext as _l

from instruments.anatomy import Part
from instruments.codec import Verb
from lims.core.permissions import Permission, Role
from lims.ui.labels import Text, register
from lims.ui.navigation import Entry
from lims.ui.navigation import register as register_entry

register(
    Part,
    {
        Part.VALUE: _l("value"),
        Part.UNIT: _l("unit"),
        Part.STATUS: _l("status or stability"),
        Part.CHECK: _l("check digits"),
        Part.MORE: _l("further information"),
        Part.FIXED: _l("layout of the frame"),
        Part.IDLE: _l("without effect"),
        Part.UNKNOWN: _l("not understood"),
    },
)
# Under each byte, so that nobody needs the colour.
PART_MARKS: Mapping[Part, str] = {
    Part.VALUE: "V",
    Part.UNIT: "U",
    Part.STATUS: "S",
    Part.CHECK: "C",
    Part.MORE: "i",
    Part.FIXED: "·",
    Part.IDLE: "–",
    Part.UNKNOWN: "?",
}
FACTS: Mapping[str, Text] = {
    "identify": _l("Question to which it answers who it is"),
    "acknowledges": _l("Answers tare and zero"),
    "bare_acknowledge": _l("Acknowledges with 06h alone"),
    "ending": _l("What follows the checksum"),
    "encoding": _l("Encoding of its texts"),
    "orders": _l("Worklists: none, send, or ask"),
    "columns": _l("Columns of the figure"),
    "marker_column": _l("Column of the marker of stability"),
    "crlf": _l("Commands end with CR LF"),
    "unit": _l("Unit, where the wire carries none"),
    "echoes_si": _l("Answers SI with the id SI"),
    "free_columns": _l("Values need not stand in ten columns"),
    "stable_timeout_s": _l("Longest wait for stability, s"),
    "identifies": _l("Tells its serial number"),
    "query": _l("Question for a reading"),
    "deadline_s": _l("Longest wait for an answer, s"),
    "most_errors": _l("Errors it remembers"),
    "checked": _l("A check follows the CR"),
    "unit_in_c": _l("Status word C names the unit"),
    "reversed_digits": _l("Lowest digit first"),
    "mark_ends": _l("The mark = stands behind the figure"),
    "address": _l("Address of the indicator"),
    "command_shown": _l("Shown weight: B gross, D net"),
}
VERBS: Mapping[Verb, Text] = {
    Verb.IDENTIFY: _l("who are you"),
    Verb.TAKE: _l("take a stable reading"),
    Verb.LOOK: _l("the figure now"),
    Verb.STREAM: _l("figures until told otherwise"),
    Verb.TARE: _l("tare"),
    Verb.ZERO: _l("zero"),
    Verb.EXPLAIN: _l("the next error"),
}
register_entry(
    Entry(
        "equipment.device_profiles",
        _l("Device profiles"),
        Permission.EQUIPMENT_READ,
        420,
        frozenset({Role.ADMINISTRATOR, Role.EQUIPMENT_MANAGER}),
    )
)
