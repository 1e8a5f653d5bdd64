"""The values a certificate reports, each with all it belongs to."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import orjson
from sqlalchemy import select
from sqlalchemy.orm import Session

from lims.accreditation.gate import MarkQuestion, Marks, marks_for
from lims.bench.models import InputValue, Result, ResultVersion
from lims.catalogue.models import Limit, MethodVersion
from lims.certificates.models import Certificate, CertificateItem
from lims.core.clock import local_date
from lims.intake.models import RequestedTest, Sample


@dataclass(frozen=True, slots=True)
class Row:
    """One reported value with all it belongs to. ``notes``: how it was computed and judged."""

    version: ResultVersion
    result: Result
    test: RequestedTest
    sample: Sample
    method: MethodVersion
    limit: Limit | None
    notes: Mapping[str, Any]

    @property
    def finished_on(self) -> date | None:
        """The day the value was handed over: the last day of performance (7.8.2.1 i)."""
        at = self.result.submitted_at
        return local_date(at) if at is not None else None


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
    return [Row(*row[1:], notes=orjson.loads(row[1].explanation)) for row in found]


def by_sample(rows: Iterable[Row]) -> list[list[Row]]:
    """The rows in groups of one sample each, in the order of the certificate."""
    groups: dict[int, list[Row]] = {}
    for row in rows:
        groups.setdefault(row.sample.id, []).append(row)
    return list(groups.values())


def last_day(rows: Sequence[Row]) -> date | None:
    """The last day of performance of all rows."""
    return max((row.finished_on for row in rows if row.finished_on is not None), default=None)


def marks_of(session: Session, rows: Sequence[Row], on: date) -> Marks:
    """Scope of every item on the last day of performance: when the work was done decides."""
    questions = [MarkQuestion(r.test.id, r.method.method_id, r.sample.category_id) for r in rows]
    return marks_for(session, questions, on)


def hands_in(session: Session, rows: Sequence[Row]) -> set[int]:
    """Who entered a reading, submitted or verified a reported value, or one it was computed from.

    None of them may approve the report.
    """
    results = {row.result.id: row.result for row in rows}
    needed = {note["result_version_id"] for row in rows for note in row.notes.get("items", ())}
    if needed:
        used = select(Result).join(ResultVersion, ResultVersion.result_id == Result.id)
        results |= {r.id: r for r in session.scalars(used.where(ResultVersion.id.in_(needed)))}
    entered = session.scalars(
        select(InputValue.entered_by)
        .where(InputValue.requested_test_id.in_({r.requested_test_id for r in results.values()}))
        .distinct()
    )
    people = {p for r in results.values() for p in (r.submitted_by, r.verified_by)}
    return {p for p in (*people, *entered) if p is not None}
