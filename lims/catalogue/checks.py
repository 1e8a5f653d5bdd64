"""Currency checks of the library (标准查新): start one from a list, follow it, close it when all is decided."""

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flask_babel import gettext as _
from flask_babel import ngettext
from sqlalchemy import Select, case, func, select
from sqlalchemy.orm import Session, aliased

from lims.catalogue.check_models import TO_DECIDE, CheckOutcome, StandardFinding, StandardsCheck
from lims.catalogue.currency_compare import Found, Ours, compare
from lims.catalogue.currency_list import StandardsList, read_list
from lims.catalogue.evidence import EVIDENCE_JOB, evidence_of, frozen_sheet, job_key, remembered
from lims.catalogue.models import StandardEdition
from lims.catalogue.touched import Touched, touched_by
from lims.core.clock import local_date
from lims.core.errors import Conflict, InvalidInput, NotFound, PermissionDenied, TransitionRefused
from lims.core.files import FileStore, keep_file
from lims.core.jobs import enqueue
from lims.core.numbering import take_numbers
from lims.core.permissions import Actor, Permission
from lims.core.sheets import MAX_BYTES, read_sheet
from lims.core.uow import RequestKey, UnitOfWork
from lims.people.directory import accounts_by_id
from lims.people.models import Account

MEDIA_TYPE = "application/octet-stream"


@dataclass(frozen=True, slots=True)
class ListFile:
    """The list as it came: ``name`` empty for pasted rows."""

    name: str
    content: bytes


def decoded(content: str) -> bytes:
    """A list that came as base64. Raises InvalidInput (``bad_content``)."""
    try:
        return base64.b64decode(content, validate=True)
    except (binascii.Error, ValueError) as error:
        sentence = _("The file did not arrive whole; choose it again.")
        raise InvalidInput(sentence, code="bad_content", fields={"content": [sentence]}) from error


def look_at(file: ListFile) -> StandardsList:
    """The rows of a list with their faults; nothing is saved. Raises InvalidInput."""
    return read_list(read_sheet(file.content[: MAX_BYTES + 1]))


def start_check(
    uow: UnitOfWork,
    *,
    actor: Actor,
    store: FileStore,
    file: ListFile,
    source: str,
    leave_out_faulty: bool = False,
    request_key: RequestKey | None = None,
) -> StandardsCheck:
    """Compare a list with the library as it stands today, and keep both.

    Raises InvalidInput (``list_faulty`` while rows are wrong and not left out).
    """
    actor.require(Permission.CATALOGUE_EDIT)
    made_by = named_person(actor)
    read = look_at(file)
    if read.faulty and not leave_out_faulty:
        raise InvalidInput(
            ngettext(
                "%(num)s row of the list is not right.",
                "%(num)s rows of the list are not right.",
                len(read.faulty),
            ),
            code="list_faulty",
            fields={},
        )
    if not read.good:
        raise InvalidInput(_("No row of the list is right."), code="list_empty", fields={})
    with uow:
        if (made := uow.replayed(StandardsCheck, actor=actor, request_key=request_key)) is not None:
            return made
        today = local_date(uow.now)
        found = compare(read.good, our_editions(uow.session), today)
        row = uow.add(
            StandardsCheck(
                number=take_numbers(uow, "standards_check", today)[0],
                source=source,
                file_name=file.name,
                file_sha256=keep_file(uow, store, file.content, MEDIA_TYPE),
                list_rows=len(read.good),
                left_out=len(read.faulty),
                made_on=today,
                made_by=made_by,
                made_at=uow.now,
            )
        )
        uow.audit("standards_check.start", actor, row)
        changed = [one.ours.id for one in found if one.ours and one.outcome in TO_DECIDE]
        touched = touched_by(uow.session, changed, today)
        uow.insert_many(StandardFinding, [_finding(row.id, one, touched) for one in found])
        uow.remember(row)
        uow.commit()
    return row


def named_person(actor: Actor) -> int:
    if actor.id is None:
        raise PermissionDenied(_("Only a person can decide about standards."))
    return actor.id


def our_editions(session: Session) -> list[Ours]:
    newer = aliased(StandardEdition)
    rows = session.execute(
        select(
            StandardEdition.id,
            StandardEdition.code,
            StandardEdition.in_force_from,
            StandardEdition.withdrawn_from,
            newer.code.label("successor"),
        ).outerjoin(newer, newer.id == StandardEdition.replaced_by_id)
    )
    return [Ours(r.id, r.code, r.in_force_from, r.withdrawn_from, r.successor or "") for r in rows]


