"""One use case is one transaction, and nothing but the unit of work commits."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from types import TracebackType
from typing import Any, TypeVar, cast

from flask_babel import gettext as _
from sqlalchemy import (
    String,
    Table,
    UniqueConstraint,
    bindparam,
    event,
    func,
    insert,
    inspect,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, Session, UOWTransaction, make_transient_to_detached, mapped_column
from sqlalchemy.orm.exc import StaleDataError
from sqlalchemy.orm.session import ORMExecuteState

from lims.core import audit
from lims.core.clock import Clock, utc_now
from lims.core.copying import copy_rows
from lims.core.database import Base, BigId, Identified, db, insert_if_absent, sqlite_write_lock
from lims.core.errors import Conflict, NotFound, StaleVersion
from lims.core.permissions import Actor

T = TypeVar("T", bound=Base)


class WriteOutsideUnitOfWork(RuntimeError):
    """A programming fault: rows change only inside a unit of work."""


class AuditMissing(RuntimeError):
    """A programming fault: rows changed and no audit event says so."""


class RecordInFleetingWork(RuntimeError):
    """A programming fault: a record was written in a transaction that a power cut may take back."""


class IdempotencyKey(Identified, Base):
    """A client's key for one creating request, and what it made."""

    __tablename__ = "idempotency_key"
    technical = True
    owner: Mapped[str] = mapped_column(String(80))
    key: Mapped[str] = mapped_column(String(80))
    fingerprint: Mapped[str] = mapped_column(String(64))
    object_type: Mapped[str | None] = mapped_column(String(80))
    object_id: Mapped[int | None] = mapped_column(BigId)
    created_at: Mapped[datetime] = mapped_column(index=True)
    __table_args__ = (UniqueConstraint("owner", "key"),)


_KEYS: Table = IdempotencyKey.__table__  # type: ignore[assignment]
_FIND_KEY = select(_KEYS.c.fingerprint, _KEYS.c.object_id).where(
    _KEYS.c.owner == bindparam("of"), _KEYS.c.key == bindparam("named")
)
_BIND_KEY = (
    update(_KEYS)
    .where(_KEYS.c.id == bindparam("was"))
    .values(object_type=bindparam("kind"), object_id=bindparam("number"))
)


@dataclass(frozen=True, slots=True)
class RequestKey:
    """Idempotency key of a request with the SHA-256 of what it asks."""

    key: str
    fingerprint: str


