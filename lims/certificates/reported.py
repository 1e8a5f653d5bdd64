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
from lims.intake.models import RequestedTest, Sample


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


def by_sample(rows: Iterable[Row]) -> list[list[Row]]:
    """The rows in groups of one sample each, in the order of the certificate."""
    groups: dict[int, list[Row]] = {}
    for row in rows:
        groups.setdefault(row.sample.id, []).append(row)
    return list(groups.values())


def marks_of(session: Session, rows: Sequence[Row], on: date) -> Marks:
    """Scope of every item on the day its test was finished: when the work was done decides."""
    questions = [MarkQuestion(r.test.id, r.method.method_id, r.sample.category_id) for r in rows]
    return marks_for(session, questions, on)


def hands_in(session: Session, rows: Sequence[Row]) -> set[int]:
    """Who entered a reading, submitted or verified a reported value: none of them may approve it."""
    entered = session.scalars(
        select(InputValue.entered_by)
        .where(InputValue.requested_test_id.in_([r.test.id for r in rows]))
        .distinct()
    )
    people = {p for r in rows for p in (r.result.submitted_by, r.result.verified_by)}
    return {p for p in (*people, *entered) if p is not None}
