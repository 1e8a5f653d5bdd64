"""The job by which lower rooms open a nonconformity: they cannot call this one.

``enqueue(uow, "nonconformity.open", {"source": …, "reference": …, "title": …, "what": …,
"covers": [{"kind": …, "id": …}], "opened_by": account or None}, key=…)``. One record a key.
"""

from sqlalchemy import select

from lims.core.jobs import Job, JobContext, job
from lims.core.permissions import SYSTEM
from lims.quality.covers import Cover
from lims.quality.nonconformities import Finding, open_nonconformity
from lims.quality.states import CoverKind, Source

OPEN_JOB = "nonconformity.open"


@job(OPEN_JOB)
def open_from_job(context: JobContext) -> str:
    """Raises ValueError for a source or kind that does not exist, InvalidInput for a row that does not."""
    payload = context.job.payload
    finding = Finding(
        source=Source(payload["source"]),
        title=str(payload["title"])[:200],
        what=str(payload["what"]),
        reference=str(payload.get("reference") or "")[:200],
        covers=[Cover(CoverKind(one["kind"]), int(one["id"])) for one in payload.get("covers") or ()],
    )
    uow = context.uow()
    try:
        key = uow.session.scalar(select(Job.key).where(Job.id == context.job.id))
        row = open_nonconformity(
            uow, actor=SYSTEM, finding=finding, origin_key=key, opened_by=payload.get("opened_by")
        )
        return row.number
    finally:
        uow.session.close()
