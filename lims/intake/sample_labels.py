"""Words of samples and their places in the navigation and on the start page."""

from collections.abc import Mapping

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import Session

from lims.core.clock import local_date
from lims.core.paging import CappedCount
from lims.core.permissions import Actor, Role
from lims.core.permissions import Permission as P
from lims.core.web import clock
from lims.intake.label_printing import LabelForm
from lims.intake.receiving import SealState
from lims.intake.sample_list import Due, Wanted, count_samples
from lims.intake.sample_story import Happened, Happening, NextStep
from lims.intake.states import CustodyKind, SampleState, TestState
from lims.ui.labels import Tone, in_chinese, register
from lims.ui.navigation import CAP, Card, Entry, register_card
from lims.ui.navigation import register as register_entry
from reports.labels import CodeKind

register(
    SampleState,
    {
        SampleState.EXPECTED: _l("expected"),
        SampleState.TO_TEST: _l("to test"),
        SampleState.IN_TEST: _l("in test"),
        SampleState.TESTED: _l("tested"),
        SampleState.RETAINED: _l("retained"),
        SampleState.DISPOSAL_ASKED: _l("disposal asked"),
        SampleState.DISPOSED: _l("disposed of"),
        SampleState.RETURNED: _l("returned to customer"),
        SampleState.REFUSED: _l("refused"),
        SampleState.CANCELLED: _l("cancelled"),
    },
    {SampleState.IN_TEST: Tone.WORKING, SampleState.RETURNED: Tone.PLAIN},
)
register(
    TestState,
    {
        TestState.TO_DO: _l("to assign"),
        TestState.ASSIGNED: _l("assigned"),
        TestState.IN_PROGRESS: _l("in work"),
        TestState.SUBMITTED: _l("submitted"),
        TestState.RETURNED: _l("returned"),
        TestState.VERIFIED: _l("verified"),
        TestState.REJECTED: _l("rejected"),
        TestState.CANCELLED: _l("cancelled"),
    },
)
register(
    CustodyKind,
    {
        CustodyKind.RECEIVED: _l("received"),
        CustodyKind.HANDED_OVER: _l("handed over"),
        CustodyKind.STORED: _l("stored"),
        CustodyKind.TAKEN: _l("taken from store"),
        CustodyKind.SPLIT: _l("split"),
        CustodyKind.SENT_BACK: _l("returned to customer"),
        CustodyKind.DISPOSED: _l("disposed of"),
        CustodyKind.UNDONE: _l("taken back"),
    },
)
register(
    SealState,
    {
        SealState.INTACT: _l("intact"),
        SealState.BROKEN: _l("broken"),
        SealState.NONE: _l("no seal"),
    },
)
register(
    Due,
    {
        Due.LATE: _l("late"),
        Due.TODAY: _l("today"),
        Due.WEEK: _l("within 7 days"),
        Due.RETENTION: _l("retention over"),
    },
)
register(
    NextStep,
    {
        NextStep.RECEIVE: _l("Receive it when it comes"),
        NextStep.RETAIN_BACKUP: _l("Store the sealed backup"),
        NextStep.ASSIGN: _l("Assign its tests"),
        NextStep.TEST: _l("Begin its tests"),
        NextStep.FINISH_TESTS: _l("Finish and verify its tests"),
        NextStep.KEEP_OR_RETURN: _l("Retain or return it"),
        NextStep.KEEP: _l("Keep it until its day"),
        NextStep.RELEASE: _l("Retention is over: return it or ask for disposal"),
        NextStep.DECIDE_DISPOSAL: _l("Another person decides on disposal"),
        NextStep.SEND_BACK: _l("Return the refused sample"),
        NextStep.NOTHING: _l("Nothing: it has left"),
    },
)
register(
    Happened,
    {
        Happened.REGISTERED: _l("Registered"),
        Happened.RECEIVED: _l("Received"),
        Happened.REFUSED: _l("Refused"),
        Happened.LETTER_WRITTEN: _l("Refusal letter written"),
        Happened.HANDED_OVER: _l("Handed over"),
        Happened.STORED: _l("Stored"),
        Happened.TAKEN: _l("Taken from store"),
        Happened.UNDONE: _l("Step taken back"),
        Happened.SPLIT: _l("Split"),
        Happened.LABEL_PRINTED: _l("Label printed"),
        Happened.STARTED: _l("Testing began"),
        Happened.FINISHED: _l("Testing finished"),
        Happened.RESUMED: _l("Testing resumed"),
        Happened.RETAINED: _l("Retained"),
        Happened.KEPT_LONGER: _l("Kept longer"),
        Happened.DISPOSAL_ASKED: _l("Disposal asked"),
        Happened.DISPOSAL_REFUSED: _l("Disposal refused"),
        Happened.DISPOSED: _l("Disposed of"),
        Happened.SENT_BACK: _l("Returned to customer"),
        Happened.CANCELLED: _l("Cancelled"),
    },
)
register(
    LabelForm,
    {
        LabelForm.PDF: _l("PDF"),
        LabelForm.ZPL: _l("ZPL file"),
        LabelForm.PRINTER: _l("Label printer"),
    },
)
register(CodeKind, {CodeKind.QR: _l("QR code"), CodeKind.CODE128: _l("Code 128")})

