"""Tables, column types and engines of both databases."""

from collections import deque
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from threading import Event, Lock
from typing import Any, ClassVar

from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Date,
    DateTime,
    Dialect,
    Engine,
    Integer,
    MetaData,
    String,
    Table,
    TypeDecorator,
    event,
)
from sqlalchemy import Enum as SqlEnum
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection
from sqlalchemy.orm import DeclarativeBase, Mapped, declared_attr, mapped_column

# WAL-reset corruption: fixed in 3.51.3. A safe library is required, see docs/decisions.
SAFE_SQLITE = (3, 51, 3)

BigId = BigInteger().with_variant(Integer, "sqlite")


class UtcDateTime(TypeDecorator[datetime]):
    """Aware UTC instants; SQLite keeps them without the zone."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("instants must be aware")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class ExactDecimal(TypeDecorator[Decimal]):
    """A decimal that keeps every printed digit: ``100.20`` stays ``100.20``.

    Stored as text on both databases: NUMERIC would drop or pad trailing zeros.
    """

    impl = String(64)
    cache_ok = True

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> str | None:
        if value is None:
            return None
        if not isinstance(value, Decimal) or not value.is_finite():
            raise ValueError(f"measured values are finite Decimal, got {value!r}")
        return str(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Decimal | None:
        if value is None:
            return None
        try:
            return Decimal(value)
        except InvalidOperation as exc:
            raise ValueError(f"stored decimal is broken: {value!r}") from exc


def enum_column(kind: type[StrEnum], length: int = 40) -> SqlEnum:
    """A text column that the database holds to the values of ``kind``."""
    return SqlEnum(
        kind,
        native_enum=False,
        create_constraint=True,
        validate_strings=True,
        length=length,
        name=_snake(kind.__name__),
        values_callable=lambda members: [member.value for member in members],
    )


def _snake(name: str) -> str:
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in name).lstrip("_")


class Base(DeclarativeBase):
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        datetime: UtcDateTime,
        date: Date,
        Decimal: ExactDecimal,
    }
    # Technical rows (leases, windows, beats) change without an audit event; all others must not.
    technical: ClassVar[bool] = False


class Identified:
    """A row with a number of its own."""

    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)


class Versioned:
    """A row that two people can edit: a stale write is refused, never merged silently."""

    version: Mapped[int] = mapped_column(Integer, default=1)

    @declared_attr.directive
    def __mapper_args__(cls) -> dict[str, Any]:
        return {"version_id_col": cls.version}


db = SQLAlchemy(metadata=Base.metadata, session_options={"expire_on_commit": False, "autoflush": True})


class FairLock:
    """First come, first served: SQLite's busy handler is not, and its p95 shows it."""

    def __init__(self) -> None:
        self._guard = Lock()
        self._held = False
        self._waiting: deque[Event] = deque()

    def acquire(self) -> None:
        with self._guard:
            if not self._held:
                self._held = True
                return
            turn = Event()
            self._waiting.append(turn)
        turn.wait()

    def release(self) -> None:
        with self._guard:
            if self._waiting:
                self._waiting.popleft().set()
            else:
                self._held = False


# One database file a process: one queue of its writers.
sqlite_write_lock = FairLock()


def insert_if_absent(
    connection: Connection, table: Table, values: Mapping[str, Any], returning: ColumnElement[Any]
) -> Any:
    """Insert one row unless a unique constraint already holds one like it; then None, and no error.

    Waits for another transaction that has just inserted it (PostgreSQL).
    """
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    statement = dialect.insert(table).on_conflict_do_nothing().returning(returning)
    return connection.execute(statement, [dict(values)]).scalar_one_or_none()


def engine_options(url: str) -> dict[str, Any]:
    """Options for ``create_engine``; refuses a SQLite library that can corrupt a WAL file."""
    if not url.startswith("sqlite"):
        return {"pool_pre_ping": True, "pool_size": 10, "max_overflow": 10}
    module = sqlite_module()
    if module.sqlite_version_info < SAFE_SQLITE:
        raise RuntimeError(
            f"SQLite {module.sqlite_version} can corrupt a write-ahead log; install pysqlite3 (3.51.3 or newer)"
        )
    return {"module": module, "connect_args": {"check_same_thread": False, "timeout": 30}}


def sqlite_module() -> Any:
    """The DB-API module to use for SQLite: the bundled one where it is installed."""
    try:
        import pysqlite3.dbapi2 as module
    except ImportError:
        import sqlite3 as module  # type: ignore[no-redef]
    return module


def prepare_sqlite(engine: Engine) -> None:
    """WAL, FULL, foreign keys; transactions begun by us so that writers take the lock at once."""

    @event.listens_for(engine, "connect")
    def _connect(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # we say BEGIN ourselves
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA synchronous=FULL")
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.execute("PRAGMA busy_timeout=30000")
        cursor.execute("PRAGMA cache_size=-65536")
        cursor.execute("PRAGMA temp_store=MEMORY")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        options = connection.get_execution_options()
        write = options.get("lims_write", False)
        if write:
            # Fleeting work does not wait for the disk. The next commit at FULL takes it there too.
            level = "NORMAL" if options.get("lims_fleeting", False) else "FULL"
            if connection.info.get("synchronous", "FULL") != level:
                connection.exec_driver_sql(f"PRAGMA synchronous={level}")
                connection.info["synchronous"] = level
        connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")
