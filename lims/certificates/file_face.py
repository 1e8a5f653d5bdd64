"""Bytes of certificates as answers of both faces."""

from urllib.parse import quote

from flask import Response, request


def pdf_answer(content: bytes, *, name: str, inline: bool, sha256: str | None = None) -> Response:
    """A PDF to save or to look at. With ``sha256``: the stored bytes, which never change (ETag)."""
    answer = Response(content, mimetype="application/pdf")
    kind = "inline" if inline else "attachment"
    answer.headers["Content-Disposition"] = f"{kind}; filename*=UTF-8''{quote(name)}"
    # The browser's own viewer needs to embed itself; nothing in the file may load anything.
    answer.headers["Content-Security-Policy"] = (
        "default-src 'none'; object-src 'self'; frame-ancestors 'self'"
    )
    if sha256 is not None:
        answer.set_etag(sha256)
        answer.headers["Cache-Control"] = "private, no-cache"
        answer.make_conditional(request)
    return answer
