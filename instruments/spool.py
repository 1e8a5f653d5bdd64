"""The durable queue of a gateway: append-only, hash-chained, emptied only by what the server has.

SQLite in WAL with ``synchronous=FULL``: NORMAL loses acknowledged rows at a power cut. One connection writes
(the bench's loop), another reads and empties (the forwarder).
"""

import contextlib
import importlib
import json
import time
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from instruments.captures import Draft, Stored, capture_hash, first_link, number
from instruments.clock import instant
from instruments.errors import SpoolUnsafe

if TYPE_CHECKING:
    import sqlite3

LINGER_S = 0.02  # a commit waits this long for company, what the gateway's turn took of it included
FORMAT = "1"
MOST_REMOVED = 2000  # with one delivery; four times of what it brings
DAY_S = 86400.0

_SCHEMA = """
CREATE TABLE meta(key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE capture(
    seq INTEGER PRIMARY KEY, body BLOB NOT NULL, hash TEXT NOT NULL, recorded_at REAL NOT NULL);
CREATE TRIGGER capture_is_never_changed BEFORE UPDATE ON capture
    BEGIN SELECT RAISE(ABORT, 'a capture is never changed'); END;
CREATE TRIGGER capture_stays_until_acknowledged BEFORE DELETE ON capture
    WHEN OLD.seq > (SELECT CAST(value AS INTEGER) FROM meta WHERE key = 'acknowledged')
    BEGIN SELECT RAISE(ABORT, 'the server does not have this capture yet'); END;
"""
# What else is written in the transaction of a capture: both are on the disk, or neither.
Beside = Callable[["sqlite3.Connection"], object]


def sqlite_module() -> object:
    """pysqlite3 where installed, else Python's own. Raises SpoolUnsafe for one that can corrupt a WAL."""
    for name in ("pysqlite3", "sqlite3"):
        with contextlib.suppress(ImportError):
            module = importlib.import_module(name)
            if is_safe(module.sqlite_version_info):
                return module
            version = module.sqlite_version
    raise SpoolUnsafe(
        f"SQLite {version} can damage a write-ahead log when it is reset; install pysqlite3 "
        "(pip install pysqlite3) or an SQLite of 3.51.3 or later"
    )


def is_safe(version: tuple[int, ...]) -> bool:
    """The WAL-reset fault is mended in 3.51.3 and in the branches 3.50.7 and 3.44.6 (sqlite.org)."""
    return version >= (3, 51, 3) or (3, 50, 7) <= version < (3, 51) or (3, 44, 6) <= version < (3, 45)


def _connect(path: Path) -> "sqlite3.Connection":
    module = sqlite_module()
    connection: sqlite3.Connection = module.connect(  # type: ignore[attr-defined]
        str(path), isolation_level=None, timeout=10.0, check_same_thread=False
    )
    try:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
    except module.DatabaseError as exc:  # type: ignore[attr-defined]
        connection.close()
        raise SpoolUnsafe(
            f"the spool {path} cannot be used ({exc}); keep a copy, move it away, and the gateway begins a new one"
        ) from exc
    return connection


