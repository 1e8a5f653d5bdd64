"""The evidence sheet of a currency check: frozen on closing, set as PDF by the worker, stored by its hash."""

import json
from collections.abc import Collection, Mapping, Sequence
from datetime import date

from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.orm import Session

from lims.catalogue.check_models import (
    TO_DECIDE,
    CheckOutcome,
    ListStatus,
    StandardDecision,
    StandardFinding,
    StandardsCheck,
)
from lims.catalogue.touched import Touched, TouchedKind, by_kind
from lims.core.clock import local_date
from lims.core.errors import NotFound
from lims.core.files import FileStore, keep_file
from lims.core.jobs import Job, JobContext, job
from lims.core.papers import Paper
from lims.core.permissions import SYSTEM, Actor
from lims.core.uow import UnitOfWork
from lims.people.directory import accounts_by_id
from reports.document import Labelled, Text
from reports.standards_check import (
    CheckedStandard,
    StandardGroup,
    StandardsCheckDocument,
    from_json,
    to_json,
)

EVIDENCE_JOB = "catalogue.check_evidence"
MOST_NAMES = 40  # of one kind on paper; the rest is counted
SHEET: Paper[StandardsCheckDocument] = Paper()
OUTCOMES: Mapping[CheckOutcome, Text] = {
    CheckOutcome.REPLACED: Text("被代替", "replaced"),
    CheckOutcome.WITHDRAWN: Text("废止", "withdrawn"),
    CheckOutcome.NEW_EDITION: Text("有新版", "new edition"),
    CheckOutcome.DIFFERENT: Text("与标准库不一致", "differs from the library"),
    CheckOutcome.NOT_MENTIONED: Text("清单未列", "not in the list"),
    CheckOutcome.UNCHANGED: Text("无变化", "unchanged"),
    CheckOutcome.UNKNOWN: Text("本库没有", "not in our library"),
}
_EXPLAINED: Mapping[CheckOutcome, Text] = {
    CheckOutcome.UNCHANGED: Text("标准库与清单一致。", "Library and list agree."),
    CheckOutcome.NOT_MENTIONED: Text(
        "标准库中现行、而清单没有提到的标准。", "In use in the library; the list does not mention them."
    ),
    CheckOutcome.UNKNOWN: Text(
        "清单中有、标准库没有的标准。", "In the list; the library does not hold them."
    ),
}
DECISIONS: Mapping[StandardDecision, tuple[str, str]] = {
    StandardDecision.ADOPT: ("自 {day} 起采用新版 {new}", "adopt the new edition {new} from {day}"),
    StandardDecision.KEEP_UNTIL: (
        "原版沿用至 {day}（过渡期）",
        "keep the old edition until {day} (transition)",
    ),
    StandardDecision.WITHDRAW: ("自 {day} 起停用", "withdrawn from {day}"),
    StandardDecision.TAKE_DATES: ("按清单更正标准库的日期", "take over the dates of the list"),
    StandardDecision.NOT_RELEVANT: ("与本机构无关，不作更改", "not relevant; nothing changes"),
}
_KINDS: Mapping[TouchedKind, Text] = {
    TouchedKind.METHOD: Text("检测方法", "Methods"),
    TouchedKind.LIMIT: Text("限量", "Limits"),
    TouchedKind.PACKAGE: Text("套餐", "Packages"),
    TouchedKind.SCOPE: Text("能力范围", "Scope rows"),
    TouchedKind.AUTHORISATION: Text("上岗授权", "Authorisations"),
    TouchedKind.ORDER: Text("未完成的委托单", "Open orders"),
    TouchedKind.WORKSHEET: Text("检测批", "Worksheets"),
}
_LISTED: Mapping[ListStatus, Text] = {
    ListStatus.IN_FORCE: Text("现行", "in force"),
    ListStatus.UPCOMING: Text("即将实施", "upcoming"),
    ListStatus.WITHDRAWN: Text("废止", "withdrawn"),
    ListStatus.REPLACED: Text("被代替", "replaced"),
}


def remembered(rows: Sequence[Touched]) -> str:
    """What hung on a standard, as a finding keeps it: JSON of kind -> [count, [[zh, en], ...]]."""
    kept = {
        kind.value: [len(some), [[one.name_zh, one.name_en] for one in some[:MOST_NAMES]]]
        for kind, some in by_kind(rows).items()
    }
    return json.dumps(kept, ensure_ascii=False)


def evidence_of(
    session: Session,
    check: StandardsCheck,
    findings: Sequence[StandardFinding],
    *,
    closed_by: int,
    closed_on: date,
) -> StandardsCheckDocument:
    """The finished text of a check that is being closed. Raises Conflict ``laboratory_details_missing``."""
    laboratory = SHEET.laboratory(session)
    people = _people(session, {check.made_by, closed_by, *(one.decided_by for one in findings)})
    of = {outcome: [one for one in findings if one.outcome is outcome] for outcome in CheckOutcome}
    return StandardsCheckDocument(
        laboratory=laboratory,
        number=check.number,
        dated=closed_on.isoformat(),
        facts=_facts(check, people, closed_on.isoformat()),
        counts=tuple(Labelled(OUTCOMES[o], Text.same(str(len(rows)))) for o, rows in of.items()),
        decided=tuple(_decided(one, people) for o in TO_DECIDE for one in of[o]),
        groups=tuple(
            StandardGroup(OUTCOMES[o], _EXPLAINED[o], tuple(one.code for one in of[o]))
            for o in _EXPLAINED
            if of[o]
        ),
        closed_by=people.get(closed_by, Text()),
    )