class UnitOfWork:
    """``with uow: ... uow.audit(...); uow.commit()``. Leaving without commit rolls back.

    May be entered again after it was left; never nested.
    """

    def __init__(self, session: Session, clock: Clock = utc_now) -> None:
        self.session = session
        self._clock = clock
        self._open = False
        self._sqlite = False
        self._fleeting = False
        self._drafts: list[audit.Draft] = []
        self._after: list[Callable[[], None]] = []
        self._changed: set[str] = set()
        self._held: list[Base] = []
        self._key: int | None = None

    # -- the transaction -------------------------------------------------------------

    def __enter__(self) -> "UnitOfWork":
        if self._open:
            raise RuntimeError("units of work do not nest")
        self.session.rollback()  # ends a read transaction: it could not become a writer
        self._sqlite = self.session.get_bind().dialect.name == "sqlite"
        if self._sqlite:
            sqlite_write_lock.acquire()
        self._open = True
        self._drafts, self._after, self._changed, self._held, self._key = [], [], set(), [], None
        self.session.info["unit_of_work"] = self
        try:
            options = {"lims_write": True, "lims_fleeting": self._fleeting}
            connection = self.session.connection(execution_options=options)
            if self._fleeting and not self._sqlite:
                connection.exec_driver_sql("SET LOCAL synchronous_commit TO off")
        except BaseException:
            self._close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._open:
            self.session.rollback()
            self._close()
        if isinstance(exc, StaleDataError):
            raise stale() from exc

    def fleeting(self) -> "UnitOfWork":
        """``with uow.fleeting():`` for technical rows that are worthless a moment later (live figures).

        The commit does not wait for the disk; the next ordinary one takes it there.
        """
        self._fleeting = True
        return self

    def commit(self) -> None:
        """Flush, chain the audit events, commit; then run what waits for the commit."""
        try:
            self.session.flush()
            if self._changed and not self._drafts:
                raise AuditMissing(f"changed without an audit event: {sorted(self._changed)}")
            if self._fleeting and (self._changed or self._drafts):
                raise RecordInFleetingWork(f"records in fleeting work: {sorted(self._changed)}")
            audit.append(self.session, self._drafts)
            self.session.info["committing"] = True
            self.session.commit()
        except IntegrityError as exc:
            self.session.rollback()
            self._close()
            raise Conflict(_("This contradicts what is stored already: %(what)s", what=_named(exc))) from exc
        except StaleDataError as exc:
            self.session.rollback()
            self._close()
            raise stale() from exc
        except BaseException:
            self.session.rollback()
            self._close()
            raise
        self._close()
        for call in self._after:
            call()

    def _close(self) -> None:
        self._open = self._fleeting = False
        self._held = []
        self.session.info.pop("unit_of_work", None)
        self.session.info.pop("committing", None)
        if self._sqlite:
            sqlite_write_lock.release()

    # -- rows ------------------------------------------------------------------------

    @property
    def now(self) -> datetime:
        return self._clock()

    def get(self, model: type[T], ident: int | str, *, version: int | None = None, lock: bool = True) -> T:
        """The row, locked for this transaction. Raises NotFound, StaleVersion."""
        # OF: PostgreSQL refuses to lock the outer joins of eagerly loaded relations.
        locked: dict[str, Any] | None = {"of": model} if lock else None
        row = self.session.get(model, ident, with_for_update=locked, populate_existing=True)
        if row is None:
            raise NotFound(_("This does not exist (any more)."))
        if version is not None and getattr(row, "version", version) != version:
            raise stale()
        return row

    def add(self, row: T) -> T:
        """Add and flush, so that the row has its number and the constraints have spoken."""
        self.session.add(row)
        self.flush()
        return row

    def add_all(self, rows: Iterable[T]) -> list[T]:
        """As ``add`` for many rows of one kind: together, in their order."""
        added = list(rows)
        self.session.add_all(added)
        self.flush()
        return added

    def insert(self, row: T) -> T:
        """As ``add``, by one Core insert: for a row whose columns are set (what is not set is NULL).

        A third of the time of a unit-of-work flush, for what is written very often.
        """
        values: dict[str, Any] = {}
        for column in inspect(type(row)).column_attrs:
            if column.key != "id":
                values[column.key] = row.__dict__.setdefault(column.key, None)
        table: Table = type(row).__table__  # type: ignore[assignment]
        self.noted(type(row))
        with _contradiction_told():
            number = (
                self.session.connection().execute(insert(table).returning(table.c.id), [values]).scalar_one()
            )
        row.id = number  # type: ignore[attr-defined]
        make_transient_to_detached(row)
        self.session.add(row)
        return row

    def hold(self, row: Base) -> None:
        """Until the transaction ends."""
        self._held.append(row)

    def flush(self) -> None:
        with _contradiction_told():
            self.session.flush()

    def insert_many(self, model: type[Base], rows: Sequence[Mapping[str, Any]]) -> None:
        """Core executemany: four times as fast as one object a row."""
        if rows:
            self.noted(model)
            self.session.connection().execute(insert(model.__table__), list(rows))  # type: ignore[arg-type]

    def insert_numbered(self, model: type[Base], rows: Sequence[Mapping[str, Any]]) -> list[int]:
        """As ``insert_many``, for rows that all name the same columns; the numbers they got, in their order."""
        if not rows:
            return []
        table = cast(Table, model.__table__)
        self.noted(model)
        connection = self.session.connection()
        with _contradiction_told():
            if self._sqlite:
                made = insert(table).returning(table.c.id, sort_by_parameter_order=True)
                return list(connection.execute(made, list(rows)).scalars())
            # Numbers first, then COPY: a quarter of the time of INSERT ... RETURNING for thousands of rows.
            sequence = func.pg_get_serial_sequence(table.name, "id")
            each = func.generate_series(1, len(rows))
            numbers = list(connection.execute(select(func.nextval(sequence)).select_from(each)).scalars())
            copy_rows(connection, table, [{"id": n, **row} for n, row in zip(numbers, rows, strict=True)])
            return numbers

    def append_many(self, model: type[Base], rows: Sequence[Mapping[str, Any]]) -> None:
        """``insert_many`` for hundreds of rows that all name the same columns: by COPY where the database has
        it, which takes a third of the time."""
        if not rows:
            return
        if self._sqlite:
            self.insert_many(model, rows)
            return
        self.noted(model)
        copy_rows(self.session.connection(), cast(Table, model.__table__), rows)

    def noted(self, model: type[Base]) -> None:
        """Rows of ``model`` change in a way the session does not see."""
        if not model.technical:
            self._changed.add(model.__tablename__)

    # -- what goes with it -----------------------------------------------------------

    def audit(
        self,
        verb: str,
        actor: Actor,
        row: Base | tuple[str, object],
        *,
        before: Mapping[str, object] | None = None,
        after: Mapping[str, object] | None = None,
        reason: str | None = None,
    ) -> None:
        """Write an event. For a row, what changed is read from it unless given.

        Call before the flush that would forget the old values (``uow.add`` flushes: give ``after``
        there, or audit the new row straight after it: a new row's values are all recorded).
        """
        if isinstance(row, tuple):
            kind, ident = row
        else:
            if before is None and after is None:
                before, after = self._changes(row)
            if inspect(row).transient or inspect(row).pending:
                self.flush()
            kind, ident = row.__tablename__, primary_key_of(row)
        self._drafts.append(
            audit.Draft(
                at=self.now,
                actor_id=actor.id,
                actor_name=actor.name,
                session_id=actor.session_id,
                ip=actor.ip,
                verb=verb,
                object_type=kind,
                object_id=str(ident),
                before=audit.canonical(before or {}),
                after=audit.canonical(after or {}),
                reason=reason,
            )
        )

    def _changes(self, row: Base) -> tuple[dict[str, object], dict[str, object]]:
        before, after = audit.changes_of(row)
        if not before and not after and id(row) in self.session.info.get("fresh_rows", {}):
            columns = inspect(row).mapper.column_attrs
            after = {c.key: getattr(row, c.key) for c in columns if c.key not in audit.HIDDEN}
            after = {k: v for k, v in after.items() if v is not None}
        return before, after

    def after_commit(self, call: Callable[[], None]) -> None:
        """Run ``call`` once the transaction is on disk. It must not be needed for correctness: jobs are."""
        self._after.append(call)

    def replayed(self, model: type[T], *, actor: Actor, request_key: RequestKey | None) -> T | None:
        """What an earlier request with this key made; None the first time.

        Raises Conflict (code ``idempotency_mismatch``) when the same key asks for something else.
        """
        if request_key is None:
            return None
        owner = f"{actor.kind}:{actor.id}"
        claimed = {
            **{"owner": owner, "key": request_key.key, "fingerprint": request_key.fingerprint},
            **{"object_type": None, "object_id": None, "created_at": self.now},
        }
        # One statement: the other request of a double click waits here for the first one's commit.
        self._key = insert_if_absent(self.session.connection(), _KEYS, claimed, _KEYS.c.id)
        if self._key is not None:
            return None
        row = self.session.connection().execute(_FIND_KEY, {"of": owner, "named": request_key.key}).one()
        if row.fingerprint != request_key.fingerprint:
            raise Conflict(_("This key was used for another request already."), code="idempotency_mismatch")
        if row.object_id is None:
            raise Conflict(_("The first request with this key made nothing."), code="idempotency_mismatch")
        return self.session.get(model, row.object_id)

    def remember(self, row: Base) -> None:
        """Bind what was made to the request's key (no key: nothing to do)."""
        if self._key is not None:
            self.flush()
            made = {"was": self._key, "kind": row.__tablename__, "number": int(primary_key_of(row))}
            self.session.connection().execute(_BIND_KEY, made)


