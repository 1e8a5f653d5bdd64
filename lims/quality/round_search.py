"""Lists of rounds, and the scores of an item, of a person."""

from typing import Any

from sqlalchemy import Select, case, func, or_, select
from sqlalchemy.orm import Session

from lims.bench.models import Result, ResultVersion
from lims.catalogue.models import BusinessType, TestItem
from lims.core.paging import Key, Page, read_page
from lims.core.permissions import Actor
from lims.intake.models import Order, RequestedTest, Sample
from lims.intake.states import TestState
from lims.metrology.proficiency import Performance
from lims.quality.proficiency_models import (
    ProficiencyEntry,
    ProficiencyParticipant,
    ProficiencyRound,
)
from lims.quality.states import EntryState

Lines = Select[Any]
E, P = EntryState, Performance
NEWEST_FIRST = (Key(ProficiencyRound.starts_on, descending=True), Key(ProficiencyRound.id, descending=True))
# Of the catalogue's business types: samples of proficiency rounds are registered as such.
PROFICIENCY_TYPE = "proficiency"
MOST_SHOWN = 500


def round_lines() -> Lines:
    """One line a round: how many items, results, scores, and how many of these are not satisfactory."""
    scored = func.sum(case((ProficiencyEntry.state == E.SCORED, 1), else_=0))
    reported = func.sum(case((ProficiencyEntry.state.in_((E.REPORTED, E.SCORED)), 1), else_=0))
    doubtful = func.sum(case((ProficiencyEntry.performance != P.SATISFACTORY, 1), else_=0))
    sums = (
        select(
            ProficiencyEntry.round_id,
            func.count(ProficiencyEntry.id).label("items"),
            reported.label("reported"),
            scored.label("scored"),
            doubtful.label("doubtful"),
        )
        .where(ProficiencyEntry.state != E.WITHDRAWN)
        .group_by(ProficiencyEntry.round_id)
        .subquery()
    )
    lines: Lines = select(  # type: ignore[assignment]  # more columns than the overloads of select know
        ProficiencyRound.id,
        ProficiencyRound.version,
        ProficiencyRound.number,
        ProficiencyRound.provider,
        ProficiencyRound.scheme,
        ProficiencyRound.round,
        ProficiencyRound.organised_here,
        ProficiencyRound.starts_on,
        ProficiencyRound.report_by,
        func.coalesce(sums.c["items"], 0).label("items"),
        func.coalesce(sums.c.reported, 0).label("reported"),
        func.coalesce(sums.c.scored, 0).label("scored"),
        func.coalesce(sums.c.doubtful, 0).label("doubtful"),
    ).join(sums, sums.c.round_id == ProficiencyRound.id, isouter=True)
    return lines


def having_words(lines: Lines, words: str) -> Lines:
    """Beginning of our number; words of provider, scheme, round."""
    return lines.where(
        or_(
            ProficiencyRound.number.startswith(words, autoescape=True),
            ProficiencyRound.provider.icontains(words, autoescape=True),
            ProficiencyRound.scheme.icontains(words, autoescape=True),
            ProficiencyRound.round.icontains(words, autoescape=True),
        )
    )


def having_performance(lines: Lines, performance: Performance) -> Lines:
    inside = select(ProficiencyEntry.round_id).where(ProficiencyEntry.performance == performance)
    return lines.where(ProficiencyRound.id.in_(inside))


def list_rounds(
    session: Session,
    *,
    words: str = "",
    performance: Performance | None = None,
    cursor: str | None = None,
    size: int = 50,
) -> Page[Any]:
    lines = round_lines()
    if words:
        lines = having_words(lines, words)
    if performance is not None:
        lines = having_performance(lines, performance)
    return read_page(session, lines, NEWEST_FIRST, cursor=cursor, size=size)


def _entries() -> Select[ProficiencyEntry]:
    return (
        select(ProficiencyEntry)
        .join(ProficiencyRound, ProficiencyRound.id == ProficiencyEntry.round_id)
        .where(ProficiencyEntry.state != E.WITHDRAWN)
        .order_by(ProficiencyRound.starts_on, ProficiencyEntry.id)
        .limit(MOST_SHOWN)
    )


def entries_of_item(session: Session, test_item_id: int) -> list[ProficiencyEntry]:
    """By the beginning of the rounds, oldest first."""
    return list(session.scalars(_entries().where(ProficiencyEntry.test_item_id == test_item_id)))


def entries_of_person(session: Session, account_id: int) -> list[ProficiencyEntry]:
    return list(session.scalars(_entries().where(ProficiencyEntry.person_id == account_id)))


def mine_to_report(actor: Actor) -> Lines:
    """Results that this person still owes a provider."""
    wanted: Lines = select(ProficiencyEntry.id).where(
        ProficiencyEntry.person_id == actor.id, ProficiencyEntry.state == E.ASSIGNED
    )
    return wanted


def participants_of(session: Session, entry_id: int) -> list[ProficiencyParticipant]:
    wanted = select(ProficiencyParticipant).where(ProficiencyParticipant.entry_id == entry_id)
    return list(session.scalars(wanted.order_by(ProficiencyParticipant.position)))


def tests_to_report(session: Session, entry: ProficiencyEntry) -> list[tuple[int, str, str]]:
    """Verified tests of the item on samples registered for proficiency rounds: id, sample number, value."""
    found = session.execute(
        select(RequestedTest.id, Sample.number, ResultVersion.reported, ResultVersion.unit)
        .join(Sample, Sample.id == RequestedTest.sample_id)
        .join(Order, Order.id == Sample.order_id)
        .join(BusinessType, BusinessType.id == Order.business_type_id)
        .join(Result, (Result.requested_test_id == RequestedTest.id) & Result.current.is_(True))
        .join(
            ResultVersion,
            (ResultVersion.result_id == Result.id) & (ResultVersion.number == Result.current_version),
        )
        .where(
            RequestedTest.test_item_id == entry.test_item_id,
            RequestedTest.state == TestState.VERIFIED,
            BusinessType.code == PROFICIENCY_TYPE,
        )
        .order_by(RequestedTest.id.desc())
        .limit(50)
    )
    return [(row.id, row.number, f"{row.reported} {row.unit}".strip()) for row in found]


def item_named(session: Session, test_item_id: int) -> TestItem | None:
    return session.get(TestItem, test_item_id)
