"""What the rules of the content check look at."""

from collections.abc import Iterator
from datetime import date, datetime
from functools import cached_property

from sqlalchemy.orm import Session

from lims.bench.calculation import Incomplete
from lims.bench.outcomes import find_outcome
from lims.bench.sample_bench import Benches
from lims.bench.wording import named
from lims.certificates.content import Content
from lims.certificates.models import Certificate
from lims.certificates.reported import Row
from lims.core.clock import local_date
from reports.document import CertificateDocument, ItemRow

# What a rule answers with: a sentence for each thing that is wrong.
Faults = Iterator[str]


class Material:
    """What the rules look at. Reads with a fixed number of queries, and only when a rule asks."""

    def __init__(
        self,
        session: Session,
        certificate: Certificate,
        content: Content,
        now: datetime,
        document: CertificateDocument | None = None,
    ) -> None:
        """``document``: the frozen one, where the certificate is signed already."""
        self.session = session
        self.certificate = certificate
        self.content = content
        self.rows = content.rows
        self.document = document or content.document
        self.today = local_date(now)

    @cached_property
    def differing(self) -> frozenset[int]:
        """Result versions whose value, rounding, limit or verdict comes out otherwise when it is computed
        once more from the stored inputs."""
        benches = Benches(self.session, {r.sample.id for r in self.rows})
        found = []
        for row in self.rows:
            again = find_outcome(benches.of(row.sample.id), row.test)
            if isinstance(again, Incomplete) or again.explanation != row.version.explanation:
                found.append(row.version.id)
        return frozenset(found)

    def day_of(self, row: Row) -> date:
        return row.finished_on or self.today

    @property
    def first_day(self) -> date:
        return date.fromisoformat(self.document.performed_from)

    @property
    def last_day(self) -> date:
        return date.fromisoformat(self.document.performed_to)

    def printed(self) -> Iterator[tuple[Row, ItemRow | None]]:
        """Each reported row with the line of the document that prints it."""
        lines = {(b.number, place): i for b in self.document.samples for place, i in enumerate(b.items)}
        seen: dict[str, int] = {}
        for row in self.rows:
            place = seen.get(row.sample.number, 0)
            seen[row.sample.number] = place + 1
            yield row, lines.get((row.sample.number, place))


def facts_of(row: Row) -> dict[str, str]:
    return {"item": named(row.test.test_item), "sample": row.sample.number}
