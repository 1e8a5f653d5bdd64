"""The renderer: documents in, PDF/A bytes out, through warm child processes that can be killed.

Nothing of the typesetter is imported here, so a web process that owns a ``Renderer`` stays small.
"""

import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, cast

from reports.canonical import DocumentError, all_texts, encode
from reports.document import CertificateDocument
from reports.frames import read_frame, write_frame
from reports.labels import LabelSheet
from reports.letter import LetterDocument
from reports.standards_check import StandardsCheckDocument

RENDER_SECONDS = 30  # of processor time
# On a machine that is busy with other things a report gets this many times as long by the clock on the wall.
PATIENCE = 3
MEMORY_MB = 1500
MOST_BYTES = 8_000_000  # of a document without its photos
MOST_ROWS = 5_000
LONGEST_TEXT = 20_000
RENDERS_PER_WORKER = 500  # then a fresh one: no library here promises never to leak


class RenderError(Exception):
    """Rendering was refused or failed; ``code`` is stable, ``sentence`` is for a person."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence


class _Worker:
    def __init__(self, seconds: int, memory_mb: int) -> None:
        self.renders = 0
        root = str(Path(__file__).resolve().parent.parent)
        self._seconds = seconds
        self._process = subprocess.Popen(  # noqa: S603 - our own module, fixed arguments
            [sys.executable, "-m", "reports.worker", str(seconds), str(memory_mb)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=root,
            env=_plain_environment(),
        )
        self._requests = cast(BinaryIO, self._process.stdin)
        self._replies = cast(BinaryIO, self._process.stdout)

    @property
    def pid(self) -> int:
        return self._process.pid

    def ask(self, parts: list[bytes]) -> list[bytes]:
        """One request; a child that takes too long or dies raises RenderError and is gone."""
        late = threading.Event()

        def too_late() -> None:
            late.set()
            self._process.kill()

        timer = threading.Timer(self._seconds * PATIENCE, too_late)
        timer.daemon = True
        timer.start()
        try:
            write_frame(self._requests, parts)
            reply = read_frame(self._replies)
        except OSError:
            reply = None
        finally:
            timer.cancel()
        if reply is not None:
            self.renders += 1
            return reply
        ended = self._end()
        if late.is_set() or ended == -signal.SIGXCPU:
            raise RenderError(
                "render_timeout", f"the report took longer than {self._seconds} s to set and was stopped"
            )
        raise RenderError("render_crashed", "the process that sets reports died; please try again")

    def alive(self) -> bool:
        return self._process.poll() is None

    def _end(self) -> int:
        self._process.kill()
        code = self._process.wait()
        self.close()
        return code

    def close(self) -> None:
        for stream in (self._requests, self._replies):
            with suppress(OSError):  # a broken pipe, flushed on closing
                stream.close()
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()


class Renderer:
    """Thread-safe; keeps up to ``workers`` warm children and starts them when first needed.

    One per process is meant: after a fork the children of the parent are left alone and new ones start.
    """

    def __init__(
        self, *, workers: int = 1, seconds: int = RENDER_SECONDS, memory_mb: int = MEMORY_MB
    ) -> None:
        self._workers, self._seconds, self._memory_mb = workers, seconds, memory_mb
        self._start_empty()

    def _start_empty(self) -> None:
        self._owner = os.getpid()
        self._idle: queue.LifoQueue[_Worker | None] = queue.LifoQueue()
        for _ in range(self._workers):
            self._idle.put(None)  # a place where a child may be started

    def render(self, document: CertificateDocument, photos: Iterable[bytes] = ()) -> bytes:
        """PDF/A-3b of the document; byte-identical for equal documents on one installation.

        ``photos``: the bytes of every photo the document names, in any order. Raises RenderError.
        """
        return self._print("certificate", document, _rows(document), photos)

    def render_letter(self, written: LetterDocument) -> bytes:
        return self._print("letter", written, len(written.paragraphs) + len(written.facts))

    def render_standards_check(self, sheet: StandardsCheckDocument) -> bytes:
        codes = sum(len(group.codes) for group in sheet.groups)
        return self._print("standards_check", sheet, len(sheet.decided) + codes // 4)

    def render_labels(self, sheet: LabelSheet) -> bytes:
        """One page a label, of the label's own size."""
        return self._print("labels", sheet, len(sheet.labels))

    def warm_up(self) -> None:
        """Start a child and let it load its fonts, so that the first report is not the slow one."""
        self._exchange([b"warm", b""])

    def parts_found(self) -> dict[str, str]:
        """What the typesetter found on this machine: versions and libraries, for the doctor."""
        found = json.loads(self._exchange([b"probe", b""]))
        return {str(name): str(value) for name, value in found.items()}

    def close(self) -> None:
        """Stop the idle children. The renderer may be used again afterwards."""
        for _ in range(self._workers):
            try:
                worker = self._idle.get_nowait()
            except queue.Empty:
                break
            if worker is not None and self._owner == os.getpid():
                worker.close()
            self._idle.put(None)

    def __enter__(self) -> "Renderer":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _print(
        self,
        kind: str,
        document: CertificateDocument | LetterDocument | LabelSheet | StandardsCheckDocument,
        rows: int,
        photos: Iterable[bytes] = (),
    ) -> bytes:
        try:
            body = encode(document)
        except DocumentError as exc:
            raise RenderError(exc.code, exc.sentence) from exc
        _refuse_too_large(document, body, rows)
        return self._exchange([kind.encode(), body, *photos])

    def _exchange(self, parts: list[bytes]) -> bytes:
        if self._owner != os.getpid():
            self._start_empty()
        try:
            worker = self._idle.get(timeout=4 * self._seconds)
        except queue.Empty as exc:
            raise RenderError("renderer_busy", "too many reports wait to be set; please try again") from exc
        try:
            if worker is None or not worker.alive() or worker.renders >= RENDERS_PER_WORKER:
                if worker is not None:
                    worker.close()
                worker = _Worker(self._seconds, self._memory_mb)
            reply = worker.ask(parts)
        finally:
            self._idle.put(worker if worker is not None and worker.alive() else None)
        if reply[0] == b"error":
            raise RenderError(reply[1].decode(), reply[2].decode())
        return reply[1]


def _refuse_too_large(document: object, body: bytes, rows: int) -> None:
    """Refuse at once what could only be stopped by the clock."""
    if len(body) > MOST_BYTES:
        raise RenderError("document_too_large", "this document holds more text than a report may have")
    if rows > MOST_ROWS:
        raise RenderError(
            "document_too_long", f"this document has {rows} rows; at most {MOST_ROWS} can be set"
        )
    longest = max((len(text) for text in all_texts(document)), default=0)
    if longest > LONGEST_TEXT:
        raise RenderError(
            "text_too_long", f"one text has {longest} characters; at most {LONGEST_TEXT} can be set"
        )


def _rows(document: CertificateDocument) -> int:
    return sum(1 + len(sample.items) for sample in document.samples)


def _plain_environment() -> dict[str, str]:
    """What the child needs to find Python and fonts; no secret of the web process."""
    kept = (
        "PATH",
        "HOME",
        "LANG",
        "LC_ALL",
        "FONTCONFIG_FILE",
        "FONTCONFIG_PATH",
        "XDG_CACHE_HOME",
        "TMPDIR",
    )
    return {name: os.environ[name] for name in kept if name in os.environ} | {"PYTHONPATH": ""}
