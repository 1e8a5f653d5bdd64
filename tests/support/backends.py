"""Databases for tests: built once from the migrations, then copied fresh for every test."""

import gc
import os
import shutil
import tempfile
from abc import ABC, abstractmethod
from pathlib import Path

import pytest
from flask import Flask
from flask_migrate import upgrade
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.orm import Session, sessionmaker
from sqlalchemy.pool import NullPool

from lims.app import create_app
from lims.core.database import db, sqlite_write_lock
from lims.core.settings import Settings
from lims.core.uow import guard
from tests.support.clock import START, FakeClock
from tests.support.postgres import PrivatePostgres

# For what no database has a say in, and a second run would only take its time.
ON_SQLITE = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
ON_POSTGRESQL = pytest.mark.parametrize("database", ["postgresql"], indirect=True)
MIGRATIONS = Path(__file__).parents[2] / "migrations"


def settings_for(url: str, data: Path) -> Settings:
    return Settings(
        data=data,
        database_url=url,
        secret_key="only-for-tests",  # the point of this key is that it is the same in every test
        base_url="http://localhost",
        demo=False,
        secure_cookies=False,
        trusted_proxies=0,
    )


def build_schema(app: Flask) -> None:
    """Migrate to head; LIMS_TEST_SCHEMA=models takes the tables from the models (while they change)."""
    from_models = os.environ.get("LIMS_TEST_SCHEMA") == "models"
    with app.app_context():
        if from_models or not any((MIGRATIONS / "versions").glob("*.py")):
            db.create_all()
        else:
            upgrade(directory=str(MIGRATIONS))
        db.engine.dispose()


class Backend(ABC):
    """One kind of database with one application on it; ``fresh()`` empties both for the next test.

    ``app`` and ``clock`` live as long as the test process: an application for each test costs too much.
    """

    name: str
    url: str

    def __init__(self) -> None:
        self.data = Path(tempfile.mkdtemp(prefix=f"lims-{self.name}-", dir=_fast_folder()))
        self.clock = FakeClock()
        self._create_empty()
        self.app = create_app(
            settings_for(self.url, self.data), clock=self.clock, TESTING=True, PASSWORD_MEMORY_KIB=64
        )
        build_schema(self.app)
        self._keep_as_template()
        self.app.config["PROPAGATE_EXCEPTIONS"] = False  # a fault is answered as in real life
        with self.app.app_context():
            self.engine: Engine = db.engine
        self.new_session: sessionmaker[Session] = sessionmaker(
            self.engine, class_=type("PlainSession", (Session,), {}), expire_on_commit=False
        )
        guard(self.new_session)

    @abstractmethod
    def _create_empty(self) -> None: ...

    @abstractmethod
    def _keep_as_template(self) -> None: ...

    @abstractmethod
    def _renew(self) -> None: ...

    def fresh(self) -> None:
        if self.engine.pool.checkedout():  # type: ignore[attr-defined]
            gc.collect()  # a forgotten session ends here, not in the middle of another test
        self._renew()
        for left in self.data.iterdir():
            if left.is_dir():
                shutil.rmtree(left)
        self.clock.now = START

    def close(self) -> None:
        self.engine.dispose()
        shutil.rmtree(self.data, ignore_errors=True)

    def release_forgotten_lock(self) -> bool:
        """True when a test left a unit of work open: the next writer would wait for ever."""
        forgotten = sqlite_write_lock._held
        if forgotten:
            sqlite_write_lock.release()
        return forgotten


class SqliteBackend(Backend):
    name = "sqlite"

    def _create_empty(self) -> None:
        self.template = self.data / "template.sqlite"
        self.file = self.data / "lims.sqlite"
        self.url = f"sqlite:///{self.file}"

    def _keep_as_template(self) -> None:
        self.file.rename(self.template)

    def _renew(self) -> None:
        self.engine.dispose()
        for suffix in ("", "-wal", "-shm"):
            self.file.with_name(self.file.name + suffix).unlink(missing_ok=True)
        shutil.copyfile(self.template, self.file)