class Spool:
    """Opens the file, or makes it with a new epoch. One process only: the gateway holds a lock."""

    def __init__(self, path: Path, *, wall: Callable[[], float] = time.time) -> None:
        self.path = path
        self._wall = wall
        path.parent.mkdir(parents=True, exist_ok=True)
        self._db = _connect(path)
        self._waiting: list[tuple[Draft, Callable[[Stored], None] | None, Beside | None]] = []
        self._since: float | None = None
        self.linger_s = LINGER_S
        if not self._db.execute("SELECT 1 FROM sqlite_master WHERE name = 'meta'").fetchone():
            self._create()
        self.epoch = self._meta("epoch")
        self.last_seq = int(self._meta("head_seq"))
        self.last_hash = self._meta("head_hash")

    def _create(self) -> None:
        epoch = str(uuid.uuid4())
        rows = {
            "format": FORMAT,
            "epoch": epoch,
            "created_at": instant(datetime.now(UTC)),
            "head_seq": "0",
            "head_hash": first_link(epoch),
            "acknowledged": "0",
        }
        self._db.executescript("BEGIN IMMEDIATE;" + _SCHEMA)
        self._db.executemany("INSERT INTO meta VALUES (?, ?)", rows.items())
        self._db.execute("COMMIT")

    def _meta(self, key: str) -> str:
        return str(self._db.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()[0])

    def add(
        self,
        draft: Draft,
        now_s: float,
        then: Callable[[Stored], None] | None = None,
        beside: Beside | None = None,
    ) -> None:
        """Hand in a draft for the next commit; ``then`` is called once it is on the disk."""
        self._waiting.append((draft, then, beside))
        if self._since is None:
            self._since = now_s

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    @property
    def waiting_devices(self) -> set[str]:
        return {draft.source.device for draft, *_ in self._waiting}

    @property
    def due_at(self) -> float | None:
        """When the next commit should happen, on the clock that ``add`` was given."""
        return None if self._since is None else self._since + self.linger_s

    def commit(self) -> list[Stored]:
        """Make everything handed in durable, in one transaction. An error keeps it all for the next try."""
        if not self._waiting:
            return []
        stored, seq, link = [], self.last_seq, self.last_hash
        for draft, _, _ in self._waiting:
            seq, _, link = row = number(draft, seq + 1, link)
            stored.append(row)
        self._write(stored, seq, link)
        done, self._waiting, self._since = self._waiting, [], None
        self.last_seq, self.last_hash = seq, link
        for row, (_, then, _) in zip(stored, done, strict=True):
            if then is not None:
                then(row)
        return stored

    def _write(self, stored: list[Stored], seq: int, link: str) -> None:
        now = self._wall()
        besides = [beside for _, _, beside in self._waiting if beside is not None]

        def insert(db: "sqlite3.Connection") -> None:
            db.executemany(
                "INSERT INTO capture VALUES (?, ?, ?, ?)",
                [(row.seq, row.body, row.hash, now) for row in stored],
            )
            db.execute("UPDATE meta SET value = ? WHERE key = 'head_seq'", (str(seq),))
            db.execute("UPDATE meta SET value = ? WHERE key = 'head_hash'", (link,))
            for beside in besides:
                beside(db)

        self.write(insert)

    def write(self, change: Beside) -> None:
        """One durable transaction. Raises the database's error, and then nothing of it is there."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            change(self._db)
            self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        return self._db.execute(query).fetchall()

    def close(self) -> None:
        self._db.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class SpoolReader:
    """What the forwarder and a technician see; usable beside the writer."""

    def __init__(self, path: Path) -> None:
        if not path.is_file():
            raise SpoolUnsafe(f"there is no spool at {path}; it is made when the gateway first runs")
        self._db = _connect(path)
        # What this one writes is acknowledgements: one that a power cut takes is asked for again. No capture waits.
        self._db.execute("PRAGMA synchronous=NORMAL")
        self.epoch = self._meta("epoch")

    def _meta(self, key: str) -> str:
        return str(self._db.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()[0])

    @property
    def acknowledged(self) -> int:
        return int(self._meta("acknowledged"))

    @property
    def last_seq(self) -> int:
        return int(self._meta("head_seq"))

    @property
    def pending(self) -> int:
        query = "SELECT COUNT(*) FROM capture WHERE seq > ?"
        return int(self._db.execute(query, (self.acknowledged,)).fetchone()[0])

    @property
    def oldest(self) -> int:
        """The lowest number still held; one past the last where all are gone."""
        found = self._db.execute("SELECT MIN(seq) FROM capture").fetchone()[0]
        return self.last_seq + 1 if found is None else int(found)

    def after(self, seq: int, *, rows: int, size: int = 1 << 60) -> list[Stored]:
        """Up to ``rows`` captures after ``seq``, in order, at most ``size`` bytes but at least one."""
        found: list[Stored] = []
        query = "SELECT seq, CAST(body AS BLOB), hash FROM capture WHERE seq > ? ORDER BY seq LIMIT ?"
        for number_, body, link in self._db.execute(query, (seq, rows)):
            size -= len(body)
            if found and size < 0:
                break
            found.append(Stored(int(number_), bytes(body), str(link)))
        return found

    def acknowledge(self, seq: int, *, keep_s: float) -> None:
        """The server has everything up to ``seq``. Rows older than ``keep_s`` go, some thousand at a time.

        A lower number than before is taken as it is: a server restored from a backup asks again.
        """
        with contextlib.closing(self._db.cursor()) as cursor:
            cursor.execute("BEGIN IMMEDIATE")
            try:
                cursor.execute(
                    "UPDATE meta SET value = ? WHERE key = 'acknowledged'", (str(min(seq, self.last_seq)),)
                )
                cursor.execute("DELETE FROM capture WHERE seq < ?", (self._kept_from(seq, keep_s),))
                cursor.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    cursor.execute("ROLLBACK")
                raise

    def _kept_from(self, seq: int, keep_s: float) -> int:
        """The first number that stays. Only the front goes: a hole in the middle would look like a loss.

        At most so many are looked at, or each delivery would read the whole week again while the bench waits.
        """
        now, first = time.time(), 0
        front = "SELECT seq, recorded_at FROM capture WHERE seq <= ? ORDER BY seq LIMIT ?"
        with contextlib.closing(self._db.execute(front, (seq, MOST_REMOVED))) as rows:
            for number_, recorded_at in rows:
                # A time in the future is of a clock that was wrong: how old such a row is, nobody knows.
                if now - keep_s < recorded_at <= now + DAY_S:
                    break
                first = int(number_) + 1
        return first

    def _all(self) -> Iterator[Stored]:
        """A page at a time: after an hour without the server a spool is larger than the memory of a small PC."""
        last = 0
        while rows := self.after(last, rows=1000):
            yield from rows
            last = rows[-1].seq

    def faults(self) -> Iterator[str]:
        """Where the chain does not hold, in words; nothing when it does."""
        link: str | None = first_link(self.epoch) if self.oldest == 1 else None
        expected = self.oldest
        for row in self._all():
            if row.seq != expected:
                yield f"captures {expected} to {row.seq - 1} are missing"
                link = None
            if capture_hash(row.body) != row.hash:
                yield f"capture {row.seq} does not match its hash"
            elif link is not None and json.loads(row.body)["prev_hash"] != link:
                yield f"capture {row.seq} does not follow the one before it"
            link, expected = row.hash, row.seq + 1
        if link is not None and expected == self.last_seq + 1 and link != self._meta("head_hash"):
            yield "the last capture is not the one the spool remembers"

    def close(self) -> None:
        self._db.close()
