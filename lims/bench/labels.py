"""Words and places in the navigation of the bench's work."""

from datetime import date
from enum import Enum

from flask import url_for
from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import Session

from lims.bench import sample_panels, worklist
from lims.bench.face import blueprint
from lims.bench.states import InputSource, Verdict, WorksheetState
from lims.bench.worksheets import find_by_number
from lims.core.clock import local_date
from lims.core.paging import CappedCount
from lims.core.permissions import Actor, Role
from lims.core.permissions import Permission as P
from lims.core.web import clock
from lims.metrology.decision_rules import Zone
from lims.metrology.decisions import Undecided
from lims.metrology.judgements import Reason
from lims.ui import panels, scanning
from lims.ui.labels import Text, Tone, label, register
from lims.ui.navigation import CAP, Card, Counter, Entry, register_card
from lims.ui.navigation import register as register_entry

register(
    WorksheetState,
    {
        WorksheetState.OPEN: _l("open for entering"),
        WorksheetState.SUBMITTED: _l("all handed over"),
        WorksheetState.CLOSED: _l("closed"),
    },
    {WorksheetState.OPEN: Tone.WORKING},
)
register(
    InputSource,
    {
        InputSource.CAPTURE: _l("captured"),
        InputSource.TYPED: _l("typed"),
        InputSource.IMPORT: _l("imported"),
    },
    {InputSource.CAPTURE: Tone.DONE, InputSource.TYPED: Tone.RETURNED, InputSource.IMPORT: Tone.WORKING},
)
register(
    Verdict,
    {Verdict.PASS: _l("pass"), Verdict.FAIL: _l("fail"), Verdict.NOT_JUDGED: _l("not judged")},
)
UNDECIDED: dict[Enum, Text] = {
    Undecided.UNCERTAINTY_MISSING: _l("the decision rule needs an uncertainty, and there is none"),
    Undecided.LIMIT_TAKES_NO_UNCERTAINTY: _l("a limit of this kind takes no uncertainty into account"),
    Undecided.GUARD_BANDS_MEET: _l("the guard bands leave nothing that could pass"),
    Undecided.NEITHER_PROVEN: _l(
        "neither pass nor fail is proven: the result lies within its uncertainty of the limit"
    ),
}
REASONS: dict[Enum, Text] = {
    Reason.NO_LIMIT: _l("no limit was in force for this product on that day"),
    Reason.NO_VALUE: _l("there is no value"),
    Reason.MONITORING: _l("risk monitoring is not judged"),
    Reason.NOT_REQUESTED: _l("no judgement was asked for"),
    Reason.NO_FIGURE: _l("the value is not a figure"),
    Reason.DETECTION_LIMIT_UNKNOWN: _l("the method names no detection limit"),
    Reason.DETECTION_LIMIT_TOO_HIGH: _l("the detection limit lies above the limit"),
    Reason.QUANTIFICATION_LIMIT_UNKNOWN: _l("the method names no quantification limit"),
    Reason.QUANTIFICATION_LIMIT_TOO_HIGH: _l("below quantification, and that lies above the limit"),
    Reason.GREATER_THAN_TOO_LOW: _l("“more than” a figure below the limit decides nothing"),
    Reason.PLAN_INCOMPLETE: _l("the sampling plan is not complete"),
}
register(Reason, REASONS)
register(Undecided, UNDECIDED)


@blueprint.app_template_filter()
def why_not_judged(code: str) -> Text:
    """A verdict is missing for a reason of the limit or of the decision rule; a row keeps one word for either."""
    return label(code, "Undecided" if code in set(Undecided) else "Reason")


register(
    Zone,
    {
        Zone.PASS: _l("pass"),
        Zone.CONDITIONAL_PASS: _l("conditional pass"),
        Zone.CONDITIONAL_FAIL: _l("conditional fail"),
        Zone.FAIL: _l("fail"),
    },
)
LIMIT_REASONS = {
    "found": _l("in force on that day for the product class"),
    "no_limit": _l("no limit is known for this item"),
    "category_unknown": _l("the sample's product class is not known"),
    "no_limit_for_category": _l("no limit for this product class"),
    "no_limit_on_date": _l("no limit was in force on that day"),
    "limit_withdrawn": _l("the limit's standard was withdrawn on that day"),
}
_ANALYST, _HEAD = frozenset({Role.ANALYST}), frozenset({Role.SECTION_HEAD})
_REVIEW = frozenset({Role.REVIEWER, Role.SECTION_HEAD})


def today() -> date:
    return local_date(clock()())


def _mine(which: str) -> Counter:
    def count(session: Session, actor: Actor) -> CappedCount:
        return worklist.count_queue(session, actor, which, today(), CAP)

    return count


def _unassigned(session: Session, actor: Actor) -> CappedCount:
    return worklist.count_unassigned(session, actor.section_id, CAP)


def _late(session: Session, actor: Actor) -> CappedCount:
    return worklist.count_late(session, actor.section_id, today(), CAP)


def _to_verify(session: Session, actor: Actor) -> CappedCount:
    return worklist.count_submitted(session, actor, CAP)


register_entry(Entry("bench.queue", _l("My tests"), P.RESULT_ENTER, 300, _ANALYST, _mine("all")))
register_entry(Entry("bench.pool", _l("Pool"), P.TEST_TAKE, 310, _ANALYST))
register_entry(Entry("bench.assign", _l("Assign tests"), P.TEST_ASSIGN, 320, _HEAD, _unassigned))
register_entry(Entry("bench.wall", _l("Late and stuck"), P.TEST_ASSIGN, 330, _HEAD, _late))
register_entry(Entry("bench.review", _l("To verify"), P.RESULT_VERIFY, 340, _REVIEW, _to_verify))
register_entry(Entry("bench.worksheets", _l("Worksheets"), P.RESULT_READ, 350, _ANALYST | _REVIEW))

for _order, (_which, _words, _tone) in enumerate(
    (
        ("today", _l("My tests due by today"), Tone.RETURNED),
        ("late", _l("My late tests"), Tone.FAULT),
        ("returned", _l("Returned to me"), Tone.RETURNED),
    )
):
    register_card(
        Card(
            "bench.queue",
            _words,
            P.RESULT_ENTER,
            _mine(_which),
            300 + _order,
            _ANALYST,
            {"which": _which},
            _tone,
        )
    )
register_card(Card("bench.assign", _l("Tests without a person"), P.TEST_ASSIGN, _unassigned, 320, _HEAD))
register_card(
    Card("bench.wall", _l("Late tests"), P.TEST_ASSIGN, _late, 330, _HEAD, {"late": "yes"}, Tone.FAULT)
)
register_card(
    Card(
        "bench.review", _l("Results to verify"), P.RESULT_VERIFY, _to_verify, 340, _REVIEW, tone=Tone.WORKING
    )
)


def _scanned(session: Session, actor: Actor, code: str) -> scanning.Found | None:
    if not actor.can(P.RESULT_READ):
        return None
    sheet = find_by_number(session, code)
    if sheet is None:
        return None
    return scanning.Found(url_for("bench.worksheet", worksheet_id=sheet.id), sheet.number)


scanning.register("worksheet", _scanned, 120)
panels.register("intake.sample", "results", sample_panels.results_of_sample, 20)
panels.register("intake.order", "results", sample_panels.results_of_order, 20)
panels.register_events("intake.sample", "bench", sample_panels.events_of_sample)
panels.register_events("intake.order", "bench", sample_panels.events_of_order)
