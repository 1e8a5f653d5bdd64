"""Each sample with its rows, as the result pages print it."""

import re
from collections.abc import Mapping, Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from lims.accreditation.gate import Marks
from lims.accreditation.models import Scheme
from lims.bench.states import Verdict
from lims.certificates.models import LaboratoryDetails
from lims.certificates.phrases import (
    NO_MARK_NUMBER,
    SEALS,
    UNJUDGED,
    VERDICTS,
    clause_in_english,
)
from lims.certificates.reported import Row, by_sample
from lims.core.clock import local_date
from lims.core.files import StoredFile
from lims.intake.models import SamplingForm
from lims.metrology.numerals import write_numeral
from lims.metrology.rounding import round_significant
from lims.metrology.stored_values import StoredValue, restore_value
from lims.metrology.values import Counts, NotDetected, ResultValue, write_value
from reports.document import (
    NOTHING,
    ItemRow,
    Language,
    Mark,
    MarkKind,
    Party,
    Photo,
    SampleBlock,
    Sampling,
    Text,
    VerdictKind,
)

_POWER = re.compile(r"\^(-?\d+)")
_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
# What the typesetter can print.
PRINTABLE = ("image/jpeg", "image/png")


def sample_blocks(
    session: Session,
    rows: Sequence[Row],
    marks: Marks,
    language: Language,
    *,
    with_photos: bool,
    with_uncertainty: bool,
) -> tuple[SampleBlock, ...]:
    """The samples in the order of the certificate (two queries)."""
    groups = by_sample(rows)
    wanted = {group[0].sample.sampling_form_id for group in groups} - {None}
    forms = {f.id: f for f in session.scalars(select(SamplingForm).where(SamplingForm.id.in_(wanted)))}
    photos = _printable(session, groups) if with_photos else set()
    return tuple(
        _block(
            group,
            [_item(str(n), row, marks, language, with_uncertainty) for n, row in enumerate(group, 1)],
            forms.get(group[0].sample.sampling_form_id or 0),
            photos,
        )
        for group in groups
    )


def _printable(session: Session, groups: Sequence[Sequence[Row]]) -> set[str]:
    names = {group[0].sample.photo_sha256 for group in groups} - {None}
    wanted = select(StoredFile.sha256).where(
        StoredFile.sha256.in_(names), StoredFile.media_type.in_(PRINTABLE)
    )
    return set(session.scalars(wanted))


def _block(
    rows: Sequence[Row], items: Sequence[ItemRow], form: SamplingForm | None, photos: set[str]
) -> SampleBlock:
    sample = rows[0].sample
    photo = sample.photo_sha256 if sample.photo_sha256 in photos else None
    return SampleBlock(
        number=sample.number,
        name=Text.same(sample.name),
        items=tuple(items),
        trade_mark=sample.brand,
        model=sample.specification,
        batch=sample.batch,
        production_date=sample.produced_on.isoformat() if sample.produced_on else "",
        quantity=Text.same(sample.amount or sample.quantity),
        seal_state=SEALS.get(sample.seal or "", Text.same(sample.seal or "")),
        condition=Text.same(sample.condition or ""),
        received_on=local_date(sample.received_at).isoformat() if sample.received_at else "",
        producer=_party(sample.producer, sample.producer_address),
        sampled_firm=_party(form.sampled_firm, form.sampled_firm_address) if form else None,
        sampling=_sampling(form) if form else None,
        photos=(Photo(photo, Text.same(f"{sample.number} {sample.name}")),) if photo else (),
        conclusion=_conclusion(rows),
    )


def _party(name: str, address: str) -> Party | None:
    return Party(Text.same(name), Text.same(address)) if name else None


def _sampling(form: SamplingForm) -> Sampling:
    return Sampling(
        form_no=form.number,
        sampled_on=form.sampled_on.isoformat(),
        place=Text.same(" ".join(part for part in (form.stage, form.place) if part)),
        people=f"{form.sampler_one}、{form.sampler_two}",
        base=Text.same(form.base_quantity),
    )


def _conclusion(rows: Sequence[Row]) -> Text:
    """One sample's, for the overview of a report with several."""
    failed = failed_names(rows)
    if failed:
        return Text(f"不合格（{failed.zh}）", f"Fail ({failed.en})")
    if all(r.version.verdict is Verdict.NOT_JUDGED for r in rows):
        return Text("不作判定", "No verdict")
    whole = all(r.version.verdict is Verdict.PASS for r in rows)
    return Text("合格", "Pass") if whole else Text("所判项目合格", "Pass in the items judged")


def failed_names(rows: Sequence[Row]) -> Text:
    """The failed items of one sample by name; empty where none failed."""
    items = [r.test.test_item for r in rows if r.version.verdict is Verdict.FAIL]
    return Text("、".join(i.name_zh for i in items), ", ".join(i.name_en for i in items))


