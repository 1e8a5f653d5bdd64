"""What a second person sees before agreeing: original record left, result right, computed again, flags."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

import orjson
from flask_babel import gettext as _
from flask_babel import ngettext
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from lims.bench.models import Capture, InputValue, Worksheet
from lims.bench.sheet_view import RowView, read_rows
from lims.bench.states import InputSource, Verdict
from lims.bench.wording import flag_words, language
from lims.catalogue.models import MethodVersion
from lims.core.clock import local_date
from lims.core.errors import NotFound
from lims.core.permissions import Actor, Permission
from lims.intake.models import RequestedTest, Sample
from lims.intake.states import TestState
from lims.people.directory import accounts_by_id
from lims.people.models import Account


@dataclass(frozen=True, slots=True)
class Flag:
    """Something a reviewer must not overlook. ``tone``: of the house's badges."""

    words: str
    tone: str


@dataclass(frozen=True, slots=True)
class ReviewRow:
    """``own_hand``: the reader entered a value or handed it over, and so cannot judge it."""

    row: RowView
    flags: Sequence[Flag]
    submitted_by: Account | None
    limit: str
    unrounded: str
    own_hand: bool

    @property
    def waits(self) -> bool:
        return self.row.test.state is TestState.SUBMITTED


@dataclass(frozen=True, slots=True)
class ReviewPage:
    """Of one worksheet, or of one sample (``worksheet`` None)."""

    worksheet: Worksheet | None
    sample: Sample | None
    version: MethodVersion | None
    rows: Sequence[ReviewRow]

    @property
    def waiting(self) -> int:
        return sum(row.waits and not row.own_hand for row in self.rows)


def review_of_sheet(session: Session, *, actor: Actor, worksheet_id: int, now: datetime) -> ReviewPage:
    """Raises NotFound, PermissionDenied."""
    actor.require(Permission.RESULT_VERIFY)
    sheet = session.get(Worksheet, worksheet_id)
    if sheet is None:
        raise NotFound(_("This does not exist (any more)."))
    ids = [r.requested_test_id for r in sheet.rows if r.removed_at is None]
    rows = _review_rows(session, actor, ids, now)
    return ReviewPage(sheet, None, session.get(MethodVersion, sheet.method_version_id), rows)


def review_of_sample(session: Session, *, actor: Actor, sample_id: int, now: datetime) -> ReviewPage:
    """Raises NotFound, PermissionDenied."""
    actor.require(Permission.RESULT_VERIFY)
    sample = session.get(Sample, sample_id)
    if sample is None:
        raise NotFound(_("This does not exist (any more)."))
    wanted = select(RequestedTest.id).where(
        RequestedTest.sample_id == sample_id,
        RequestedTest.state.in_((TestState.SUBMITTED, TestState.VERIFIED, TestState.RETURNED)),
    )
    ids = list(session.scalars(wanted.order_by(RequestedTest.position)))
    return ReviewPage(None, sample, None, _review_rows(session, actor, ids, now))


def _review_rows(session: Session, actor: Actor, ids: Sequence[int], now: datetime) -> list[ReviewRow]:
    rows = [r for r in read_rows(session, ids, None, again=True) if r.result is not None]
    hands, changes = _hands(session, ids)
    flagged = _device_flags(session, rows)
    people = _people(session, rows)
    today = local_date(now)
    return [
        ReviewRow(
            row=row,
            flags=_flags(row, today, changes.get(_attempt(row), 0) - len(_filled(row)), flagged),
            submitted_by=people.get(row.result.submitted_by or 0) if row.result else None,
            limit=_limit_of(row),
            unrounded=_unrounded(row),
            own_hand=actor.id in hands.get(_attempt(row), set()) | {row.test.assignee_id},
        )
        for row in rows
    ]


Attempt = tuple[int, int]


def _attempt(row: RowView) -> Attempt:
    return (row.test.id, row.result.attempt if row.result is not None else 1)


def _filled(row: RowView) -> list[InputValue]:
    return [cell.entry for cell in row.cells.values() if cell.entry is not None]


