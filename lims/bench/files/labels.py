"""Words of instrument files and their mappings, and their places in the navigation."""

from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import Session

from lims.bench.files.import_shapes import Fate
from lims.bench.files.instrument_files import count_waiting_files
from lims.bench.files.layout import DecimalMark, Delimiter, Encoding, Meaning, Repeats, TableShape
from lims.core.paging import CappedCount
from lims.core.permissions import Actor, Role
from lims.core.permissions import Permission as P
from lims.ui.labels import Tone, register
from lims.ui.navigation import CAP, Entry
from lims.ui.navigation import register as register_entry

register(
    Encoding,
    {
        Encoding.AUTO: _l("found by itself"),
        Encoding.UTF8: "UTF-8",
        Encoding.GB18030: "GB 18030",
        Encoding.UTF16: "UTF-16",
    },
)
register(
    Delimiter,
    {
        Delimiter.AUTO: _l("found by itself"),
        Delimiter.COMMA: _l("comma ,"),
        Delimiter.SEMICOLON: _l("semicolon ;"),
        Delimiter.TAB: _l("tab"),
        Delimiter.BAR: _l("bar |"),
        Delimiter.BLANKS: _l("one or more blanks"),
    },
)
register(DecimalMark, {DecimalMark.POINT: _l("point: 1.5"), DecimalMark.COMMA: _l("comma: 1,5")})
register(
    TableShape,
    {
        TableShape.WIDE: _l("one row a sample, one column an analyte"),
        TableShape.LONG: _l("one row a sample and analyte"),
    },
)
register(
    Repeats,
    {Repeats.REFUSE: _l("is refused"), Repeats.COUNT: _l("is the next replicate")},
)
register(
    Meaning,
    {
        Meaning.NOT_DETECTED: _l("not detected"),
        Meaning.BELOW_LOQ: _l("below quantification"),
        Meaning.FAILED: _l("no figure: the row is refused"),
        Meaning.EMPTY: _l("empty"),
    },
)
register(
    Fate,
    {Fate.FILLS: _l("will be taken"), Fate.STANDS: _l("stands already"), Fate.REFUSED: _l("refused")},
    {Fate.FILLS: Tone.WORKING, Fate.STANDS: Tone.DONE, Fate.REFUSED: Tone.FAULT},
)


def _waiting(session: Session, _actor: Actor) -> CappedCount:
    return count_waiting_files(session, CAP)


register_entry(
    Entry(
        "bench.instrument_files",
        _l("Instrument files"),
        P.CAPTURE_READ,
        365,
        frozenset({Role.ANALYST}),
        _waiting,
    )
)
register_entry(
    Entry("bench.mappings", _l("File mappings"), P.EQUIPMENT_READ, 366, frozenset({Role.EQUIPMENT_MANAGER}))
)
