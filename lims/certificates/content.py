"""What a certificate says: the frozen document, built from stored rows and finished text only."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import orjson
from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.orm import Session

from lims.accreditation.gate import MarkQuestion, Marks, marks_for
from lims.accreditation.models import Scheme
from lims.bench.models import Result, ResultVersion, Worksheet, WorksheetEquipment, WorksheetRow
from lims.bench.states import Verdict
from lims.catalogue.models import Limit, MethodVersion
from lims.certificates.models import Certificate, CertificateItem, LaboratoryDetails
from lims.core.clock import local_date
from lims.core.errors import Conflict
from lims.equipment.models import CalibrationRecord, Equipment
from lims.intake.models import Order, RequestedTest, Sample, SamplingForm
from lims.metrology.stored_values import StoredValue, restore_value
from lims.metrology.values import Counts, ResultValue, write_value_with_limit
from lims.people.models import Account
from reports.document import (
    CertificateDocument,
    EquipmentRow,
    ItemRow,
    Laboratory,
    Language,
    Mark,
    MarkKind,
    Party,
    SampleBlock,
    Sampling,
    Signature,
    Text,
    VerdictKind,
)

VERDICTS = {
    Verdict.PASS: Text("合格", "Pass"),
    Verdict.FAIL: Text("不合格", "Fail"),
    Verdict.NOT_JUDGED: Text("—", "—"),
}
# Why there is no verdict, where the reader must know.
UNJUDGED = {
    "monitoring_purpose": Text("风险监测项目,不作合格判定", "Risk monitoring: no verdict"),
    "judgement_not_requested": Text("委托方未要求判定", "No verdict asked for"),
    "no_limit_in_force": Text("无适用限量,不作判定", "No limit applies: no verdict"),
}
RULES = {
    "full_value": Text("全数值比较法(GB/T 8170-2008)", "full-value comparison (GB/T 8170-2008)"),
    "rounded_value": Text("修约值比较法(GB/T 8170-2008)", "rounded-value comparison (GB/T 8170-2008)"),
}
NOTES = (
    Text(
        "报告无“检验检测专用章”或检验单位公章无效。",
        "This report is not valid without the laboratory's inspection seal.",
    ),
    Text(
        "报告无编制、审核、批准人签字无效。",
        "This report is not valid without the names of who prepared, reviewed and approved it.",
    ),
    Text(
        "报告涂改无效;未经本机构书面批准,不得部分复制本报告。",
        "Altered reports are not valid. Except in full, this report shall not be reproduced without our written approval.",
    ),
    Text(
        "对报告如有异议,应于收到报告之日起十五日内提出,逾期不予受理。",
        "Objections are accepted within fifteen days of receipt.",
    ),
    Text(
        "带“*”的项目不在资质认定或认可的能力范围内,其结果仅供内部参考。",
        "Items marked * are outside the accredited scope; their results are for internal use only.",
    ),
    Text(
        "可凭报告编号与校验码或扫描二维码查验本报告真伪。",
        "Verify this report by its number and check code, or by the QR code.",
    ),
)


@dataclass(frozen=True, slots=True)
class Row:
    """One reported value with all it belongs to."""

    version: ResultVersion
    result: Result
    test: RequestedTest
    sample: Sample
    method: MethodVersion
    limit: Limit | None

    @property
    def notes(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = orjson.loads(self.version.explanation)
        return found


@dataclass(frozen=True, slots=True)
class Signed:
    """A line of the signature block."""

    role: Text
    name_zh: str
    name_en: str
    on: date | None


def rows_of(session: Session, certificate: Certificate) -> list[Row]:
    """The reported values in the order of the certificate (one query)."""
    statement = (
        select(CertificateItem.position, ResultVersion, Result, RequestedTest, Sample, MethodVersion, Limit)
        .join(ResultVersion, ResultVersion.id == CertificateItem.result_version_id)
        .join(Result, Result.id == ResultVersion.result_id)
        .join(RequestedTest, RequestedTest.id == Result.requested_test_id)
        .join(Sample, Sample.id == RequestedTest.sample_id)
        .join(MethodVersion, MethodVersion.id == ResultVersion.method_version_id)
        .outerjoin(Limit, Limit.id == ResultVersion.limit_id)
        .where(CertificateItem.certificate_id == certificate.id)
        .order_by(CertificateItem.position)
    )
    found = session.execute(statement).unique().all()
    return [Row(*row[1:]) for row in found]


def marks_of(session: Session, rows: Sequence[Row], on: date) -> Marks:
    """Scope of every item on the day its test was finished: when the work was done decides."""
    questions = [MarkQuestion(r.test.id, r.method.method_id, r.sample.category_id) for r in rows]
    return marks_for(session, questions, on)


def build_document(
    session: Session,
    certificate: Certificate,
    *,
    signatures: Sequence[Signed] = (),
    number: str = "",
    check_code: str = "",
    verify_url: str = "",
    issued_on: date | None = None,
    draft: bool = True,
) -> CertificateDocument:
    """The whole report as finished text. Raises Conflict (``laboratory_details_missing``)."""
    rows = rows_of(session, certificate)
    order = session.get_one(Order, certificate.order_id)
    details = session.scalars(select(LaboratoryDetails)).first()
    if details is None:
        raise Conflict(
            _("The laboratory's own name and address are not entered yet."), code="laboratory_details_missing"
        )
    finished = [r.result.submitted_at for r in rows if r.result.submitted_at is not None]
    begun = _begun(session, rows)
    last = local_date(max(finished)) if finished else order.registered_on
    marks = marks_of(session, rows, last)
    return CertificateDocument(
        title=Text("检验报告", "Test Report"),
        laboratory=_laboratory(details),
        number=number,
        check_code=check_code,
        verify_url=verify_url,
        customer=_customer(session, order),
        samples=_samples(session, rows, marks),
        business_type=Text(order.business_type.name_zh, order.business_type.name_en),
        business_statement=Text(order.business_type.statement_zh, order.business_type.statement_en),
        conclusion=_conclusion(rows, order),
        signatures=tuple(
            Signature(
                s.role,
                s.name_zh if certificate.language != "en" else s.name_en,
                s.on.isoformat() if s.on else "",
            )
            for s in signatures
        ),
        received_on=_received(rows),
        performed_from=(local_date(begun) if begun else last).isoformat(),
        performed_to=last.isoformat(),
        issued_on=issued_on.isoformat() if issued_on else "",
        language=Language(certificate.language),
        draft=draft,
        test_basis=_unique(_method_text(r) for r in rows),
        judging_basis=_unique(Text.same(r.limit.standard.code) for r in rows if r.limit is not None),
        decision_rule=_rule(rows),
        environment=_environment(session, rows),
        remarks=(Text(certificate.remarks_zh, certificate.remarks_en),)
        if certificate.remarks_zh or certificate.remarks_en
        else (),
        notes=NOTES,
        marks=_marks(marks, details),
        equipment=_equipment(session, rows, last),
    )


def _laboratory(details: LaboratoryDetails) -> Laboratory:
    return Laboratory(
        name=Text(details.name_zh, details.name_en),
        address=Text(details.address_zh, details.address_en),
        registration_no=details.registration_no,
        postcode=details.postcode,
        phone=details.phone,
        email=details.email,
        website=details.website,
    )


def _customer(session: Session, order: Order) -> Party:
    customer = order.customer
    contact = next((c for c in customer.contacts if c.id == order.contact_id), None)
    return Party(
        name=Text(customer.name, customer.name_en or customer.name),
        address=Text.same(customer.address),
        contact=contact.name if contact else "",
        phone=contact.phone if contact else "",
    )


def _samples(session: Session, rows: Sequence[Row], marks: Marks) -> tuple[SampleBlock, ...]:
    by_sample: dict[int, list[Row]] = {}
    for row in rows:
        by_sample.setdefault(row.sample.id, []).append(row)
    forms = {
        f.id: f
        for f in session.scalars(
            select(SamplingForm).where(
                SamplingForm.id.in_({r.sample.sampling_form_id for r in rows if r.sample.sampling_form_id})
            )
        )
    }
    return tuple(_sample(group, marks, forms) for group in by_sample.values())


def _sample(rows: Sequence[Row], marks: Marks, forms: Mapping[int, SamplingForm]) -> SampleBlock:
    sample = rows[0].sample
    form = forms.get(sample.sampling_form_id or 0)
    return SampleBlock(
        number=sample.number,
        name=Text.same(sample.name),
        items=tuple(_item(str(n), row, marks) for n, row in enumerate(rows, 1)),
        trade_mark=sample.brand,
        model=sample.specification,
        batch=sample.batch,
        production_date=sample.produced_on.isoformat() if sample.produced_on else "",
        quantity=Text.same(sample.amount or sample.quantity),
        seal_state=_seal(sample.seal),
        condition=Text.same(sample.condition or ""),
        received_on=local_date(sample.received_at).isoformat() if sample.received_at else "",
        producer=Party(Text.same(sample.producer), Text.same(sample.producer_address))
        if sample.producer
        else None,
        sampled_firm=Party(Text.same(form.sampled_firm), Text.same(form.sampled_firm_address))
        if form
        else None,
        sampling=Sampling(
            form_no=form.number,
            sampled_on=form.sampled_on.isoformat(),
            place=Text.same(form.place),
            people=f"{form.sampler_one}、{form.sampler_two}",
            base=Text.same(form.base_quantity),
        )
        if form
        else None,
    )


SEALS = {
    "intact": Text("封样完好", "Seal intact"),
    "broken": Text("封样破损", "Seal broken"),
    "none": Text("无封样", "Not sealed"),
}


def _seal(seal: str | None) -> Text:
    return SEALS.get(seal or "", Text.same(seal or ""))


def _item(no: str, row: Row, marks: Marks) -> ItemRow:
    notes = row.notes
    covered = marks.covered(row.test.id)
    missing = marks.gaps[row.test.id]
    item = row.test.test_item
    reason = UNJUDGED.get(row.version.verdict_reason)
    return ItemRow(
        no=no,
        item=Text(item.name_zh, item.name_en),
        unit=row.version.unit,
        limit=Text(notes.get("limit_zh") or "—", notes.get("limit_en") or "—"),
        results=_results(notes["reported"]),
        verdict=VERDICTS[row.version.verdict],
        method=_method_text(row).zh,
        verdict_kind=VerdictKind(row.version.verdict.value),
        marks=tuple(MarkKind(s.value) for s in Scheme if s in covered),
        starred=not covered,
        note=reason
        if reason is not None and row.version.verdict is Verdict.NOT_JUDGED
        else _why_starred(missing, covered),
    )


def _why_starred(missing: Mapping[Scheme, Any], covered: frozenset[Scheme]) -> Text:
    if covered or not missing:
        return Text()
    first = next(iter(missing.values()))
    return Text(first.zh, first.en)


def _results(stored: StoredValue) -> tuple[Text, ...]:
    value: ResultValue = restore_value(stored)
    singles: Sequence[ResultValue] = value.values if isinstance(value, Counts) else (value,)
    return tuple(Text(write_value_with_limit(v, "zh"), write_value_with_limit(v, "en")) for v in singles)


def _method_text(row: Row) -> Text:
    method = row.method.method
    return Text.same(f"{method.standard.code} {method.clause}".strip())


def _unique(texts: Any) -> tuple[Text, ...]:
    return tuple(dict.fromkeys(texts))


def _rule(rows: Sequence[Row]) -> Text:
    rules = [
        RULES[r.version.comparison] for r in rows if r.version.comparison in RULES and r.version.limit_id
    ]
    found = list(dict.fromkeys(rules))
    if not found:
        return Text()
    return Text(
        "符合性判定采用" + "、".join(t.zh for t in found) + ",不考虑测量不确定度(简单接受规则)。",
        "Conformity is judged by "
        + " and ".join(t.en for t in found)
        + ", without guard band (simple acceptance).",
    )


def _conclusion(rows: Sequence[Row], order: Order) -> Text:
    verdicts = {r.version.verdict for r in rows}
    bases = "、".join(dict.fromkeys(r.limit.standard.code for r in rows if r.limit is not None))
    if not order.business_type.judged or verdicts == {Verdict.NOT_JUDGED}:
        return Text(
            "本报告仅提供检验数据,不作合格与否的判定。",
            "This report gives test data only; no conformity is stated.",
        )
    failed = list(dict.fromkeys(r.test.test_item for r in rows if r.version.verdict is Verdict.FAIL))
    if failed:
        zh = "、".join(i.name_zh for i in failed)
        en = ", ".join(i.name_en for i in failed)
        return Text(
            f"经检验,{zh}项目不符合 {bases} 的要求,检验结论为不合格。",
            f"Tested: {en} do not meet {bases}. Conclusion: fail.",
        )
    return Text(f"经检验,所检并判定的项目符合 {bases} 的要求。", f"Tested: the items judged meet {bases}.")


def _received(rows: Sequence[Row]) -> str:
    instants = [r.sample.received_at for r in rows if r.sample.received_at is not None]
    return local_date(min(instants)).isoformat() if instants else ""


def _begun(session: Session, rows: Sequence[Row]) -> Any:
    tests = [r.test.id for r in rows]
    statement = (
        select(Worksheet.opened_at)
        .join(WorksheetRow, WorksheetRow.worksheet_id == Worksheet.id)
        .where(WorksheetRow.requested_test_id.in_(tests))
        .order_by(Worksheet.opened_at)
        .limit(1)
    )
    return session.scalars(statement).first()


def _sheets(rows: Sequence[Row]) -> Any:
    return (
        select(WorksheetRow.worksheet_id)
        .where(
            WorksheetRow.requested_test_id.in_([r.test.id for r in rows]), WorksheetRow.removed_at.is_(None)
        )
        .distinct()
    )


def _environment(session: Session, rows: Sequence[Row]) -> Text:
    statement = select(Worksheet.temperature, Worksheet.humidity).where(Worksheet.id.in_(_sheets(rows)))
    pairs = session.execute(statement).all()
    temperatures = sorted({t for t, _h in pairs if t is not None})
    humidities = sorted({h for _t, h in pairs if h is not None})
    parts = []
    if temperatures:
        parts.append(_span(temperatures, "℃"))
    if humidities:
        parts.append(_span(humidities, "%RH"))
    return Text.same(", ".join(parts))


def _span(values: Sequence[Any], unit: str) -> str:
    first, last = str(values[0]), str(values[-1])
    return f"{first} {unit}" if first == last else f"{first}~{last} {unit}"


def _marks(marks: Marks, details: LaboratoryDetails) -> tuple[Mark, ...]:
    numbers = {Scheme.CMA: details.cma_number, Scheme.CNAS: details.cnas_number}
    found = []
    for scheme, whole in marks.whole.items():
        kind = MarkKind(scheme.value)
        if whole.granted and numbers[scheme]:
            found.append(Mark(kind, number=numbers[scheme]))
        else:
            found.append(Mark(kind, missing_reason=Text(whole.sentence.zh, whole.sentence.en)))
    return tuple(found)


def _equipment(session: Session, rows: Sequence[Row], on: date) -> tuple[EquipmentRow, ...]:
    used = (
        select(Equipment)
        .join(WorksheetEquipment, WorksheetEquipment.equipment_id == Equipment.id)
        .where(WorksheetEquipment.worksheet_id.in_(_sheets(rows)))
        .order_by(Equipment.code)
        .distinct()
    )
    found = list(session.scalars(used).unique())
    records: dict[int, CalibrationRecord] = {}
    statement = (
        select(CalibrationRecord)
        .where(
            CalibrationRecord.equipment_id.in_([e.id for e in found]), CalibrationRecord.calibrated_on <= on
        )
        .order_by(CalibrationRecord.calibrated_on, CalibrationRecord.id)
    )
    for record in session.scalars(statement):
        records[record.equipment_id] = record
    return tuple(_equipment_row(e, records.get(e.id)) for e in found)


def _equipment_row(equipment: Equipment, record: CalibrationRecord | None) -> EquipmentRow:
    return EquipmentRow(
        name=Text(equipment.name_zh, equipment.name_en),
        model=equipment.model,
        number=equipment.code,
        certificate_no=record.certificate_number if record else "",
        valid_until=record.due_on.isoformat() if record else "",
    )


def signed_line(role: Text, account: Account | None, on: date | None) -> Signed:
    return Signed(role, account.name_zh if account else "", account.name_en if account else "", on)