def primary_key_of(row: Base) -> Any:
    identity = inspect(row).identity
    assert identity is not None  # flushed before
    return identity[0]


def stale() -> StaleVersion:
    return StaleVersion(_("Somebody else changed this meanwhile. Look at it again before you save."))


@contextmanager
def _contradiction_told() -> Iterator[None]:
    """A broken constraint of the database becomes a Conflict."""
    try:
        yield
    except IntegrityError as exc:
        raise Conflict(_("This contradicts what is stored already: %(what)s", what=_named(exc))) from exc


def _named(exc: IntegrityError) -> str:
    """The database's own name of the broken constraint, without values (they may be private)."""
    text = str(exc.orig).splitlines()[0]
    return text.split("DETAIL")[0][:200]


def guard(session_factory: Any) -> None:
    """Refuse every flush, bulk statement and commit that no unit of work stands behind."""

    @event.listens_for(session_factory, "before_flush")
    def _flush(session: Session, _context: UOWTransaction, _instances: Any) -> None:
        work: UnitOfWork | None = session.info.get("unit_of_work")
        new, deleted = session.new, session.deleted  # each is made anew when asked for
        touched = [
            r for r in (*new, *session.dirty, *deleted) if r in new or r in deleted or session.is_modified(r)
        ]
        if not touched:
            return
        if work is None:
            raise WriteOutsideUnitOfWork(f"write outside a unit of work: {type(touched[0]).__name__}")
        fresh = session.info.setdefault("fresh_rows", {})
        for row in touched:
            if row in new:
                fresh[id(row)] = row
            work.noted(type(row))

    @event.listens_for(session_factory, "do_orm_execute")
    def _execute(state: ORMExecuteState) -> None:
        if state.is_insert or state.is_update or state.is_delete:
            work = state.session.info.get("unit_of_work")
            if work is None:
                raise WriteOutsideUnitOfWork("bulk write outside a unit of work")
            mapper = state.bind_mapper
            if mapper is not None:
                work.noted(mapper.class_)
        elif getattr(state.statement, "_for_update_arg", None) is not None:
            # What was read before the lock may have changed while this transaction waited for it.
            state.update_execution_options(populate_existing=True)

    @event.listens_for(session_factory, "loaded_as_persistent")
    def _loaded(session: Session, row: Base) -> None:
        """A row is read once a unit of work: the session alone forgets what nobody holds."""
        work: UnitOfWork | None = session.info.get("unit_of_work")
        if work is not None:
            work.hold(row)

    @event.listens_for(session_factory, "before_commit")
    def _commit(session: Session) -> None:
        if not session.info.get("committing") and session.info.get("unit_of_work") is not None:
            if session.in_nested_transaction():
                return
            raise WriteOutsideUnitOfWork("commit past the unit of work")

    @event.listens_for(session_factory, "after_rollback")
    def _rollback(session: Session) -> None:
        session.info.pop("fresh_rows", None)

    @event.listens_for(session_factory, "after_commit")
    def _done(session: Session) -> None:
        session.info.pop("fresh_rows", None)


guard(db.session)
