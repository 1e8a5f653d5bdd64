"""What a named person decides about a standard of a currency check, and what it changes in the library."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date

from flask_babel import gettext as _
from sqlalchemy import select

from lims.catalogue.check_models import (
    TO_DECIDE,
    CheckOutcome,
    ListStatus,
    StandardDecision,
    StandardFinding,
    StandardsCheck,
)
from lims.catalogue.checks import named_person, refuse_closed
from lims.catalogue.models import StandardEdition
from lims.catalogue.standards import StandardText, add_edition, change_edition, text_of, withdraw_edition
from lims.core.clock import local_date
from lims.core.errors import Conflict, InvalidInput
from lims.core.permissions import Actor, Permission
from lims.core.uow import UnitOfWork

# What can be decided about what.
POSSIBLE: Mapping[CheckOutcome, tuple[StandardDecision, ...]] = {
    CheckOutcome.REPLACED: (
        StandardDecision.ADOPT,
        StandardDecision.KEEP_UNTIL,
        StandardDecision.WITHDRAW,
        StandardDecision.NOT_RELEVANT,
    ),
    CheckOutcome.NEW_EDITION: (
        StandardDecision.ADOPT,
        StandardDecision.KEEP_UNTIL,
        StandardDecision.WITHDRAW,
        StandardDecision.NOT_RELEVANT,
    ),
    CheckOutcome.WITHDRAWN: (
        StandardDecision.WITHDRAW,
        StandardDecision.KEEP_UNTIL,
        StandardDecision.NOT_RELEVANT,
    ),
    CheckOutcome.DIFFERENT: (StandardDecision.TAKE_DATES, StandardDecision.NOT_RELEVANT),
}


@dataclass(frozen=True, slots=True)
class DecisionText:
    """``effective_on``: adopt the new edition from, keep the old one until, withdraw from.

    ``title_zh``, ``title_en``: of the new edition, where the library does not have it yet; empty: as the list,
    or the old edition, has it.
    """

    decision: StandardDecision
    reason: str
    effective_on: date | None = None
    title_zh: str = ""
    title_en: str = ""


def decide_finding(
    uow: UnitOfWork, *, actor: Actor, check_id: int, finding_id: int, version: int, text: DecisionText
) -> StandardFinding:
    """Record the decision and carry it out in the library, in one transaction.

    Raises InvalidInput, Conflict (``already_decided``), TransitionRefused (``check_closed``).
    """
    actor.require(Permission.CATALOGUE_EDIT)
    decided_by = named_person(actor)
    with uow:
        refuse_closed(uow.get(StandardsCheck, check_id))
        row = uow.get(StandardFinding, finding_id, version=version)
        _refuse_impossible(row, check_id, text)
        row.effective_on = _carry_out(uow, actor, row, text)
        row.decision, row.reason = text.decision, text.reason.strip()
        row.decided_by, row.decided_at = decided_by, uow.now
        uow.audit("standard_finding.decide", actor, row, reason=row.reason)
        uow.commit()
    return row


def _refuse_impossible(row: StandardFinding, check_id: int, text: DecisionText) -> None:
    if row.check_id != check_id or row.outcome not in TO_DECIDE or row.standard is None:
        sentence = _("There is nothing to decide about this standard.")
        raise InvalidInput(sentence, code="nothing_to_decide")
    if row.decision is not None:
        raise Conflict(_("This was decided already."), code="already_decided")
    if text.decision not in POSSIBLE[row.outcome]:
        raise _wrong(
            "decision", "decision_not_possible", _("This cannot be decided about what the list says.")
        )
    if not text.reason.strip():
        raise _wrong("reason", "reason_missing", _("Say why."))


def _wrong(field: str, code: str, sentence: str) -> InvalidInput:
    return InvalidInput(sentence, code=code, fields={field: [sentence]})


def _carry_out(uow: UnitOfWork, actor: Actor, row: StandardFinding, text: DecisionText) -> date | None:
    """Change the library; the day on which it takes effect."""
    assert row.standard_id is not None
    if text.decision is StandardDecision.NOT_RELEVANT:
        return None
    old = uow.get(StandardEdition, row.standard_id)
    match text.decision:
        case StandardDecision.ADOPT:
            return _adopt(uow, actor, row, old, text)
        case StandardDecision.KEEP_UNTIL:
            return _keep(uow, actor, row, old, text)
        case StandardDecision.WITHDRAW:
            day = text.effective_on or row.withdrawn_from or local_date(uow.now)
            known = _known(uow, row.successor_code)
            withdraw_edition(uow, actor, old, day, known.id if known else None, None, text.reason.strip())
            return day
        case _:
            change_edition(uow, actor, old, _listed(row, text_of(old), local_date(uow.now)))
            return None


def _adopt(
    uow: UnitOfWork, actor: Actor, row: StandardFinding, old: StandardEdition, text: DecisionText
) -> date:
    ends = official_end(row)
    day = text.effective_on or ends or local_date(uow.now)
    known = _known(uow, row.successor_code)
    first = known.in_force_from if known is not None else row.successor_from
    if first is not None and day < first:
        raise _wrong(
            "effective_on",
            "adopted_too_early",
            _("The new edition is in force only from %(day)s.", day=first),
        )
    if ends is not None and day > ends:
        raise _wrong(
            "effective_on",
            "adopted_too_late",
            _("The old edition ends on %(day)s; to use it longer, keep it until a day.", day=ends),
        )
    new = _successor(uow, actor, row, old, text, row.successor_from or day)
    withdraw_edition(uow, actor, old, day, new.id, None, text.reason.strip())
    return day


def _keep(
    uow: UnitOfWork, actor: Actor, row: StandardFinding, old: StandardEdition, text: DecisionText
) -> date:
    """Both editions live from the day the old one officially ends to the day decided on."""
    if text.effective_on is None:
        raise _wrong("effective_on", "day_missing", _("Say until when the old edition is kept."))
    ends = official_end(row) or local_date(uow.now)
    if text.effective_on < ends:
        raise _wrong(
            "effective_on",
            "kept_too_short",
            _("It is in force until %(day)s anyway; choose a later day.", day=ends),
        )
    new = _successor(uow, actor, row, old, text, row.successor_from or ends) if row.successor_code else None
    withdraw_edition(uow, actor, old, ends, new.id if new else None, text.effective_on, text.reason.strip())
    return text.effective_on


def official_end(row: StandardFinding) -> date | None:
    """The first day on which the edition no longer counts, as far as the list says."""
    return row.withdrawn_from or row.successor_from


def _known(uow: UnitOfWork, code: str) -> StandardEdition | None:
    return uow.session.scalars(select(StandardEdition).where(StandardEdition.code == code)).one_or_none()


def _successor(
    uow: UnitOfWork,
    actor: Actor,
    row: StandardFinding,
    old: StandardEdition,
    text: DecisionText,
    first_day: date,
) -> StandardEdition:
    known = _known(uow, row.successor_code)
    if known is not None:
        return known
    title_zh = text.title_zh.strip() or row.successor_title or old.title_zh
    title_en = text.title_en.strip() or old.title_en
    return add_edition(uow, actor, StandardText(row.successor_code, title_zh, title_en, first_day))


def _listed(row: StandardFinding, text: StandardText, on: date) -> StandardText:
    """The library's text with the dates of the list; what the list calls in force is not withdrawn."""
    first, last = row.in_force_from or text.in_force_from, row.withdrawn_from
    lives = row.listed_as in {ListStatus.IN_FORCE, ListStatus.UPCOMING}
    if last is None and lives and text.withdrawn_from is not None and text.withdrawn_from <= on:
        return replace(
            text, in_force_from=first, withdrawn_from=None, transition_until=None, replaced_by_id=None
        )
    return replace(text, in_force_from=first, withdrawn_from=last or text.withdrawn_from)
