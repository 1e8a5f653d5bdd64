"""Times of single calls, and what benchmarks run on."""

import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from flask import Flask
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.orm import Session, sessionmaker

from lims.app import create_app
from lims.core.database import db
from lims.core.uow import UnitOfWork, guard
from tests.support.backends import build_schema, settings_for
from tests.support.clock import FakeClock
from tests.support.postgres import PrivatePostgres


@dataclass(frozen=True, slots=True)
class Times:
    """Sorted milliseconds."""

    ms: Sequence[float]

    @property
    def median(self) -> float:
        return self.ms[len(self.ms) // 2]

    @property
    def p95(self) -> float:
        """With fewer than 20 calls the slowest but one decides."""
        return self.ms[min(len(self.ms) - 1, max(0, round(len(self.ms) * 0.95) - 1))]


# LIMS_BENCH_CLOCK=cpu counts this process's processor time: on a machine that is busy with other things. Waiting
# for the disk, for a server or a child process is left out then.
CLOCK = time.process_time if os.environ.get("LIMS_BENCH_CLOCK") == "cpu" else time.perf_counter


def timed(work: Callable[[], object], clock: Callable[[], float] = CLOCK) -> float:
    """Milliseconds of one call."""
    began = clock()
    work()
    return (clock() - began) * 1000


def times_of(work: Callable[[], object], count: int = 40, warm: int = 3) -> Times:
    for _ in range(warm):
        work()
    return Times(sorted(timed(work) for _ in range(count)))


def side_by_side(
    *works: Callable[[], object], count: int = 40, warm: int = 3, clock: Callable[[], float] = CLOCK
) -> list[Times]:
    """Times of several calls taken in turns, so that a busy machine slows all of them alike."""
    for work in works * warm:
        work()
    rounds = [[timed(work, clock) for work in works] for _ in range(count)]
    return [Times(sorted(column)) for column in zip(*rounds, strict=True)]


def each(works: Iterable[Callable[[], object]]) -> Times:
    """Times of calls that cannot be repeated."""
    return Times(sorted(timed(work) for work in works))


class Laboratory:
    """The application on one database, with its own clock that stands still."""

    def __init__(self, name: str, url: str, data: Path, *, empty: bool = True) -> None:
        self.name, self.url, self.data = name, url, data
        settings = settings_for(url, data)
        if empty:
            build_schema(create_app(settings))
        self.clock = FakeClock()
        self.app: Flask = create_app(settings, clock=self.clock, TESTING=True, PASSWORD_MEMORY_KIB=64)
        self.app.config["PROPAGATE_EXCEPTIONS"] = False
        with self.app.app_context():
            self.engine: Engine = db.engine
        self.new_session: sessionmaker[Session] = sessionmaker(self.engine, expire_on_commit=False)
        guard(self.new_session)

    def unit_of_work(self) -> UnitOfWork:
        return UnitOfWork(self.new_session(), self.clock)

    def say_sizes(self) -> None:
        """The planner's statistics, as every installation has them after a night."""
        with self.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("ANALYZE"))


def wants_postgresql() -> bool:
    return "--postgresql" in sys.argv[1:]


@contextmanager
def databases(*, durable: bool = False) -> Iterator[list[tuple[str, str, Path]]]:
    """(name, URL, empty folder on disk) of SQLite, and with ``--postgresql`` of a private PostgreSQL.

    ``durable``: the server waits for the disk at every commit, as a real one does.
    """
    with tempfile.TemporaryDirectory(prefix="lims-bench-") as folder:
        (one := Path(folder) / "sqlite").mkdir()
        found = [("SQLite", f"sqlite:///{one / 'lims.sqlite'}", one)]
        if not wants_postgresql():
            yield found
            return
        server = PrivatePostgres()
        server.start()
        try:
            _make_database(server, durable=durable)
            (other := Path(folder) / "postgresql").mkdir()
            yield [*found, ("PostgreSQL", server.url("bench"), other)]
        finally:
            server.stop()


def _make_database(server: PrivatePostgres, *, durable: bool) -> None:
    engine = create_engine(server.url("postgres"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        if durable:
            for name in ("fsync", "synchronous_commit", "full_page_writes"):
                connection.execute(text(f"ALTER SYSTEM SET {name} = 'on'"))
            connection.execute(text("SELECT pg_reload_conf()"))
        connection.execute(text("CREATE DATABASE bench"))
    engine.dispose()
