"""A score that asks for a nonconformity: unsatisfactory; or questionable after a questionable one."""

from flask_babel import gettext as _
from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from lims.bench.wording import named
from lims.core.permissions import Actor
from lims.core.uow import UnitOfWork
from lims.metrology.proficiency import Performance
from lims.metrology.rounding import round_to
from lims.quality.covers import Cover
from lims.quality.nonconformities import Finding, add_nonconformity
from lims.quality.proficiency_models import ProficiencyEntry, ProficiencyRound
from lims.quality.states import CoverKind, EntryState, Source
from lims.quality.wording import TWO_PLACES, score_name


def raise_alarm(uow: UnitOfWork, actor: Actor, row: ProficiencyEntry) -> None:
    """One nonconformity an entry, however often it is scored anew."""
    again = row.performance is Performance.QUESTIONABLE
    if again and not _was_questionable(uow.session, row):
        return
    covers = [Cover(CoverKind.PROFICIENCY, row.id), Cover(CoverKind.TEST_ITEM, row.test_item_id)]
    if row.requested_test_id is not None:
        covers.append(Cover(CoverKind.REQUESTED_TEST, row.requested_test_id))
    made = add_nonconformity(
        uow, actor, _finding(row, covers, again=again), origin_key=f"proficiency-{row.id}"
    )
    row.nonconformity_id = made.id


def _was_questionable(session: Session, row: ProficiencyEntry) -> bool:
    """Whether the scored entry of the same item before this one, by the beginning of the rounds, was so too."""
    begins = row.round.starts_on
    earlier = (
        select(ProficiencyEntry.performance)
        .join(ProficiencyRound, ProficiencyRound.id == ProficiencyEntry.round_id)
        .where(
            ProficiencyEntry.test_item_id == row.test_item_id,
            ProficiencyEntry.state == EntryState.SCORED,
            ProficiencyEntry.id != row.id,
            or_(
                ProficiencyRound.starts_on < begins,
                (ProficiencyRound.starts_on == begins) & (ProficiencyEntry.id < row.id),
            ),
        )
        .order_by(ProficiencyRound.starts_on.desc(), ProficiencyEntry.id.desc())
        .limit(1)
    )
    return session.scalar(earlier) is Performance.QUESTIONABLE


def _finding(row: ProficiencyEntry, covers: list[Cover], *, again: bool) -> Finding:
    assert row.score is not None
    assert row.judged_by is not None
    owner = row.round
    facts = {
        "item": named(row.test_item),
        "score": score_name(row.judged_by),
        "value": str(round_to(row.score, TWO_PLACES)),
        "result": str(row.result),
        "assigned": str(row.assigned_value),
        "unit": row.unit,
        "person": named(row.person),
    }
    title = (
        _("%(item)s: questionable twice in a row (%(score)s = %(value)s)", **facts)
        if again
        else _("%(item)s: unsatisfactory in a proficiency round (%(score)s = %(value)s)", **facts)
    )
    what = _(
        "Result %(result)s %(unit)s by %(person)s, assigned value %(assigned)s %(unit)s: %(score)s = %(value)s.",
        **facts,
    )
    return Finding(
        Source.PROFICIENCY,
        title[:200],
        what,
        f"{owner.number} {owner.provider} {owner.scheme} {owner.round}"[:200],
        covers,
    )
