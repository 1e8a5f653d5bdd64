"""Words of samples and their places in the navigation and on the start page."""

from collections.abc import Mapping

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import lazy_pgettext
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
        SampleState.EXPECTED: lazy_pgettext("sample", "expected"),
        SampleState.TO_TEST: lazy_pgettext("sample", "to test"),
        SampleState.IN_TEST: lazy_pgettext("sample", "in test"),
        SampleState.TESTED: lazy_pgettext("sample", "tested"),
        SampleState.RETAINED: lazy_pgettext("sample", "retained"),
        SampleState.DISPOSAL_ASKED: lazy_pgettext("sample", "disposal asked"),
        SampleState.DISPOSED: lazy_pgettext("sample", "disposed of"),
        SampleState.RETURNED: lazy_pgettext("sample", "returned to customer"),
        SampleState.REFUSED: lazy_pgettext("sample", "refused"),
        SampleState.CANCELLED: lazy_pgettext("sample", "cancelled"),
    },
    {SampleState.IN_TEST: Tone.WORKING, SampleState.RETURNED: Tone.PLAIN},
)
register(
    TestState,
    {
        TestState.TO_DO: lazy_pgettext("test", "to assign"),
        TestState.ASSIGNED: lazy_pgettext("test", "assigned"),
        TestState.IN_PROGRESS: lazy_pgettext("test", "in work"),
        TestState.SUBMITTED: lazy_pgettext("test", "submitted"),
        TestState.RETURNED: lazy_pgettext("test", "returned"),
        TestState.VERIFIED: lazy_pgettext("test", "verified"),
        TestState.REJECTED: lazy_pgettext("test", "rejected"),
        TestState.CANCELLED: lazy_pgettext("test", "cancelled"),
    },
)
register(
    CustodyKind,
    {
        CustodyKind.RECEIVED: lazy_pgettext("custody", "received"),
        CustodyKind.HANDED_OVER: lazy_pgettext("custody", "handed over"),
        CustodyKind.STORED: lazy_pgettext("custody", "stored"),
        CustodyKind.TAKEN: lazy_pgettext("custody", "taken from store"),
        CustodyKind.SPLIT: lazy_pgettext("custody", "split"),
        CustodyKind.SENT_BACK: lazy_pgettext("custody", "returned to customer"),
        CustodyKind.DISPOSED: lazy_pgettext("custody", "disposed of"),
        CustodyKind.UNDONE: lazy_pgettext("custody", "taken back"),
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
        Happened.REGISTERED: lazy_pgettext("timeline", "Order registered"),
        Happened.RECEIVED: lazy_pgettext("timeline", "Sample received"),
        Happened.REFUSED: lazy_pgettext("timeline", "Sample refused"),
        Happened.LETTER_WRITTEN: lazy_pgettext("timeline", "Refusal letter written"),
        Happened.HANDED_OVER: lazy_pgettext("timeline", "Handed over"),
        Happened.STORED: lazy_pgettext("timeline", "Stored"),
        Happened.TAKEN: lazy_pgettext("timeline", "Taken from store"),
        Happened.UNDONE: lazy_pgettext("timeline", "Step taken back"),
        Happened.SPLIT: lazy_pgettext("timeline", "Split"),
        Happened.LABEL_PRINTED: lazy_pgettext("timeline", "Label printed"),
        Happened.STARTED: lazy_pgettext("timeline", "Testing began"),
        Happened.FINISHED: lazy_pgettext("timeline", "Testing finished"),
        Happened.RESUMED: lazy_pgettext("timeline", "Testing resumed"),
        Happened.RETAINED: lazy_pgettext("timeline", "Retained"),
        Happened.KEPT_LONGER: lazy_pgettext("timeline", "Kept longer"),
        Happened.DISPOSAL_ASKED: lazy_pgettext("timeline", "Disposal asked"),
        Happened.DISPOSAL_REFUSED: lazy_pgettext("timeline", "Disposal refused"),
        Happened.DISPOSED: lazy_pgettext("timeline", "Disposed of"),
        Happened.SENT_BACK: lazy_pgettext("timeline", "Returned to customer"),
        Happened.CANCELLED: lazy_pgettext("timeline", "Sample cancelled"),
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
