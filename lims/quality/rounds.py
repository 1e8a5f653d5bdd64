"""Proficiency rounds: opened, items entered with their person, results reported, scored."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import orjson
from flask_babel import gettext as _
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from lims.bench.models import Result, ResultVersion
from lims.catalogue.models import Method, TestItem
from lims.core.clock import local_date
from lims.core.errors import InvalidInput, NotFound, PermissionDenied
from lims.core.numbering import take_numbers
from lims.core.permissions import Actor, Permission
from lims.core.uow import RequestKey, UnitOfWork
from lims.core.workflow import take_step
from lims.intake.models import RequestedTest
from lims.intake.states import TestState
from lims.metrology.proficiency import Performance, ScoreKind
from lims.metrology.stored_values import restore_value
from lims.metrology.values import Number
from lims.people.models import Account
from lims.quality.alarms import raise_alarm
from lims.quality.proficiency_models import (
    ProficiencyEntry,
    ProficiencyParticipant,
    ProficiencyRound,
)
from lims.quality.scoring import Consensus, Participant, Stated, consensus_of, judging_score
from lims.quality.states import ENTRY_STEPS


@dataclass(frozen=True, slots=True)
class NewRound:
    """``round``: what the provider calls it, for example ``2026-1``."""

    provider: str
    scheme: str
    round: str
    starts_on: date
    report_by: date
    organised_here: bool = False
    note: str = ""


@dataclass(frozen=True, slots=True)
class Scoring:
    """What the result is held against: an assigned value, or all participants' results, whose robust mean it is.

    ``sigma`` None with participants: their robust standard deviation. ``judged_by`` None: house policy.
    """

    assigned: Stated | None = None
    sigma: Decimal | None = None
    judged_by: ScoreKind | None = None
    participants: Sequence[Participant] = ()


def one_round(session: Session, round_id: int) -> ProficiencyRound:
    row = session.get(ProficiencyRound, round_id)
    if row is None:
        raise NotFound(_("This proficiency round does not exist."))
    return row


def one_entry(session: Session, entry_id: int) -> ProficiencyEntry:
    row = session.get(ProficiencyEntry, entry_id)
    if row is None:
        raise NotFound(_("This item of a proficiency round does not exist."))
    return row


def open_round(
    uow: UnitOfWork, *, actor: Actor, new: NewRound, request_key: RequestKey | None = None
) -> ProficiencyRound:
    actor.require(Permission.PROFICIENCY_EDIT)
    if new.report_by < new.starts_on:
        fault = _("Results cannot be due before the round begins.")
        raise InvalidInput(fault, fields={"report_by": [fault]})
    with uow:
        if (made := uow.replayed(ProficiencyRound, actor=actor, request_key=request_key)) is not None:
            return made
        number = take_numbers(uow, "proficiency", local_date(uow.now))[0]
        row = uow.add(
            ProficiencyRound(
                number=number,
                created_by=actor.id,
                created_at=uow.now,
                **{name: getattr(new, name) for name in NewRound.__slots__},
            )
        )
        uow.audit("proficiency.open", actor, row)
        uow.remember(row)
        uow.commit()
    return row


def enter_item(
    uow: UnitOfWork,
    *,
    actor: Actor,
    round_id: int,
    test_item_id: int,
    person_id: int,
    unit: str,
    method_id: int | None = None,
    request_key: RequestKey | None = None,
) -> ProficiencyEntry:
    """This person measures this item in the round."""
    actor.require(Permission.PROFICIENCY_EDIT)
    with uow:
        if (made := uow.replayed(ProficiencyEntry, actor=actor, request_key=request_key)) is not None:
            return made
        owner = uow.get(ProficiencyRound, round_id)
        _require_known(uow.session, test_item_id, person_id, method_id)
        twin = select(ProficiencyEntry.id).where(
            ProficiencyEntry.round_id == owner.id,
            ProficiencyEntry.test_item_id == test_item_id,
            ProficiencyEntry.person_id == person_id,
        )
        if uow.session.scalar(twin) is not None:
            fault = _("This person measures this item in this round already.")
            raise InvalidInput(fault, code="entered_already", fields={"person_id": [fault]})
        row = uow.add(
            ProficiencyEntry(
                round_id=owner.id,
                test_item_id=test_item_id,
                method_id=method_id,
                person_id=person_id,
                unit=unit,
            )
        )
        uow.audit("proficiency.enter", actor, row)
        uow.remember(row)
        uow.commit()
    return row


def _require_known(session: Session, test_item_id: int, person_id: int, method_id: int | None) -> None:
    faults: dict[str, list[str]] = {}
    if session.get(TestItem, test_item_id) is None:
        faults["test_item_id"] = [_("This test item does not exist.")]
    person = session.get(Account, person_id)
    if person is None or person.retired_at is not None:
        faults["person_id"] = [_("This person does not work here.")]
    method = session.get(Method, method_id) if method_id is not None else None
    if method_id is not None and (method is None or method.test_item_id != test_item_id):
        faults["method_id"] = [_("This method does not measure this item.")]
    if faults:
        raise InvalidInput(_("Some fields are not right."), fields=faults)


# -- our result ----------------------------------------------------------------------


def report_result(
    uow: UnitOfWork,
    *,
    actor: Actor,
    entry_id: int,
    version: int,
    result: Decimal | None = None,
    expanded_uncertainty: Decimal | None = None,
    coverage_factor: Decimal | None = None,
    requested_test_id: int | None = None,
) -> ProficiencyEntry:
    """What we told the provider: typed, or the verified result of a requested test. Again until it is scored."""
    with uow:
        row = uow.get(ProficiencyEntry, entry_id, version=version)
        if not may_report(actor, row):
            raise PermissionDenied(_("Only the person who measures the item reports its result."))
        if requested_test_id is not None:
            stated = _stated_by(uow.session, row, requested_test_id)
        elif result is not None:
            stated = Stated(result, expanded_uncertainty, coverage_factor)
        else:
            fault = _("Please enter a result or choose a test.")
            raise InvalidInput(fault, fields={"result": [fault]})
        _require_positive("expanded_uncertainty", stated.uncertainty)
        _require_positive("coverage_factor", stated.factor)
        row.state = take_step(ENTRY_STEPS, "report", row.state)
        row.result, row.expanded_uncertainty = stated.value, stated.uncertainty
        row.coverage_factor = _factor(stated)
        row.requested_test_id = requested_test_id
        row.reported_by, row.reported_at = actor.id, uow.now
        uow.audit("proficiency.report", actor, row)
        uow.commit()
    return row


def may_report(actor: Actor, row: ProficiencyEntry) -> bool:
    mine = actor.id is not None and actor.id == row.person_id
    return mine or actor.can(Permission.PROFICIENCY_EDIT)


def _factor(stated: Stated) -> Decimal | None:
    if stated.uncertainty is None:
        return None
    return stated.factor or Decimal(2)


def _require_positive(name: str, value: Decimal | None) -> None:
    if value is not None and value <= 0:
        fault = _("Must be greater than zero.")
        raise InvalidInput(fault, fields={name: [fault]})


def _stated_by(session: Session, row: ProficiencyEntry, test_id: int) -> Stated:
    """The reported figure of a verified test of the same item, with its uncertainty."""
    test = session.get(RequestedTest, test_id)
    if test is None or test.test_item_id != row.test_item_id or test.state is not TestState.VERIFIED:
        fault = _("This is no verified test of this item.")
        raise InvalidInput(fault, code="not_this_test", fields={"requested_test_id": [fault]})
    version = session.scalars(
        select(ResultVersion)
        .join(Result, Result.id == ResultVersion.result_id)
        .where(
            Result.requested_test_id == test_id,
            Result.current.is_(True),
            ResultVersion.number == Result.current_version,
        )
    ).one()
    notes = orjson.loads(version.explanation)
    value = restore_value(notes["reported"]) if "reported" in notes else None
    if not isinstance(value, Number) or version.unit != row.unit:
        fault = _("The result of this test is no figure in %(unit)s.", unit=row.unit)
        raise InvalidInput(fault, code="no_figure", fields={"requested_test_id": [fault]})
    return Stated(value.value, version.expanded_uncertainty, version.coverage_factor)


# -- scores --------------------------------------------------------------------------


def score_entry(
    uow: UnitOfWork, *, actor: Actor, entry_id: int, version: int, scoring: Scoring
) -> ProficiencyEntry:
    """Compute every score; the performance follows from the one that the policy, or ``judged_by``, names.

    Unsatisfactory, or questionable twice in a row, opens a nonconformity in the same transaction.
    """
    actor.require(Permission.PROFICIENCY_EDIT)
    _require_positive("sigma", scoring.sigma)
    with uow:
        row = uow.get(ProficiencyEntry, entry_id, version=version)
        row_state = take_step(ENTRY_STEPS, "score", row.state)
        assigned, sigma, consensus = _held_against(scoring)
        assert row.result is not None
        mine = Stated(row.result, row.expanded_uncertainty, row.coverage_factor)
        found, judging = judging_score(mine, assigned, sigma, scoring.judged_by)
        _keep_participants(uow, row, scoring.participants, consensus)
        row.assigned_value, row.assigned_uncertainty = assigned.value, assigned.uncertainty
        row.assigned_factor, row.sigma = _factor(assigned), sigma
        for kind in ScoreKind:
            setattr(row, kind.value, found[kind].value if kind in found else None)
        row.judged_by, row.performance = judging.kind, judging.performance
        row.state, row.scored_by, row.scored_at = row_state, actor.id, uow.now
        uow.audit("proficiency.score", actor, row)
        uow.flush()
        if judging.performance is not Performance.SATISFACTORY:
            raise_alarm(uow, actor, row)
        uow.commit()
    return row


def _held_against(scoring: Scoring) -> tuple[Stated, Decimal | None, Consensus | None]:
    if scoring.participants and scoring.assigned is not None:
        fault = _("Either an assigned value or the participants' results: not both.")
        raise InvalidInput(fault, code="two_assigned_values", fields={"assigned_value": [fault]})
    if scoring.participants:
        _require_one_each(scoring.participants)
        consensus = consensus_of(scoring.participants)
        deviation = consensus.robust.deviation
        sigma = scoring.sigma if scoring.sigma is not None else (deviation or None)
        return consensus.assigned, sigma, consensus
    if scoring.assigned is None:
        fault = _("Please enter the assigned value, or the participants' results.")
        raise InvalidInput(fault, fields={"assigned_value": [fault]})
    _require_positive("assigned_uncertainty", scoring.assigned.uncertainty)
    _require_positive("assigned_factor", scoring.assigned.factor)
    return scoring.assigned, scoring.sigma, None


def _require_one_each(participants: Sequence[Participant]) -> None:
    known: set[str] = set()
    for one in participants:
        if one.laboratory in known:
            fault = _("Laboratory %(code)s stands here twice.", code=one.laboratory)
            raise InvalidInput(fault, code="bad_participants", fields={"participants": [fault]})
        known.add(one.laboratory)


def _keep_participants(
    uow: UnitOfWork, row: ProficiencyEntry, participants: Sequence[Participant], consensus: Consensus | None
) -> None:
    uow.session.execute(delete(ProficiencyParticipant).where(ProficiencyParticipant.entry_id == row.id))
    lines = [
        {"entry_id": row.id, "position": n, "laboratory": one.laboratory, "value": one.value}
        for n, one in enumerate(participants, 1)
    ]
    uow.insert_many(ProficiencyParticipant, lines)
    robust = consensus.robust if consensus else None
    row.participants = robust.count if robust else None
    row.robust_mean = robust.mean if robust else None
    row.robust_deviation = robust.deviation if robust else None


def correct_score(
    uow: UnitOfWork, *, actor: Actor, entry_id: int, version: int, reason: str
) -> ProficiencyEntry:
    """The provider corrected its report: the scores go (the trail keeps them), the result stays."""
    actor.require(Permission.PROFICIENCY_EDIT)
    with uow:
        row = uow.get(ProficiencyEntry, entry_id, version=version)
        row.state = take_step(ENTRY_STEPS, "correct", row.state)
        for kind in ScoreKind:
            setattr(row, kind.value, None)
        row.judged_by = row.performance = row.scored_at = row.scored_by = None
        uow.audit("proficiency.correct", actor, row, reason=reason)
        uow.commit()
    return row


def withdraw_entry(
    uow: UnitOfWork, *, actor: Actor, entry_id: int, version: int, reason: str
) -> ProficiencyEntry:
    """We did not take part after all."""
    actor.require(Permission.PROFICIENCY_EDIT)
    with uow:
        row = uow.get(ProficiencyEntry, entry_id, version=version)
        row.state = take_step(ENTRY_STEPS, "withdraw", row.state)
        row.withdrawn_why = reason
        uow.audit("proficiency.withdraw", actor, row, reason=reason)
        uow.commit()
    return row
