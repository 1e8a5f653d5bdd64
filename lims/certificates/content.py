"""What a certificate says: the document, built from stored rows and finished text only."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.orm import Session

from lims.accreditation.gate import Marks
from lims.bench.states import Verdict
from lims.certificates.blocks import failed_names, printed_marks, sample_blocks
from lims.certificates.circumstances import Circumstances, circumstances_of, environment, equipment_rows
from lims.certificates.models import Certificate, LaboratoryDetails
from lims.certificates.phrases import (
    AGREED,
    APPROVED,
    FROM_CUSTOMER,
    NO_VERDICT,
    NOTES,
    PLAIN_LIMITS,
    PREPARED,
    REVIEWED,
    RULES,
    SIGNATORY,
    TITLE,
    UNCERTAINTY,
    clause_in_english,
)
from lims.certificates.reported import Row, by_sample, last_day, marks_of, rows_of
from lims.core.clock import local_date
from lims.core.errors import Conflict
from lims.intake.models import Order, Sample
from lims.metrology.rounding import round_significant
from lims.people.models import Account
from reports.document import (
    NOTHING,
    CertificateDocument,
    Laboratory,
    Language,
    Party,
    Signature,
    Text,
    to_json,
)


@dataclass(frozen=True, slots=True)
class Content:
    """The document without number, names and dates of signing, beside the rows it was built from."""

    document: CertificateDocument
    rows: Sequence[Row]
    order: Order
    marks: Marks
    circumstances: Circumstances

    @property
    def sha256(self) -> str:
        """Hash of what is reviewed; what is approved must be the same."""
        return hashlib.sha256(to_json(self.document)).hexdigest()

    def named(self, signatures: tuple[Signature, ...]) -> CertificateDocument:
        """The draft as it would be printed now, with the names so far."""
        return replace(self.document, signatures=signatures)


def gather(session: Session, certificate: Certificate) -> Content:
    """Read and word everything the certificate says, with a fixed number of queries.

    Raises Conflict (``laboratory_details_missing``).
    """
    rows = rows_of(session, certificate)
    order = session.get_one(Order, certificate.order_id)
    details = session.scalars(select(LaboratoryDetails)).first()
    if details is None:
        raise Conflict(
            _("The laboratory's own name and address are not entered yet."), code="laboratory_details_missing"
        )
    last = last_day(rows) or order.registered_on
    marks = marks_of(session, rows, last)
    found = circumstances_of(session, rows, last)
    language = Language(certificate.language)
    business = order.business_type
    document = CertificateDocument(
        title=TITLE,
        laboratory=_laboratory(details),
        number="",
        check_code="",
        verify_url="",
        customer=_customer(order),
        samples=sample_blocks(
            session,
            rows,
            marks,
            language,
            with_photos=certificate.photos,
            with_uncertainty=_counts_uncertainty(order),
        ),
        business_type=Text(business.name_zh, business.name_en),
        business_statement=_statement(order, rows),
        conclusion=_conclusion(rows, order),
        signatures=(),
        received_on=_received(rows),
        performed_from=(found.begun_on or last).isoformat(),
        performed_to=last.isoformat(),
        issued_on="",
        language=language,
        draft=True,
        test_basis=_unique(_basis(r) for r in rows),
        judging_basis=_unique(
            _standard(r.limit.standard.code, r.limit.standard.title_zh, r.limit.standard.title_en)
            for r in rows
            if r.limit is not None
        ),
        decision_rule=_rule(rows, order),
        uncertainty=_uncertainty(rows, order),
        environment=environment(found),
        remarks=_remarks(certificate),
        notes=NOTES,
        marks=printed_marks(marks, details),
        equipment=equipment_rows(found),
    )
    return Content(document, rows, order, marks, found)


def signature_lines(
    session: Session, certificate: Certificate, *, approved: tuple[int | None, datetime] | None = None
) -> tuple[Signature, ...]:
    """Prepared, reviewed, approved; without a name while nobody did. ``approved``: who is about to."""
    by, at = approved or (certificate.approved_by, certificate.approved_at)
    lines = []
    for role, account_id, signed_at in (
        (PREPARED, certificate.drafted_by, certificate.drafted_at),
        (REVIEWED, certificate.reviewed_by, certificate.reviewed_at),
        (APPROVED, by, at),
    ):
        account = session.get(Account, account_id) if account_id is not None else None
        name = _printed_name(account, certificate.language) if account else ""
        day = local_date(signed_at).isoformat() if signed_at is not None and account is not None else ""
        lines.append(Signature(role, name, day, SIGNATORY if role is APPROVED else NOTHING))
    return tuple(lines)


def letterhead(session: Session) -> Laboratory | None:
    """Who we are, for letters of the rooms below; None until the details are entered."""
    details = session.scalars(select(LaboratoryDetails)).first()
    return _laboratory(details) if details is not None else None


def _printed_name(account: Account, language: str) -> str:
    if language == Language.EN:
        return account.name_en or account.name_zh
    both = language == Language.BOTH and account.name_en not in {"", account.name_zh}
    return f"{account.name_zh} {account.name_en}" if both else account.name_zh


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


def _customer(order: Order) -> Party:
    customer = order.customer
    contact = next((c for c in customer.contacts if c.id == order.contact_id), None)
    return Party(
        name=Text(customer.name, customer.name_en or customer.name),
        address=Text.same(customer.address),
        contact=contact.name if contact else "",
        phone=contact.phone if contact else "",
    )


def _statement(order: Order, rows: Sequence[Row]) -> Text:
    """What the kind of business says of its results, and who answers for the description of the samples."""
    business = order.business_type
    texts = [Text(business.statement_zh, business.statement_en)]
    if any(r.sample.sampling_form_id is None for r in rows):
        texts.append(FROM_CUSTOMER)
    return Text("".join(t.zh for t in texts), " ".join(t.en for t in texts if t.en))


def _remarks(certificate: Certificate) -> tuple[Text, ...]:
    text = Text(certificate.remarks_zh, certificate.remarks_en)
    return (text,) if text else ()


def _standard(code: str, title_zh: str, title_en: str) -> Text:
    return Text(f"{code}《{title_zh}》", f"{code} {title_en}")


def _basis(row: Row) -> Text:
    method = row.method.method
    standard = method.standard
    text = _standard(standard.code, standard.title_zh, standard.title_en)
    return Text(
        f"{text.zh} {method.clause}".strip(), f"{text.en}, {clause_in_english(method.clause)}".strip(", ")
    )


def _unique(texts: Iterable[Text]) -> tuple[Text, ...]:
    return tuple(dict.fromkeys(texts))


def _counts_uncertainty(order: Order) -> bool:
    """Asked for, or part of the verdict (ISO/IEC 17025 7.8.3.1 c)."""
    return order.report_uncertainty or order.decision_rule in AGREED


def _uncertainty(rows: Sequence[Row], order: Order) -> Text:
    """What U, k and the probability mean; the probabilities are those of the budgets."""
    stated = [r.notes["uncertainty"] for r in rows if r.version.expanded_uncertainty is not None]
    if not stated or not _counts_uncertainty(order):
        return NOTHING
    found = sorted({Decimal(one["p"]) * 100 for one in stated})
    p = ", ".join(f"{one.normalize():f}" for one in found)
    return Text(UNCERTAINTY.zh.format(p=p), UNCERTAINTY.en.format(p=p))


def _rule(rows: Sequence[Row], order: Order) -> Text:
    """How conformity was decided, and at which risk (7.8.6.1, 7.8.6.2 c); nothing where nothing was judged."""
    judged = [r for r in rows if r.version.verdict is not Verdict.NOT_JUDGED]
    agreed = AGREED.get(order.decision_rule)
    if agreed is not None:
        return _agreed_rule(agreed, rows)
    found = list(dict.fromkeys(RULES[r.version.comparison] for r in judged if r.version.comparison in RULES))
    if not found:
        return NOTHING
    return Text(
        f"符合性判定采用{'、'.join(t.zh for t in found)}，以简单接受规则判定，不计测量不确定度。",
        f"Conformity is stated by {' and '.join(t.en for t in found)} under simple acceptance; measurement "
        "uncertainty is not counted.",
    )


def _agreed_rule(agreed: Text, rows: Sequence[Row]) -> Text:
    if any(r.version.verdict is not Verdict.NOT_JUDGED and not r.notes.get("decision") for r in rows):
        agreed = Text(f"{agreed.zh}；{PLAIN_LIMITS.zh}", f"{agreed.en}; {PLAIN_LIMITS.en}")
    decisions = [r.notes["decision"] for r in rows if r.notes.get("decision")]
    risks = [Decimal(d["rule_false_accept"]) for d in decisions if d["rule_false_accept"] is not None]
    if not risks:
        return Text(f"{agreed.zh}。", f"{agreed.en}.")
    most = f"{round_significant(max(risks) * 100, 2).normalize():f}"
    return Text(
        f"{agreed.zh}。恰在接受限上的结果实际不合格的概率不大于 {most} %。",
        f"{agreed.en}. A result just at the acceptance limit is wrongly passed with a probability of at most {most} %.",
    )


def _conclusion(rows: Sequence[Row], order: Order) -> Text:
    verdicts = {r.version.verdict for r in rows}
    if not order.business_type.judged or not order.judge or verdicts <= {Verdict.NOT_JUDGED}:
        return NO_VERDICT
    samples = by_sample(rows)
    failed = [group for group in samples if failed_names(group)]
    passed = _codes(r for r in rows if r.version.verdict is Verdict.PASS)
    whole = Verdict.NOT_JUDGED not in verdicts
    items_zh, items_en = (
        ("所检项目", "the items tested") if whole else ("所检并判定的项目", "the items judged")
    )
    if not failed:
        start = f"{items_en[0].upper()}{items_en[1:]}"
        return Text(f"经检验，{items_zh}符合 {passed.zh} 要求。", f"{start} meet {passed.en}.")
    if len(samples) == 1:
        faults = _faults(failed[0])
        return Text(f"经检验，{faults.zh}，检验结论为不合格。", f"{faults.en}. Conclusion: fail.")
    alike: dict[Text, list[Sample]] = {}  # many samples may fail in the same way
    for group in failed:
        alike.setdefault(_faults(group), []).append(group[0].sample)
    some_pass = len(failed) < len(samples) and passed
    rest_zh = f"；其余样品{items_zh}符合 {passed.zh} 要求" if some_pass else ""
    rest_en = f" In the other samples {items_en} meet {passed.en}." if some_pass else ""
    zh = "；".join(f"{_listed(found, '、')}的{fault.zh}" for fault, found in alike.items())
    en = " ".join(f"{_listed(found, ', ')}: {fault.en}." for fault, found in alike.items())
    return Text(
        f"经检验，{len(samples)} 个样品中 {len(failed)} 个不合格：{zh}{rest_zh}。",
        f"{len(failed)} of {len(samples)} samples fail. {en}{rest_en}",
    )


def _listed(samples: Sequence[Sample], comma: str) -> str:
    return comma.join(f"{s.name}({s.number})" for s in samples)


def _faults(rows: Sequence[Row]) -> Text:
    """Of one sample: which items do not meet which specification."""
    failed = [r for r in rows if r.version.verdict is Verdict.FAIL]
    names, codes = failed_names(failed), _codes(failed)
    return Text(f"{names.zh}项目不符合 {codes.zh} 要求", f"{names.en}: {codes.en} not met")


def _codes(rows: Iterable[Row]) -> Text:
    codes = dict.fromkeys(r.limit.standard.code for r in rows if r.limit is not None)
    return Text("、".join(codes), ", ".join(codes))


def _received(rows: Sequence[Row]) -> str:
    instants = [r.sample.received_at for r in rows if r.sample.received_at is not None]
    return local_date(min(instants)).isoformat() if instants else ""
