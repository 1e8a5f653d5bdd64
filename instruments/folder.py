"""A watched folder: files that an analyser writes become captures, whole and once. They are only ever read.

A file counts as finished when its size and time have stood still, or at once when it was renamed into place and
nobody has it open for writing; never while it is locked. What was taken is known by its SHA-256, so the same
content under another name, or after a restart, is not taken again; a file that is written anew is a new one.
"""

import contextlib
import errno
import hashlib
import logging
import os
import signal
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from fnmatch import fnmatch
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

from instruments.board import DeviceView
from instruments.canonical import JsonValue
from instruments.captures import Draft, Source, Trigger
from instruments.clock import Clock, instant
from instruments.file_marks import FileMarks
from instruments.frames import Stamp
from instruments.link import LinkState
from instruments.readings import Event, Kind
from instruments.settings import FolderSettings

log = logging.getLogger("instruments")

DEEPEST = 8  # folders inside one another
LONGEST_NAME = 80  # characters that the server keeps of a name
MOST_BYTES = 5 * 1024 * 1024  # what the server reads of a file
CHUNK = 256 * 1024
CODEC = "file/1"
_TEMPORARY = ("~$", ".~", ".")


@dataclass(frozen=True, slots=True)
class Sight:
    """A file as one look at the folder shows it."""

    inode: int
    size: int
    mtime_ns: int
    ctime_ns: int

    @classmethod
    def of(cls, found: os.stat_result) -> "Sight":
        return cls(found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)

    @property
    def content(self) -> tuple[int, int, int]:
        """What changes when somebody writes."""
        return self.inode, self.size, self.mtime_ns


@dataclass(slots=True)
class Stillness:
    """Tells finished files from those that grow. ``still_s``: how long nothing may change."""

    still_s: float
    _since: dict[str, tuple[Sight, float]] = field(default_factory=dict)
    _before: dict[tuple[int, int, int], str] = field(default_factory=dict)

    def look(self, seen: Mapping[str, Sight], now: float) -> tuple[list[str], list[str]]:
        """(names that stand still, names that were renamed into place) of all that is in the folder now."""
        still, moved = [], []
        for name, sight in seen.items():
            known, since = self._since.get(name, (None, now))
            if known is None or known.content != sight.content:
                since = now
            self._since[name] = (sight, since)
            if now - since >= self.still_s:
                still.append(name)
            elif self._before.get(sight.content, name) != name or sight.ctime_ns > sight.mtime_ns:
                moved.append(name)
        self._since = {name: self._since[name] for name in seen}
        self._before = {sight.content: name for name, sight in seen.items()}
        return still, moved