def _hands(
    session: Session, ids: Collection[int]
) -> tuple[dict[Attempt, set[int | None]], dict[Attempt, int]]:
    """Who entered values, and how many entries there are; by test and attempt."""
    key = (InputValue.requested_test_id, InputValue.attempt)
    counted = (
        select(*key, InputValue.entered_by, func.count())
        .where(InputValue.requested_test_id.in_(ids))
        .group_by(*key, InputValue.entered_by)
    )
    hands: dict[Attempt, set[int | None]] = {}
    entries: dict[Attempt, int] = {}
    for test_id, attempt, person, count in session.execute(counted):
        hands.setdefault((test_id, attempt), set()).add(person)
        entries[test_id, attempt] = entries.get((test_id, attempt), 0) + count
    return hands, entries


def _device_flags(session: Session, rows: Sequence[RowView]) -> dict[int, str]:
    """Capture -> its flags, where it has any."""
    ids = {e.capture_id for row in rows for e in _filled(row) if e.capture_id is not None}
    flagged = select(Capture.id, Capture.flags).where(Capture.id.in_(ids), Capture.flags != "")
    return {row[0]: row[1] for row in session.execute(flagged)} if ids else {}


def _people(session: Session, rows: Sequence[RowView]) -> dict[int, Account]:
    return accounts_by_id(session, {row.result.submitted_by for row in rows if row.result is not None})


def _notes(row: RowView) -> Mapping[str, object]:
    notes: Mapping[str, object] = orjson.loads(row.version.explanation) if row.version is not None else {}
    return notes


def _limit_of(row: RowView) -> str:
    return str(_notes(row).get(f"limit_{language()}") or "")


def _unrounded(row: RowView) -> str:
    value = _notes(row).get("unrounded")
    return str(value.get("figure", "")) if isinstance(value, dict) else ""


def _flags(row: RowView, today: date, changed: int, flagged: Mapping[int, str]) -> list[Flag]:
    found = [*_flags_of_result(row), *_flags_of_time(row, today), *_flags_of_entries(row, changed)]
    words = sorted({w for e in _filled(row) for w in flagged.get(e.capture_id or 0, "").split()})
    if words:
        found.append(Flag(_("device: %(flags)s", flags=", ".join(flag_words(words))), "fault"))
    return found


def _flags_of_result(row: RowView) -> list[Flag]:
    found = []
    if row.agrees is False:
        found.append(Flag(_("computed again, it differs"), "fault"))
    if row.version is None:
        return found
    if row.version.verdict is Verdict.FAIL:
        found.append(Flag(_("out of limit"), "fault"))
    if row.version.near_limit:
        found.append(Flag(_("near the limit"), "returned"))
    if _notes(row).get("rules_disagree"):
        found.append(Flag(_("judged otherwise if rounded"), "returned"))
    for needed in row.needed:
        if needed.test is None or needed.test.state is not TestState.VERIFIED:
            found.append(Flag(_("needs “%(item)s” verified", item=needed.label), "waiting"))
    return found


def _flags_of_time(row: RowView, today: date) -> list[Flag]:
    at = row.result.submitted_at if row.result is not None else None
    day = local_date(at) if at is not None else today
    return [Flag(_("late"), "fault")] if max(day, today if at is None else day) > row.test.due_on else []


def _flags_of_entries(row: RowView, changed: int) -> list[Flag]:
    found = []
    cells = [c for c in row.cells.values() if c.entry is not None and c.text]
    typed = [c for c in cells if c.source is InputSource.TYPED]
    if typed:
        by_device = any(c.column.input.equipment_class for c in typed)
        found.append(Flag(_("typed by hand"), "returned" if by_device else "plain"))
    if any(c.source is InputSource.IMPORT for c in cells):
        found.append(Flag(_("from a file"), "plain"))
    if changed > 0:
        words = ngettext("changed %(num)s time", "changed %(num)s times", changed)
        found.append(Flag(words, "returned"))
    if row.result is not None and row.result.attempt > 1:
        found.append(Flag(_("retest %(n)s", n=row.result.attempt - 1), "held"))
    return found
