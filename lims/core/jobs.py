"""Jobs are rows, written in the transaction that wants them, claimed under a lease, done at least once."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

import orjson
from sqlalchemy import Integer, String, Text, or_, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from lims.core.clock import Clock, utc_now
from lims.core.database import Base, BigId, Identified, enum_column
from lims.core.files import FileStore
from lims.core.permissions import Actor
from lims.core.settings import Settings, read_settings
from lims.core.uow import UnitOfWork

LEASE = timedelta(seconds=60)
MAX_ATTEMPTS = 8


class JobState(StrEnum):
    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


class Job(Identified, Base):
    """``payload`` is a JSON object. ``key`` makes a job unique: asked for twice, done once."""

    __tablename__ = "job"
    technical = True
    kind: Mapped[str] = mapped_column(String(60))
    key: Mapped[str] = mapped_column(String(200), unique=True)
    payload: Mapped[str] = mapped_column(Text)
    state: Mapped[JobState] = mapped_column(enum_column(JobState), index=True)
    run_at: Mapped[datetime] = mapped_column(index=True)
    lease_until: Mapped[datetime | None]
    worker: Mapped[str | None] = mapped_column(String(80))
    attempts: Mapped[int] = mapped_column(Integer, default=0)
    total: Mapped[int | None] = mapped_column(Integer)
    done: Mapped[int] = mapped_column(Integer, default=0)
    error: Mapped[str | None] = mapped_column(Text)
    result: Mapped[str | None] = mapped_column(Text)
    owner_id: Mapped[int | None] = mapped_column(BigId, index=True)
    created_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]


class ServiceBeat(Base):
    """The last sign of life of a worker or gateway, for the health page."""

    __tablename__ = "service_beat"
    technical = True
    name: Mapped[str] = mapped_column(String(100), primary_key=True)
    at: Mapped[datetime]
    detail: Mapped[str] = mapped_column(Text, default="{}")


@dataclass(frozen=True, slots=True)
class ClaimedJob:
    id: int
    kind: str
    payload: Mapping[str, Any]
    attempts: int
    owner_id: int | None


class JobContext:
    """What a job function gets: units of work, progress, and the clock."""

    def __init__(
        self, new_session: Callable[[], Session], clock: Clock, job: ClaimedJob, settings: Settings | None
    ) -> None:
        self._new_session = new_session
        self._settings = settings
        self.clock = clock
        self.job = job

    @property
    def settings(self) -> Settings:
        return self._settings or read_settings()

    @property
    def files(self) -> FileStore:
        return FileStore(self.settings.files)

    def uow(self) -> UnitOfWork:
        return UnitOfWork(self._new_session(), self.clock)

    def progress(self, done: int, total: int | None = None) -> None:
        """Tell how far it is, and keep the lease."""
        uow = self.uow()
        with uow:
            row = uow.get(Job, self.job.id)
            row.done, row.lease_until = done, uow.now + LEASE
            row.total = total if total is not None else row.total
            uow.commit()
        uow.session.close()


JobFunction = Callable[[JobContext], str | None]
REGISTRY: dict[str, JobFunction] = {}


def job(kind: str) -> Callable[[JobFunction], JobFunction]:
    """Register the function that does jobs of ``kind``. It must be safe to run twice."""

    def register(function: JobFunction) -> JobFunction:
        REGISTRY[kind] = function
        return function

    return register


def enqueue(
    uow: UnitOfWork,
    kind: str,
    payload: Mapping[str, object],
    *,
    key: str,
    actor: Actor | None = None,
    delay: timedelta = timedelta(0),
) -> None:
    """Ask for a job in the caller's transaction (the outbox). A known ``key`` asks for nothing new."""
    if uow.session.execute(select(Job.id).where(Job.key == key)).first() is not None:
        return
    uow.add(
        Job(
            kind=kind,
            key=key,
            payload=orjson.dumps(payload).decode(),
            state=JobState.WAITING,
            run_at=uow.now + delay,
            owner_id=actor.id if actor else None,
            created_at=uow.now,
        )
    )


def claim(uow: UnitOfWork, worker: str) -> ClaimedJob | None:
    """Take the oldest job that is due, or one whose worker let its lease run out."""
    with uow:
        due = (
            select(Job)
            .where(
                or_(
                    (Job.state == JobState.WAITING) & (Job.run_at <= uow.now),
                    (Job.state == JobState.RUNNING) & (Job.lease_until < uow.now),
                )
            )
            .order_by(Job.run_at, Job.id)
            .limit(1)
            .with_for_update(skip_locked=True)
        )
        row = uow.session.execute(due).scalar_one_or_none()
        if row is None:
            return None
        row.state, row.worker, row.lease_until = JobState.RUNNING, worker, uow.now + LEASE
        row.attempts += 1
        claimed = ClaimedJob(row.id, row.kind, orjson.loads(row.payload), row.attempts, row.owner_id)
        uow.commit()
    return claimed


def finish(uow: UnitOfWork, job_id: int, *, result: str | None = None, error: str | None = None) -> None:
    """Done; or, with ``error``, again later, and after eight tries given up and shown as failed."""
    with uow:
        row = uow.get(Job, job_id)
        row.lease_until = None
        row.error = error
        if error is None:
            row.state, row.result, row.finished_at = JobState.DONE, result, uow.now
        elif row.attempts >= MAX_ATTEMPTS:
            row.state, row.finished_at = JobState.FAILED, uow.now
        else:
            row.state = JobState.WAITING
            row.run_at = uow.now + timedelta(seconds=min(300, 2**row.attempts))
        uow.commit()


def run_one(
    new_session: Callable[[], Session],
    worker: str,
    clock: Clock = utc_now,
    settings: Settings | None = None,
) -> bool:
    """Claim and do one job. Returns False when none was due."""
    session = new_session()
    try:
        claimed = claim(UnitOfWork(session, clock), worker)
        if claimed is None:
            return False
        try:
            result = REGISTRY[claimed.kind](JobContext(new_session, clock, claimed, settings))
        except Exception as exc:  # the job's row keeps what went wrong; the worker lives on
            finish(UnitOfWork(session, clock), claimed.id, error=f"{type(exc).__name__}: {exc}"[:2000])
        else:
            finish(UnitOfWork(session, clock), claimed.id, result=result)
        return True
    finally:
        session.close()


def beat(uow: UnitOfWork, name: str, detail: Mapping[str, object] | None = None) -> None:
    """Say that service ``name`` lives."""
    with uow:
        row = uow.session.get(ServiceBeat, name)
        if row is None:
            row = ServiceBeat(name=name, at=uow.now, detail="{}")
            uow.session.add(row)
        row.at, row.detail = uow.now, orjson.dumps(detail or {}).decode()
        uow.commit()


def run_worker(
    new_session: Callable[[], Session],
    worker: str,
    stop: Callable[[], bool],
    *,
    settings: Settings | None = None,
    idle_s: float = 0.2,
) -> None:
    """Do jobs until ``stop()`` says so; one sign of life every five seconds."""
    last_beat = 0.0
    while not stop():
        if time.monotonic() - last_beat > 5:
            session = new_session()
            beat(UnitOfWork(session), f"worker:{worker}")
            session.close()
            last_beat = time.monotonic()
        if not run_one(new_session, worker, settings=settings):
            time.sleep(idle_s)
