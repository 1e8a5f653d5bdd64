"""One sample's page: where it is, who has it, what happened, what is next. A fixed number of queries."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from lims.catalogue.models import Category
from lims.core.audit import AuditEvent
from lims.core.jobs import Job
from lims.core.permissions import Actor, Permission
from lims.intake.custody import UNDONE_BY_HAND, is_here
from lims.intake.models import CustodyEvent, LabelPrint, Order, RequestedTest, Sample, StoragePlace
from lims.intake.samples import get_sample
from lims.intake.states import SAMPLE_STEPS, SampleState, TestState
from lims.people.directory import accounts_by_id
from lims.people.models import Account


class Happened(StrEnum):
    """Lines of the timeline."""

    REGISTERED = "registered"
    RECEIVED = "received"
    REFUSED = "refused"
    LETTER_WRITTEN = "letter_written"
    HANDED_OVER = "handed_over"
    STORED = "stored"
    TAKEN = "taken"
    UNDONE = "undone"
    SPLIT = "split"
    LABEL_PRINTED = "label_printed"
    STARTED = "started"
    FINISHED = "finished"
    RESUMED = "resumed"
    RETAINED = "retained"
    KEPT_LONGER = "kept_longer"
    DISPOSAL_ASKED = "disposal_asked"
    DISPOSAL_REFUSED = "disposal_refused"
    DISPOSED = "disposed"
    SENT_BACK = "sent_back"
    CANCELLED = "cancelled"


# What custody events do not say stands in the audit trail.
FROM_AUDIT = {
    "sample.refuse": Happened.REFUSED,
    "sample.refusal_letter": Happened.LETTER_WRITTEN,
    "sample.start": Happened.STARTED,
    "sample.finish": Happened.FINISHED,
    "sample.resume": Happened.RESUMED,
    "sample.retain": Happened.RETAINED,
    "sample.extend_retention": Happened.KEPT_LONGER,
    "sample.ask_disposal": Happened.DISPOSAL_ASKED,
    "sample.refuse_disposal": Happened.DISPOSAL_REFUSED,
    "sample.cancel": Happened.CANCELLED,
    "label.print": Happened.LABEL_PRINTED,
}


class NextStep(StrEnum):
    RECEIVE = "receive"
    RETAIN_BACKUP = "retain_backup"
    ASSIGN = "assign"
    TEST = "test"
    FINISH_TESTS = "finish_tests"
    KEEP_OR_RETURN = "keep_or_return"
    KEEP = "keep"
    RELEASE = "release"
    DECIDE_DISPOSAL = "decide_disposal"
    SEND_BACK = "send_back"
    NOTHING = "nothing"


class Action(StrEnum):
    """What this person can do with this sample now."""

    RECEIVE = "receive"
    TAKE = "take"
    HAND_OVER = "hand_over"
    STORE = "store"
    UNDO = "undo"
    RETAIN = "retain"
    KEEP_LONGER = "keep_longer"
    RETURN = "return"
    ASK_DISPOSAL = "ask_disposal"
    DECIDE_DISPOSAL = "decide_disposal"
    PRINT = "print"
    WRITE_LETTER = "write_letter"


@dataclass(frozen=True, slots=True)
class Happening:
    """``who`` and ``to``: names in Chinese and English; ``note``: a reason or remark."""

    at: datetime
    what: Happened
    who: tuple[str, str]
    to: tuple[str, str] = ("", "")
    place: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Story:
    """``backups``: the sealed halves of this sample; ``main``: the sample this one is the backup of."""

    sample: Sample
    order: Order
    tests: Sequence[RequestedTest]
    category: Category | None
    place: StoragePlace | None
    holder: Account | None
    receiver: Account | None
    assignees: dict[int, Account]
    labels: int
    main: Sample | None
    backups: Sequence[Sample]
    happenings: Sequence[Happening]
    last_move: CustodyEvent | None
    letter_job: Job | None
    next_step: NextStep
    actions: frozenset[Action]


def story_of(session: Session, *, actor: Actor, sample_id: int, today: date) -> Story:
    """Raises NotFound; to a customer every other customer's sample does not exist."""
    sample = get_sample(session, actor, sample_id)
    order = session.get_one(Order, sample.order_id)
    tests = session.scalars(
        select(RequestedTest).where(RequestedTest.sample_id == sample.id).order_by(RequestedTest.position)
    ).all()
    moves = session.scalars(
        select(CustodyEvent).where(CustodyEvent.sample_id == sample.id).order_by(CustodyEvent.id)
    ).all()
    trail = _trail(session, sample)
    people = _people(session, sample, order, tests, moves, trail)
    places = _places(session, sample, moves)
    labels = session.scalar(select(func.count()).where(LabelPrint.sample_id == sample.id)) or 0
    related = session.scalars(
        select(Sample).where((Sample.id == (sample.backup_of_id or 0)) | (Sample.backup_of_id == sample.id))
    ).all()
    last_move = moves[-1] if moves else None
    return Story(
        sample=sample,
        order=order,
        tests=tests,
        category=session.get(Category, sample.category_id) if sample.category_id else None,
        place=places.get(sample.place_id or 0),
        holder=people.get(sample.holder_id or 0),
        receiver=people.get(sample.received_by or 0),
        assignees={t.id: people[t.assignee_id] for t in tests if t.assignee_id in people},
        labels=labels,
        main=next((s for s in related if s.id == sample.backup_of_id), None),
        backups=[s for s in related if s.backup_of_id == sample.id],
        happenings=_happenings(order, moves, trail, people, places),
        last_move=last_move,
        letter_job=letter_job(session, sample),
        next_step=next_step(sample, tests, today),
        actions=actions_of(sample, actor, today, last_move),
    )