def writer_of(descriptor: int) -> bool | None:
    """Whether somebody has the file locked or open for writing; None where the system does not tell.

    A read lease is refused while anybody has the file open for writing (fcntl(2)); it is only given for files
    of our own user, on a local disk.
    """
    if fcntl is None:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        fcntl.flock(descriptor, fcntl.LOCK_UN)
    except BlockingIOError:
        return True
    except OSError:
        return None
    try:
        # A writer who comes in this moment breaks the lease by a signal: one that does nothing by default.
        fcntl.fcntl(descriptor, fcntl.F_SETSIG, signal.SIGURG)
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_RDLCK)
    except OSError as refused:
        return True if refused.errno == errno.EAGAIN else None
    with contextlib.suppress(OSError):
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    return False


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A finished file. ``drafts``: its captures, to be stored together; ``mark``: what is remembered of it."""

    name: str
    mark: str
    drafts: Sequence[Draft]


# Hands a file to the bench's loop; the second argument is called once it is on the disk.
Keep = Callable[[FoundFile, Callable[[], None]], None]


class FolderWatch:
    """``scan`` looks once; ``run`` does so until stopped, in a thread of its own: a network drive may block."""

    def __init__(
        self,
        row: FolderSettings,
        clock: Clock,
        boot: str,
        *,
        known: FileMarks,
        keep: Keep,
        show: Callable[[DeviceView], None],
    ) -> None:
        self.row = row
        self._clock, self._boot, self._keep, self._show = clock, boot, keep, show
        self._known = known  # of all folders of this gateway
        self._stillness = Stillness(row.still_s)
        self._done: dict[str, tuple[int, int, int]] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self.run, name=f"folder {row.key}", daemon=True)
        self._state, self._since, self._captures = LinkState.CONNECTING, clock.stamp(), 0
        self._troubles: dict[str, str] = {}
        self._closed: list[str] = []  # folders inside that cannot be read

    def start(self) -> None:
        self._view(LinkState.CONNECTING, "")
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout=5.0)

    def run(self) -> None:
        while not self._stop.is_set():
            self.scan()
            self._stop.wait(self.row.scan_s)

    def scan(self) -> None:
        self._closed.clear()
        try:
            seen = dict(self._entries(self.row.path, "", DEEPEST if self.row.subfolders else 0))
        except OSError as fault:
            self._view(LinkState.UNPLUGGED, f"{self.row.path} cannot be read: {fault.strerror or fault}")
            return
        still, moved = self._stillness.look(seen, self._clock.seconds())
        wanted = set(self._wanted(seen))
        self._troubles = {name: why for name, why in self._troubles.items() if name in seen}
        for name in (*moved, *still):
            if name in wanted and not self._stop.is_set() and self._done.get(name) != seen[name].content:
                self._take(name, seen[name], at_once=name in moved)
        self._done = {name: sight for name, sight in self._done.items() if name in seen}
        self._view(LinkState.CONNECTED, " ".join([*self._closed, *self._troubles.values()]))

    def _entries(self, folder: Path, before: str, depth: int) -> Iterator[tuple[str, Sight]]:
        """Every plain file, whatever its name: a renamed one was here before under another. ``before``: the way to it,
        part of its name; ``depth``: of the folders inside that are looked into."""
        with os.scandir(folder) as entries:
            for entry in entries:
                name = f"{before}{entry.name}"
                try:
                    if entry.is_file(follow_symlinks=False):
                        yield name, Sight.of(entry.stat(follow_symlinks=False))
                    elif (
                        depth
                        and entry.is_dir(follow_symlinks=False)
                        and not entry.name.startswith(_TEMPORARY)
                    ):
                        yield from self._inside(Path(entry.path), name, depth - 1)
                except FileNotFoundError:
                    continue  # gone between two looks

    def _inside(self, folder: Path, name: str, depth: int) -> Iterator[tuple[str, Sight]]:
        """One that cannot be read hides what is in it, and nothing else."""
        try:
            yield from self._entries(folder, f"{name}/", depth)
        except FileNotFoundError:
            return
        except OSError as fault:
            self._closed.append(f"{name} cannot be read: {fault.strerror or fault}.")

    def _wanted(self, seen: Mapping[str, Sight]) -> Iterator[str]:
        for name, sight in seen.items():
            old = self.row.not_before is not None and sight.mtime_ns < self.row.not_before.timestamp() * 1e9
            own = name.rpartition("/")[2]
            fits = any(fnmatch(own.casefold(), pattern.casefold()) for pattern in self.row.patterns)
            if fits and sight.size and not old and not own.startswith(_TEMPORARY):
                yield name

    # --- one file ------------------------------------------------------------------------------------------

    def _take(self, name: str, sight: Sight, *, at_once: bool) -> None:
        """Read it, unless somebody writes; it is done when its captures are on the disk."""
        self._troubles.pop(name, None)
        if sight.size > MOST_BYTES:
            self._too_large(name, sight)
            return
        try:
            content = self._read(name, sight, at_once=at_once)
        except OSError as fault:
            self._troubles[name] = f"{name} cannot be read: {fault.strerror or fault}."
            return
        if content is None:
            return
        mark = hashlib.sha256(content).hexdigest()
        if mark in self._known or self._hand_over(FoundFile(name, mark, self._drafts(name, content, sight))):
            self._done[name] = sight.content

    def _read(self, name: str, sight: Sight, *, at_once: bool) -> bytes | None:
        """None while it is written: now, or since the look at the folder."""
        flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
        descriptor = os.open(Path(self.row.path) / name, flags)
        with os.fdopen(descriptor, "rb") as stream:
            writer = writer_of(descriptor)
            if writer or (at_once and writer is None):
                return None
            content = stream.read(MOST_BYTES + 1)
            after = Sight.of(os.fstat(descriptor))
        return content if after.content == sight.content and len(content) == sight.size else None

    def _hand_over(self, found: FoundFile) -> bool:
        """One file at a time: while the disk refuses, the files stay where they are, and nothing piles up here."""
        stored = threading.Event()
        self._keep(found, stored.set)
        while not stored.wait(0.05):
            if self._stop.is_set():
                return stored.is_set()
        self._captures += len(found.drafts)
        log.info("%s: %s is kept, %d captures", self.row.key, found.name, len(found.drafts))
        return True

    def _drafts(self, name: str, content: bytes, sight: Sight) -> list[Draft]:
        digest = hashlib.sha256(content).hexdigest()
        parts = [content[at : at + CHUNK] for at in range(0, len(content), CHUNK)]
        written = instant(datetime.fromtimestamp(sight.mtime_ns / 1e9, UTC))
        facts: dict[str, JsonValue] = {
            "name": _plain(name),
            "sha256": digest,
            "size": len(content),
            "written_at": written,
        }
        return [
            self._draft(part, Event(Kind.FILE, code=f"{n}/{len(parts)}", more=facts))
            for n, part in enumerate(parts, 1)
        ]

    def _too_large(self, name: str, sight: Sight) -> None:
        """Said on the status page for as long as it lies there, and once in the inbox."""
        sentence = f"{name} has {sight.size / 2**20:.1f} MB; files of more than {MOST_BYTES // 2**20} MB are not taken."
        mark = hashlib.sha256(f"{self.row.key}\0{name}\0{sight.content}".encode(errors="replace")).hexdigest()
        event = Event(Kind.ERROR, code="file_too_large", more={"name": _plain(name), "size": sight.size})
        if mark not in self._known:
            log.warning("%s: %s", self.row.key, sentence)
            if not self._hand_over(FoundFile(name, mark, [self._draft(b"", event)])):
                return
        self._done[name] = sight.content
        self._troubles[name] = sentence

    def _draft(self, raw: bytes, event: Event) -> Draft:
        now: Stamp = self._clock.stamp()
        source = Source(self.row.key, "file", CODEC, str(self.row.path), self._boot)
        return Draft(source, Trigger.FILE, raw, event, first=now, last=now)

    def _view(self, state: LinkState, reason: str) -> None:
        if state is not self._state:
            self._state, self._since = state, self._clock.stamp()
        self._show(
            DeviceView(
                key=self.row.key,
                profile="file",
                port=str(self.row.path),
                state=state,
                since=self._since,
                reason=reason[:500],
                captures=self._captures,
            )
        )


def _plain(name: str) -> str:
    """A name that JSON carries; bytes that are no UTF-8 show as question marks. Of a long one the end, by which the
    server knows what kind of file it is."""
    plain = name.encode(errors="replace").decode()
    return plain if len(plain) <= LONGEST_NAME else f"…{plain[1 - LONGEST_NAME :]}"