def _item(no: str, row: Row, marks: Marks, language: Language, with_uncertainty: bool) -> ItemRow:
    covered = marks.covered(row.test.id)
    item, version = row.test.test_item, row.version
    return ItemRow(
        no=no,
        item=Text(item.name_zh, item.name_en),
        unit=version.unit,
        limit=Text(powers(row.notes.get("limit_zh") or "—"), powers(row.notes.get("limit_en") or "—")),
        results=_results(row.notes["reported"]),
        verdict=VERDICTS[version.verdict],
        method=_method(row, language),
        verdict_kind=VerdictKind(version.verdict.value),
        marks=tuple(MarkKind(s.value) for s in Scheme if s in covered),
        starred=not covered,
        note=_note(row, marks),
        uncertainty=_uncertainty(row) if with_uncertainty else "",
        detection_limit=_detection(row.notes["reported"]),
    )


def _uncertainty(row: Row) -> str:
    """As stated with the result; nothing where the budget gives none."""
    U, k = row.version.expanded_uncertainty, row.version.coverage_factor
    if U is None or k is None:
        return ""
    return f"U = {powers(write_numeral(U))} (k = {write_numeral(round_significant(k, 3).normalize())})"


def _results(stored: StoredValue) -> tuple[Text, ...]:
    """A reported value as it is printed; the five counts of a plan are five."""
    return tuple(Text(powers(write_value(v, "zh")), powers(write_value(v, "en"))) for v in _singles(stored))


def _detection(stored: StoredValue) -> Text:
    """The limit that a reader needs to understand “not detected”; nothing for a figure."""
    found = [v for v in _singles(stored) if isinstance(v, NotDetected) and v.lod is not None]
    if not found:
        return NOTHING
    first = found[0]
    assert first.lod is not None
    limit = f"{powers(write_numeral(first.lod))} {first.unit}".strip()
    return Text(
        f"{'定量限' if first.by_quantification else '检出限'} {limit}",
        f"{'LOQ' if first.by_quantification else 'LOD'} {limit}",
    )


def powers(text: str) -> str:
    """Ten to the n as paper writes it: ``1.2×10^4`` becomes ``1.2×10⁴``."""
    return _POWER.sub(lambda found: found[1].translate(_RAISED), text)


def _singles(stored: StoredValue) -> Sequence[ResultValue]:
    value: ResultValue = restore_value(stored)
    return value.values if isinstance(value, Counts) else (value,)


def prints_value(line: ItemRow, stored: StoredValue) -> bool:
    """Whether a line of a document prints the stored value: every figure of it, and no further one."""
    plain = [powers(write_value(single, "zh")) for single in _singles(stored)]
    printed = [text.zh for text in line.results]
    return printed == plain


def _method(row: Row, language: Language) -> str:
    """The standard with its year and clause; the clause in the language of the paper."""
    method = row.method.method
    clause = clause_in_english(method.clause)
    if language is Language.BOTH and clause != method.clause:
        return f"{method.standard.code} {method.clause} ({clause})"
    return f"{method.standard.code} {clause if language is Language.EN else method.clause}".strip()


def _note(row: Row, marks: Marks) -> Text:
    """What the reader must know of this row: why it is not judged, why it is starred."""
    texts = []
    if row.version.verdict is Verdict.NOT_JUDGED and row.version.verdict_reason in UNJUDGED:
        texts.append(UNJUDGED[row.version.verdict_reason])
    if not marks.covered(row.test.id):
        texts.append(Text("不在资质认定及认可范围内", "Outside the accredited scope"))
    return Text("；".join(t.zh for t in texts), "; ".join(t.en for t in texts))


def printed_marks(marks: Marks, details: LaboratoryDetails) -> tuple[Mark, ...]:
    """Each mark with the laboratory's number, or without and with its reason."""
    numbers: Mapping[Scheme, str] = {Scheme.CMA: details.cma_number, Scheme.CNAS: details.cnas_number}
    found = []
    for scheme, whole in marks.whole.items():
        kind = MarkKind(scheme.value)
        if not whole.granted:
            found.append(Mark(kind, missing_reason=_why_missing(scheme, marks)))
        elif numbers[scheme]:
            found.append(Mark(kind, number=numbers[scheme]))
        else:
            found.append(Mark(kind, missing_reason=NO_MARK_NUMBER))
    return tuple(found)


def _why_missing(scheme: Scheme, marks: Marks) -> Text:
    """The reasons of the items, each once."""
    gaps = [gap[scheme] for gap in marks.gaps.values() if scheme in gap]
    zh = dict.fromkeys(g.zh.rstrip("。.") for g in gaps)
    en = dict.fromkeys(g.en.rstrip("。.") for g in gaps)
    whole = marks.whole[scheme].sentence
    return Text("；".join(zh) or whole.zh, "; ".join(en) or whole.en)