def _trail(session: Session, sample: Sample) -> Sequence[AuditEvent]:
    told = select(AuditEvent).where(
        AuditEvent.object_type == "sample",
        AuditEvent.object_id == str(sample.id),
        AuditEvent.verb.in_(FROM_AUDIT),
    )
    return session.scalars(told.order_by(AuditEvent.seq)).all()


def _people(
    session: Session,
    sample: Sample,
    order: Order,
    tests: Sequence[RequestedTest],
    moves: Sequence[CustodyEvent],
    trail: Sequence[AuditEvent],
) -> dict[int, Account]:
    wanted = {sample.holder_id, sample.received_by, order.registered_by}
    wanted |= {t.assignee_id for t in tests} | {e.actor_id for e in trail}
    wanted |= {e.actor_id for e in moves} | {e.to_holder_id for e in moves}
    return accounts_by_id(session, wanted)


def _places(session: Session, sample: Sample, moves: Sequence[CustodyEvent]) -> dict[int, StoragePlace]:
    wanted = ({sample.place_id} | {e.place_id for e in moves}) - {None}
    if not wanted:
        return {}
    return {p.id: p for p in session.scalars(select(StoragePlace).where(StoragePlace.id.in_(wanted)))}


def _happenings(
    order: Order,
    moves: Sequence[CustodyEvent],
    trail: Sequence[AuditEvent],
    people: dict[int, Account],
    places: dict[int, StoragePlace],
) -> list[Happening]:
    def lines() -> Iterator[Happening]:
        yield Happening(
            order.registered_at, Happened.REGISTERED, _names(people, order.registered_by), note=order.number
        )
        for move in moves:
            place = places.get(move.place_id or 0)
            yield Happening(
                move.at,
                Happened(move.kind.value),
                _names(people, move.actor_id),
                _names(people, move.to_holder_id),
                place.code if place else "",
                move.note,
            )
        for event in trail:
            who = _names(people, event.actor_id) if event.actor_id in people else (event.actor_name,) * 2
            yield Happening(event.at, FROM_AUDIT[event.verb], who, note=event.reason or "")

    return sorted(lines(), key=lambda line: line.at)