def _finding(check_id: int, found: Found, touched: Mapping[int, Sequence[Touched]]) -> dict[str, object]:
    said, successor = found.said, found.successor
    return {
        "version": 1,
        "check_id": check_id,
        "row": said.row if said else None,
        "outcome": found.outcome,
        "touched": remembered(touched.get(found.ours.id, ()) if found.ours else ()),
        "standard_id": found.ours.id if found.ours else None,
        "code": found.ours.code if found.ours else said.code.text if said else "",
        "title": said.title if said else "",
        "listed_as": said.status if said else None,
        "published_on": said.published_on if said else None,
        "in_force_from": said.in_force_from if said else None,
        "withdrawn_from": said.withdrawn_from if said else None,
        "successor_code": found.successor_code,
        "successor_title": successor.title if successor else "",
        "successor_from": successor.in_force_from if successor else None,
    }


@dataclass(frozen=True, slots=True)
class Progress:
    """``decided`` of ``total`` findings that need a decision."""

    decided: int
    total: int

    @property
    def is_done(self) -> bool:
        return self.decided == self.total


def check(session: Session, check_id: int) -> StandardsCheck:
    row = session.get(StandardsCheck, check_id)
    if row is None:
        raise NotFound(_("This check does not exist."))
    return row


def findings_of(session: Session, check_id: int) -> Sequence[StandardFinding]:
    """Those that need a decision first, then as ``CheckOutcome`` lists them; by code."""
    place = case({one: n for n, one in enumerate(CheckOutcome)}, value=StandardFinding.outcome)
    wanted = select(StandardFinding).where(StandardFinding.check_id == check_id)
    return session.scalars(wanted.order_by(place, StandardFinding.code)).all()


def findings_about(session: Session, standard_id: int) -> list[tuple[StandardFinding, StandardsCheck]]:
    """What checks found about one of our standards that was to decide, the newest first."""
    wanted = (
        select(StandardFinding, StandardsCheck)
        .join(StandardsCheck, StandardsCheck.id == StandardFinding.check_id)
        .where(StandardFinding.standard_id == standard_id, StandardFinding.outcome.in_(TO_DECIDE))
        .order_by(StandardsCheck.id.desc())
        .limit(20)
    )
    return [(row[0], row[1]) for row in session.execute(wanted)]


def people_of(
    session: Session, check: StandardsCheck, findings: Sequence[StandardFinding]
) -> dict[int, Account]:
    """Who made, decided and closed it."""
    return accounts_by_id(session, {check.made_by, check.closed_by, *(one.decided_by for one in findings)})


def progress_of(findings: Sequence[StandardFinding]) -> Progress:
    needed = [one for one in findings if one.outcome in TO_DECIDE]
    return Progress(sum(one.decision is not None for one in needed), len(needed))


def check_lines() -> Select[Any]:
    """Checks with who made them and how far they are: columns ``decided``, ``to_decide``."""
    mine = StandardFinding.check_id == StandardsCheck.id
    needed = StandardFinding.outcome.in_(TO_DECIDE)
    counted = select(func.count()).select_from(StandardFinding).where(mine, needed)
    return select(
        StandardsCheck.id,
        StandardsCheck.number,
        StandardsCheck.source,
        StandardsCheck.made_on,
        StandardsCheck.list_rows,
        StandardsCheck.closed_at,
        Account.name_zh,
        Account.name_en,
        counted.scalar_subquery().label("to_decide"),
        counted.where(StandardFinding.decision.is_not(None)).scalar_subquery().label("decided"),
    ).join(Account, Account.id == StandardsCheck.made_by)


def open_checks(session: Session) -> int:
    wanted = select(func.count()).select_from(StandardsCheck).where(StandardsCheck.closed_at.is_(None))
    return session.scalar(wanted) or 0


def close_check(
    uow: UnitOfWork, *, actor: Actor, store: FileStore, check_id: int, version: int
) -> StandardsCheck:
    """All is decided: freeze the evidence sheet and have it set as PDF.

    Raises TransitionRefused (``check_closed``), Conflict (``check_undecided``, ``laboratory_details_missing``).
    """
    actor.require(Permission.CATALOGUE_EDIT)
    closed_by = named_person(actor)
    with uow:
        row = uow.get(StandardsCheck, check_id, version=version)
        refuse_closed(row)
        findings = findings_of(uow.session, check_id)
        progress = progress_of(findings)
        if not progress.is_done:
            left = progress.total - progress.decided
            raise Conflict(_("%(n)s standards still wait for a decision.", n=left), code="check_undecided")
        sheet = evidence_of(uow.session, row, findings, closed_by=closed_by, closed_on=local_date(uow.now))
        written = keep_file(uow, store, frozen_sheet(sheet), "application/json")
        row.closed_by, row.closed_at, row.document_sha256 = closed_by, uow.now, written
        uow.audit("standards_check.close", actor, row)
        enqueue(uow, EVIDENCE_JOB, {"check_id": row.id}, key=job_key(row.id), actor=actor)
        uow.commit()
    return row


def refuse_closed(row: StandardsCheck) -> None:
    if row.closed_at is not None:
        raise TransitionRefused(_("The check %(number)s is closed.", number=row.number), code="check_closed")
