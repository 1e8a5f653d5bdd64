"""What the bench adds to the pages of samples and orders: results with verdicts, and what happened to them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from flask_babel import gettext as _
from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session

from lims.bench.models import Result, ResultVersion
from lims.bench.states import Verdict
from lims.bench.wording import named
from lims.catalogue.models import TestItem
from lims.core.audit import AuditEvent
from lims.core.permissions import Actor, Permission
from lims.intake.models import RequestedTest, Sample
from lims.intake.states import TestState
from lims.people.directory import accounts_by_id
from lims.people.models import Account
from lims.ui.panels import Event, Panel

# Steps worth a line, and their tones; the verbs are those of the audit trail.
TEST_VERBS = {"test.assign": "working", "test.unassign": "waiting", "test.begin": "working"}
RESULT_VERBS = {
    "result.submit": "working",
    "result.retract": "waiting",
    "result.return": "returned",
    "result.verify": "done",
    "result.reject": "fault",
    "result.retest": "held",
}


@dataclass(frozen=True, slots=True)
class ResultLine:
    """``version`` None: nothing was entered yet."""

    test: RequestedTest
    result: Result | None
    version: ResultVersion | None
    assignee: Account | None


def results_of_sample(session: Session, actor: Actor, sample_id: int) -> Panel | None:
    if not actor.can(Permission.RESULT_READ):
        return None
    lines = _lines(session, [sample_id])
    if not any(line.result for line in lines):
        return None
    may_verify = actor.can(Permission.RESULT_VERIFY)
    waits = may_verify and any(line.test.state is TestState.SUBMITTED for line in lines)
    return Panel("bench/results_of_sample.html", {"lines": lines, "review": sample_id if waits else None})


@dataclass(frozen=True, slots=True)
class SampleLine:
    """One sample of an order at a glance."""

    sample: Sample
    lines: Sequence[ResultLine]

    @property
    def finished(self) -> int:
        closed = (TestState.VERIFIED, TestState.REJECTED, TestState.CANCELLED)
        return sum(line.test.state in closed for line in self.lines)

    @property
    def failing(self) -> list[ResultLine]:
        return [x for x in self.lines if x.version is not None and x.version.verdict is Verdict.FAIL]


def results_of_order(session: Session, actor: Actor, order_id: int) -> Panel | None:
    if not actor.can(Permission.RESULT_READ):
        return None
    samples = session.scalars(
        select(Sample).where(Sample.order_id == order_id).order_by(Sample.position, Sample.id)
    ).all()
    lines = _lines(session, [s.id for s in samples])
    if not any(line.result for line in lines):
        return None
    by_sample: dict[int, list[ResultLine]] = {}
    for line in lines:
        by_sample.setdefault(line.test.sample_id, []).append(line)
    rows = [SampleLine(s, by_sample[s.id]) for s in samples if s.id in by_sample]
    return Panel("bench/results_of_order.html", {"rows": rows})


def _lines(session: Session, sample_ids: Sequence[int]) -> list[ResultLine]:
    found = session.execute(
        select(RequestedTest, Result, ResultVersion, Account)
        .outerjoin(Result, and_(Result.requested_test_id == RequestedTest.id, Result.current.is_(True)))
        .outerjoin(
            ResultVersion,
            and_(ResultVersion.result_id == Result.id, ResultVersion.number == Result.current_version),
        )
        .outerjoin(Account, Account.id == RequestedTest.assignee_id)
        .where(RequestedTest.sample_id.in_(sample_ids), RequestedTest.state != TestState.CANCELLED)
        .order_by(RequestedTest.sample_id, RequestedTest.position)
    ).unique()
    return [ResultLine(*row) for row in found]


def events_of_sample(session: Session, actor: Actor, sample_id: int) -> Sequence[Event]:
    """Assignments, handing over, verification: as the audit trail tells them (four queries)."""
    if not actor.can(Permission.RESULT_READ):
        return []
    items = _items(session, [sample_id])
    return list(_events(session, items))


def events_of_order(session: Session, actor: Actor, order_id: int) -> Sequence[Event]:
    """Of an order only what a reader must know: results that failed verification or were rejected."""
    if not actor.can(Permission.RESULT_READ):
        return []
    ids = session.scalars(select(Sample.id).where(Sample.order_id == order_id)).all()
    items = _items(session, ids)
    grave = {"result.return", "result.reject", "result.retest"}
    return list(_events(session, items, grave))


def _items(session: Session, sample_ids: Sequence[int]) -> dict[int, TestItem]:
    """Test -> its item."""
    found = select(RequestedTest.id, TestItem).join(TestItem, TestItem.id == RequestedTest.test_item_id)
    rows = session.execute(found.where(RequestedTest.sample_id.in_(sample_ids)))
    return {row[0]: row[1] for row in rows}


def _events(session: Session, items: Mapping[int, TestItem], only: set[str] | None = None) -> Iterator[Event]:
    owners = select(Result.id, Result.requested_test_id).where(Result.requested_test_id.in_(items))
    results = {row[0]: row[1] for row in session.execute(owners)}
    told = session.scalars(
        select(AuditEvent)
        .where(
            or_(
                and_(
                    AuditEvent.object_type == "requested_test",
                    AuditEvent.object_id.in_([str(n) for n in items]),
                    AuditEvent.verb.in_(TEST_VERBS),
                ),
                and_(
                    AuditEvent.object_type == "result",
                    AuditEvent.object_id.in_([str(n) for n in results]),
                    AuditEvent.verb.in_(RESULT_VERBS),
                ),
            )
        )
        .order_by(AuditEvent.seq)
    ).all()
    wanted = [e for e in told if only is None or e.verb in only]
    people = _people(session, wanted)
    for event in wanted:
        number = int(event.object_id)
        test_id = number if event.object_type == "requested_test" else results[number]
        actor = people.get(event.actor_id or 0)
        yield Event(
            at=event.at,
            title=f"{named(items[test_id])}: {_step(event.verb)}",
            who=named(actor) if actor is not None else event.actor_name,
            detail=_detail(event, people),
            tone={**TEST_VERBS, **RESULT_VERBS}[event.verb],
        )


def _people(session: Session, events: Sequence[AuditEvent]) -> dict[int, Account]:
    return accounts_by_id(session, {e.actor_id for e in events} | {_assignee(e) for e in events})


def _assignee(event: AuditEvent) -> int | None:
    if event.verb != "test.assign":
        return None
    after: dict[str, Any] = orjson.loads(event.after)
    return after.get("assignee_id")


def _detail(event: AuditEvent, people: Mapping[int, Account]) -> str:
    person = people.get(_assignee(event) or 0)
    if person is not None:
        return str(_("to %(name)s", name=named(person)))
    return event.reason or ""


def _step(verb: str) -> str:
    words: dict[str, str] = {
        "test.assign": _("given to a person"),
        "test.unassign": _("back in the pool"),
        "test.begin": _("begun"),
        "result.submit": _("handed over for verification"),
        "result.retract": _("taken back by the analyst"),
        "result.return": _("returned to the analyst"),
        "result.verify": _("verified"),
        "result.reject": _("result rejected"),
        "result.retest": _("retest ordered"),
    }
    return words[verb]