def _names(people: dict[int, Account], account_id: int | None) -> tuple[str, str]:
    account = people.get(account_id or 0)
    return (account.name_zh, account.name_en) if account else ("", "")


def letter_job(session: Session, sample: Sample) -> Job | None:
    """The newest job that writes this sample's refusal letter."""
    if sample.state is not SampleState.REFUSED and sample.refused_why is None:
        return None
    own = Job.key.in_([f"refusal:{sample.id}"]) | Job.key.startswith(f"refusal:{sample.id}:", autoescape=True)
    return session.scalars(select(Job).where(own).order_by(Job.id.desc()).limit(1)).first()


def next_step(sample: Sample, tests: Sequence[RequestedTest], today: date) -> NextStep:
    """What the laboratory has to do with it now."""
    if sample.state is SampleState.TO_TEST:
        if sample.backup_of_id is not None:
            return NextStep.RETAIN_BACKUP
        waiting = any(t.state is TestState.TO_DO for t in tests)
        return NextStep.ASSIGN if waiting else NextStep.TEST
    if sample.state is SampleState.RETAINED:
        over = sample.retain_until is None or sample.retain_until <= today
        return NextStep.RELEASE if over else NextStep.KEEP
    return {
        SampleState.EXPECTED: NextStep.RECEIVE,
        SampleState.IN_TEST: NextStep.FINISH_TESTS,
        SampleState.TESTED: NextStep.KEEP_OR_RETURN,
        SampleState.DISPOSAL_ASKED: NextStep.DECIDE_DISPOSAL,
        SampleState.REFUSED: NextStep.SEND_BACK,
    }.get(sample.state, NextStep.NOTHING)


def actions_of(
    sample: Sample, actor: Actor, today: date, last_move: CustodyEvent | None = None
) -> frozenset[Action]:
    """Actions of this state that this person may take; the use cases decide again."""
    found = set()
    state, here = sample.state, is_here(sample)
    if state is SampleState.EXPECTED and actor.can(Permission.SAMPLE_RECEIVE):
        found.add(Action.RECEIVE)
    if here and actor.can(Permission.SAMPLE_MOVE):
        found |= _moves(sample, actor, last_move)
        if state in SAMPLE_STEPS["retain"].sources and (
            state is not SampleState.TO_TEST or sample.backup_of_id is not None
        ):
            found.add(Action.RETAIN)
        if state is SampleState.RETAINED:
            found.add(Action.KEEP_LONGER)
    over = state is not SampleState.RETAINED or sample.retain_until is None or sample.retain_until <= today
    if here and over and actor.can(Permission.SAMPLE_DISPOSE):
        found |= {Action.RETURN} if state in SAMPLE_STEPS["return"].sources else set()
        found |= {Action.ASK_DISPOSAL} if state in SAMPLE_STEPS["ask_disposal"].sources else set()
    if state is SampleState.DISPOSAL_ASKED and actor.can(Permission.DISPOSAL_APPROVE):
        found |= {Action.DECIDE_DISPOSAL} if sample.disposal_asked_by != actor.id else set()
    if actor.can(Permission.LABEL_PRINT) and (here or state is SampleState.EXPECTED):
        found.add(Action.PRINT)
    if (
        sample.refusal_letter_number
        and not sample.refusal_letter_sha256
        and actor.can(Permission.SAMPLE_RECEIVE)
    ):
        found.add(Action.WRITE_LETTER)
    return frozenset(found)


def _moves(sample: Sample, actor: Actor, last_move: CustodyEvent | None) -> set[Action]:
    found = set()
    mine = sample.holder_id == actor.id
    free = sample.holder_id is None or mine or actor.can(Permission.SAMPLE_RECEIVE)
    if not mine:
        found.add(Action.TAKE)
    if free:
        found |= {Action.HAND_OVER, Action.STORE}
    if last_move is not None and last_move.actor_id == actor.id and last_move.kind in UNDONE_BY_HAND:
        found.add(Action.UNDO)
    return found