frozen_sheet = to_json


def _people(session: Session, wanted: Collection[int | None]) -> dict[int, Text]:
    found = accounts_by_id(session, wanted)
    return {ident: Text(person.name_zh, person.name_en) for ident, person in found.items()}


def _facts(check: StandardsCheck, people: Mapping[int, Text], closed_on: str) -> tuple[Labelled, ...]:
    left_out = Text(f"，另有 {check.left_out} 行有误未比对", f"; {check.left_out} faulty rows were left out")
    rows = Text(
        f"{check.list_rows} 行" + (left_out.zh if check.left_out else ""),
        f"{check.list_rows} rows" + (left_out.en if check.left_out else ""),
    )
    return (
        Labelled(Text("清单来源", "Source of the list"), Text.same(check.source)),
        Labelled(Text("清单文件", "File"), Text.same(check.file_name) or Text("粘贴的行", "pasted rows")),
        Labelled(Text("文件散列值", "SHA-256 of the file"), Text.same(check.file_sha256)),
        Labelled(Text("清单行数", "Rows of the list"), rows),
        Labelled(Text("查新日期", "Checked on"), Text.same(check.made_on.isoformat())),
        Labelled(Text("查新人", "Checked by"), people.get(check.made_by, Text())),
        Labelled(Text("办结日期", "Closed on"), Text.same(closed_on)),
    )


def _decided(one: StandardFinding, people: Mapping[int, Text]) -> CheckedStandard:
    standard = one.standard
    assert standard is not None
    assert one.decision is not None
    assert one.decided_at is not None
    facts = {"day": one.effective_on, "new": one.successor_code}
    zh, en = DECISIONS[one.decision]
    return CheckedStandard(
        code=one.code,
        title=Text(standard.title_zh, standard.title_en),
        outcome=OUTCOMES[one.outcome],
        said=tuple(_said(one)),
        touched=_touched(one.touched),
        decision=Text(zh.format(**facts), en.format(**facts)),
        reason=one.reason or "",
        decided_by=people.get(one.decided_by or 0, Text()),
        decided_on=local_date(one.decided_at).isoformat(),
    )


def _said(one: StandardFinding) -> Sequence[Labelled]:
    successor = " ".join(filter(None, (one.successor_code, one.successor_title)))
    days = (
        (Text("发布", "published"), one.published_on),
        (Text("实施", "in force from"), one.in_force_from),
        (Text("废止或被代替", "withdrawn or replaced from"), one.withdrawn_from),
    )
    said = [Labelled(Text("状态", "status"), _LISTED[one.listed_as])] if one.listed_as else []
    said += [Labelled(words, Text.same(day.isoformat())) for words, day in days if day is not None]
    if successor:
        said.append(Labelled(Text("新版", "new edition"), Text.same(successor)))
    if one.successor_from is not None:
        said.append(Labelled(Text("新版实施", "in force from"), Text.same(one.successor_from.isoformat())))
    return said


def _touched(kept: str) -> tuple[Labelled, ...]:
    lines = []
    for kind, (count, names) in json.loads(kept).items():
        more = count - len(names)
        zh = "；".join(zh for zh, _en in names) + (f" 等 {count} 项" if more else "")
        en = "; ".join(en for _zh, en in names) + (f" and {more} more" if more else "")
        lines.append(Labelled(_KINDS[TouchedKind(kind)], Text(f"{count}：{zh}", f"{count}: {en}")))
    return tuple(lines)


def write_evidence(uow: UnitOfWork, *, actor: Actor, store: FileStore, check_id: int) -> str:
    """Set and store the sheet of a closed check; what was written once stays. Returns its SHA-256."""
    uow.session.rollback()
    row = uow.session.get(StandardsCheck, check_id, populate_existing=True)
    if row is None or row.document_sha256 is None:
        raise NotFound(_("There is no evidence sheet of this check yet."))
    if row.evidence_sha256 is not None:
        return row.evidence_sha256
    sheet = from_json(store.read(row.document_sha256))
    pdf = SHEET.typeset(sheet)
    with uow:
        row = uow.get(StandardsCheck, check_id)
        if row.evidence_sha256 is None:
            row.evidence_sha256 = keep_file(uow, store, pdf, "application/pdf")
            uow.audit("standards_check.evidence", actor, row)
            uow.commit()
        return row.evidence_sha256


def job_key(check_id: int) -> str:
    return f"check_evidence:{check_id}"


def evidence_job(session: Session, row: StandardsCheck) -> Job | None:
    """What is setting the sheet of a closed check; None once it stands."""
    if row.closed_at is None or row.evidence_sha256 is not None:
        return None
    return session.scalars(select(Job).where(Job.key == job_key(row.id))).first()


def evidence_pdf(store: FileStore, row: StandardsCheck) -> bytes:
    """The stored sheet. Raises NotFound while it is not written."""
    if row.evidence_sha256 is None:
        raise NotFound(_("There is no evidence sheet of this check yet."))
    return store.read(row.evidence_sha256)


@job(EVIDENCE_JOB)
def _write(context: JobContext) -> str | None:
    uow = context.uow()
    try:
        check_id = int(context.job.payload["check_id"])
        return write_evidence(uow, actor=SYSTEM, store=context.files, check_id=check_id)
    finally:
        uow.session.close()