class PostgresBackend(Backend):
    """Emptied for each test; copied anew where a test changed the schema, and now and then (dead rows)."""

    name = "postgresql"

    def __init__(self, server: PrivatePostgres) -> None:
        self.server = server
        self._uses = 0
        self._shape = ""
        self._given: dict[str, list[dict[str, object]]] = {}
        super().__init__()

    def _create_empty(self) -> None:
        self.url = self.server.url("work")
        self._administration = create_engine(self.server.url("postgres"), isolation_level="AUTOCOMMIT")
        self._work = create_engine(self.url, isolation_level="AUTOCOMMIT", poolclass=NullPool)
        self._tell("CREATE DATABASE work")

    def _keep_as_template(self) -> None:
        self._tell("ALTER DATABASE work RENAME TO pattern")

    def _renew(self) -> None:
        self._uses += 1
        if self._shape and self._uses % COPY_EVERY and self._empty():
            return
        self.engine.dispose()
        self._tell("DROP DATABASE IF EXISTS work WITH (FORCE)")
        self._tell("CREATE DATABASE work TEMPLATE pattern STRATEGY file_copy")
        with self._work.connect() as connection:
            self._shape = str(connection.scalar(text(SHAPE)))
            self._given = {
                table: [dict(row) for row in connection.execute(text(f'SELECT * FROM "{table}"')).mappings()]
                for table in connection.scalars(text(TABLES)).all()
            }

    def _empty(self) -> bool:
        """Copying some hundred tables takes a second, emptying them a hundredth. False: the schema is another."""
        if self.engine.pool.checkedout():  # type: ignore[attr-defined]
            self.engine.dispose()  # one that is still in use is ended below, and must not come back
        with self._administration.connect() as connection:
            connection.execute(text(END_OTHERS), {"ours": self._waiting()})
        with self._work.connect() as connection:
            if connection.scalar(text(SHAPE)) != self._shape:
                return False
            connection.execute(
                text("SET session_replication_role = replica")
            )  # triggers guard what was recorded
            connection.execute(text(EMPTY_ALL))
            for table, rows in self._given.items():
                if rows:
                    names = ", ".join(f'"{name}"' for name in rows[0])
                    values = ", ".join(f":{name}" for name in rows[0])
                    connection.execute(text(f'INSERT INTO "{table}" ({names}) VALUES ({values})'), rows)
            connection.execute(text(RESTART))
        return True

    def _waiting(self) -> list[int]:
        """Connections of the application that nobody uses: a new one for each test would take its time."""
        pool = self.engine.pool._pool  # type: ignore[attr-defined]
        return [one.dbapi_connection.info.backend_pid for one in list(pool.queue) if one.dbapi_connection]

    def _tell(self, command: str) -> None:
        with self._administration.connect() as connection:
            connection.execute(text(command))

    def close(self) -> None:
        super().close()
        self._work.dispose()
        self._administration.dispose()


COPY_EVERY = 150  # uses
END_OTHERS = """SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = 'work' AND pid <> pg_backend_pid() AND pid <> ALL(:ours)"""
TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
EMPTY_ALL = """DO $$ DECLARE name text; BEGIN
FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' LOOP
EXECUTE format('DELETE FROM public.%I', name); END LOOP; END $$"""
RESTART = "SELECT setval(oid::regclass, 1, false) FROM pg_class WHERE relkind = 'S'"
SHAPE = """SELECT md5(string_agg(part, ',' ORDER BY part)) FROM (
SELECT tgrelid::regclass || '.' || tgname || tgenabled::text AS part FROM pg_trigger
UNION ALL SELECT attrelid::regclass || '.' || attname FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
WHERE relnamespace = 'public'::regnamespace AND attnum > 0
UNION ALL SELECT conrelid::regclass || '.' || conname FROM pg_constraint WHERE connamespace = 'public'::regnamespace
) parts"""


def _fast_folder() -> str | None:
    """Memory, where the system offers it: tests of durability use a folder on disk of their own."""
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
