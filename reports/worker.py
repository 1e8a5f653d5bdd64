"""The child process that typesets: ``python -m reports.worker SECONDS MEGABYTES``.

Reads requests on its standard input and answers on its standard output, both as frames: a count of
parts (4 bytes), then each part with its length (8 bytes), big endian. Ends when its input ends.
It has a CPU and a memory limit, a network of its own without any interface where the kernel allows
it, and may die at any time: the parent starts another.
"""

import ctypes
import hashlib
import json
import logging
import os
import resource
import sys
from typing import BinaryIO

from reports.canonical import DocumentError
from reports.frames import read_frame, write_frame

_CLONE_NEWNET, _CLONE_NEWUSER = 0x40000000, 0x10000000


def main() -> None:
    seconds, megabytes = int(sys.argv[1]), int(sys.argv[2])
    reply = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # nothing that a library prints may get between the frames
    _close_network()
    resource.setrlimit(resource.RLIMIT_AS, (megabytes << 20, megabytes << 20))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    logging.getLogger("weasyprint").addHandler(logging.NullHandler())
    logging.getLogger("weasyprint").propagate = False
    logging.getLogger("fontTools").setLevel(logging.ERROR)
    serve(sys.stdin.buffer, reply, seconds)


def serve(requests: BinaryIO, replies: BinaryIO, seconds: int) -> None:
    while (request := read_frame(requests)) is not None:
        _allow_cpu(seconds)
        write_frame(replies, _answer(request))


def _answer(request: list[bytes]) -> list[bytes]:
    try:
        return [b"ok", _produce(request[0].decode(), request[1], request[2:])]
    except DocumentError as exc:
        return [b"error", exc.code.encode(), exc.sentence.encode()]
    except MemoryError:
        return [b"error", b"render_memory", b"this document needs more memory than a report may take"]
    except RecursionError:
        return [b"error", b"render_depth", b"this document is nested too deeply to be printed"]
    except Exception as exc:  # the parent turns it into a RenderError; the process stays usable
        logging.getLogger("reports").exception("rendering failed")
        return [
            b"error",
            b"render_failed",
            f"the report could not be rendered ({type(exc).__name__})".encode(),
        ]


def _produce(kind: str, body: bytes, photos: list[bytes]) -> bytes:
    from reports import document, labels, letter, standards_check, typeset
    from reports.html import certificate_html, letter_html, standards_check_html

    if kind == "certificate":
        certificate = document.from_json(body)
        pictures = _named(certificate, photos)
        page = certificate_html(certificate)
        return typeset.typeset(page, seed=body, photos=pictures, allow_missing_glyphs=certificate.draft)
    if kind == "letter":
        written = letter.from_json(body)
        return typeset.typeset(letter_html(written), seed=body, allow_missing_glyphs=written.draft)
    if kind == "standards_check":
        return typeset.typeset(standards_check_html(standards_check.from_json(body)), seed=body)
    if kind == "labels":
        sheet = labels.from_json(body)
        return typeset.typeset(
            labels.labels_html(sheet), seed=body, style="label.css", extra_css=labels.page_css(sheet)
        )
    if kind == "warm":
        return typeset.typeset("<p>检验报告 Test report 0123456789", seed=b"warm")
    if kind == "probe":
        return json.dumps(typeset.parts_found()).encode()
    raise DocumentError("request_unknown", f"the renderer cannot make a {kind}")


def _named(certificate: object, photos: list[bytes]) -> dict[str, bytes]:
    """The photos by their hash; each that the document names must be there, byte for byte."""
    from reports import typeset
    from reports.document import CertificateDocument

    assert isinstance(certificate, CertificateDocument)
    found = {hashlib.sha256(photo).hexdigest(): photo for photo in photos}
    for sample in certificate.samples:
        for photo in sample.photos:
            if photo.sha256 not in found:
                raise DocumentError(
                    "photo_missing", "a photo that the document names was not supplied unchanged"
                )
    for body in found.values():
        typeset.image_type(body)
    return found


def _allow_cpu(seconds: int) -> None:
    """The limit counts from the start of the process, so each request moves it on."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    used = int(usage.ru_utime + usage.ru_stime) + 1
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (used + seconds, hard))


def _close_network() -> None:
    """An empty network namespace. Not every kernel lets us; the closed fetcher stands in front anyway."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(_CLONE_NEWNET) != 0:
        libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNET)


if __name__ == "__main__":
    main()