TONES: Mapping[Happened, str] = {
    Happened.RECEIVED: "done",
    Happened.REFUSED: "fault",
    Happened.UNDONE: "returned",
    Happened.STARTED: "working",
    Happened.FINISHED: "done",
    Happened.RESUMED: "returned",
    Happened.RETAINED: "held",
    Happened.DISPOSAL_ASKED: "returned",
    Happened.DISPOSAL_REFUSED: "returned",
    Happened.CANCELLED: "fault",
}


def detail_of(line: Happening) -> str:
    """Where it went, and why."""
    to = line.to[0 if in_chinese() else 1]
    parts = []
    if line.what is Happened.HANDED_OVER and to:
        parts.append(_("to %(who)s", who=to))
    elif line.what is Happened.UNDONE and (to or line.place):
        parts.append(_("again at %(where)s", where=line.place or to))
    elif line.place:
        parts.append(_("at %(place)s", place=line.place))
    return " · ".join([*parts, line.note] if line.note else parts)


_DESK = frozenset({Role.RECEPTION})
_HANDS = frozenset({Role.RECEPTION, Role.SAMPLER, Role.ANALYST, Role.SECTION_HEAD})
_DECIDE = frozenset({Role.SECTION_HEAD, Role.QUALITY_MANAGER})


def _count(session: Session, actor: Actor, wanted: Wanted) -> CappedCount:
    return count_samples(session, actor, wanted, local_date(clock()()), CAP)


def count_expected(session: Session, actor: Actor) -> CappedCount:
    return _count(session, actor, Wanted(state=SampleState.EXPECTED))


def _expected_today(session: Session, actor: Actor) -> CappedCount:
    today = local_date(clock()())
    return _count(session, actor, Wanted(state=SampleState.EXPECTED, since=today, until=today))


def _retention_due(session: Session, actor: Actor) -> CappedCount:
    return _count(session, actor, Wanted(due=Due.RETENTION))


def _disposal_asked(session: Session, actor: Actor) -> CappedCount:
    return _count(session, actor, Wanted(state=SampleState.DISPOSAL_ASKED))


def _in_my_hands(session: Session, actor: Actor) -> CappedCount | None:
    return _count(session, actor, Wanted(holder_id=actor.id)) if actor.id is not None else None


def _late(session: Session, actor: Actor) -> CappedCount:
    return _count(session, actor, Wanted(due=Due.LATE))


def _today_only() -> dict[str, str]:
    today = local_date(clock()()).isoformat()
    return {"state": "expected", "since": today, "until": today}


register_entry(Entry("intake.arrivals", _l("Receive"), P.SAMPLE_RECEIVE, 20, _DESK, count_expected))
register_entry(Entry("intake.samples", _l("Samples"), P.SAMPLE_READ, 30, _HANDS))
register_entry(Entry("intake.custody", _l("Hand over and store"), P.SAMPLE_MOVE, 40, _HANDS))
register_entry(Entry("intake.storage", _l("Storage"), P.SAMPLE_READ, 50, _DESK))
register_entry(
    Entry(
        "intake.retention", _l("Retention and disposal"), P.SAMPLE_READ, 52, _DESK | _DECIDE, _retention_due
    )
)
register_entry(
    Entry("intake.printers", _l("Label printers"), P.SETTINGS_EDIT, 728, frozenset({Role.ADMINISTRATOR}))
)
register_card(
    Card(
        "intake.samples",
        _l("Expected today"),
        P.SAMPLE_RECEIVE,
        _expected_today,
        20,
        _DESK,
        values=_today_only,
        tone=Tone.WAITING,
    )
)
register_card(
    Card("intake.arrivals", _l("To receive"), P.SAMPLE_RECEIVE, count_expected, 22, _DESK, tone=Tone.WORKING)
)
register_card(
    Card(
        "intake.samples",
        _l("Late samples"),
        P.SAMPLE_READ,
        _late,
        24,
        _DESK | {Role.SECTION_HEAD, Role.DIRECTOR},
        values={"due": "late"},
        tone=Tone.FAULT,
    )
)
register_card(
    Card(
        "intake.samples",
        _l("In my hands"),
        P.SAMPLE_MOVE,
        _in_my_hands,
        26,
        _HANDS,
        values={"holder": "me"},
        tone=Tone.WORKING,
    )
)
register_card(
    Card(
        "intake.retention",
        _l("Retention over"),
        P.SAMPLE_DISPOSE,
        _retention_due,
        28,
        _DESK,
        tone=Tone.RETURNED,
    )
)
register_card(
    Card(
        "intake.disposals",
        _l("Disposal to decide"),
        P.DISPOSAL_APPROVE,
        _disposal_asked,
        30,
        _DECIDE,
        tone=Tone.RETURNED,
    )
)
