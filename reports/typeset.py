"""WeasyPrint, called one way only. Runs inside the limited child process (``reports.worker``).

The same document gives the same bytes: identifier from its hash, dates from itself, fonts by name.
"""

import hashlib
import logging
from collections.abc import Mapping
from functools import cache
from io import BytesIO

import weasyprint
from weasyprint import CSS, HTML
from weasyprint.text.ffi import harfbuzz_subset, pango
from weasyprint.text.fonts import FontConfiguration
from weasyprint.urls import FatalURLFetchingError, URLFetcher, URLFetcherResponse

from reports.canonical import DocumentError
from reports.html import style_sheet

PDF_VARIANT = "pdf/a-3b"
_IMAGE_TYPES = {b"\xff\xd8\xff": "image/jpeg", b"\x89PNG\r\n\x1a\n": "image/png"}


class ClosedFetcher(URLFetcher):  # type: ignore[misc]
    """Gives out the photos that came with the document, and nothing else in the world."""

    def __init__(self, photos: Mapping[str, bytes]) -> None:
        super().__init__(allowed_protocols=())
        self._photos = photos

    def fetch(self, url: str, headers: Mapping[str, str] | None = None) -> URLFetcherResponse:
        scheme, _, name = url.partition(":")
        if scheme != "photo" or name not in self._photos:
            raise FatalURLFetchingError("a document may not fetch anything")
        body = self._photos[name]
        return URLFetcherResponse(url, body, {"Content-Type": image_type(body)})


class _Complaints(logging.Handler):
    """Collects what WeasyPrint only logs: letters without a shape, pictures it could not read."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.missing: set[str] = set()
        self.pictures = False

    def emit(self, record: logging.LogRecord) -> None:
        message = str(record.msg)
        if message.startswith(".notdef") and isinstance(record.args, tuple):
            self.missing.add(str(record.args[0]))
        elif message.startswith("Failed to load image"):
            self.pictures = True


@cache
def fonts() -> FontConfiguration:
    """One configuration for the process: fontconfig is read once."""
    return FontConfiguration()


@cache
def _parsed_style(name: str) -> CSS:
    return CSS(string=style_sheet(name), font_config=fonts(), url_fetcher=ClosedFetcher({}))


def typeset(
    page: str,
    *,
    seed: bytes,
    style: str = "paper.css",
    extra_css: str = "",
    photos: Mapping[str, bytes] | None = None,
    allow_missing_glyphs: bool = False,
) -> bytes:
    """HTML of ours to PDF/A-3b. ``seed``: what the file identifier is made of (the frozen document)."""
    complaints = _Complaints()
    logger = logging.getLogger("weasyprint")
    logger.addHandler(complaints)
    sheets = [_parsed_style(style)]
    if extra_css:
        sheets.append(CSS(string=extra_css, font_config=fonts(), url_fetcher=ClosedFetcher({})))
    try:
        target = BytesIO()
        HTML(string=page, url_fetcher=ClosedFetcher(photos or {})).write_pdf(
            target,
            font_config=fonts(),
            stylesheets=sheets,
            pdf_variant=PDF_VARIANT,
            pdf_identifier=hashlib.sha256(seed).digest()[:16],
        )
    finally:
        logger.removeHandler(complaints)
    if complaints.pictures:
        raise DocumentError("photo_unreadable", "a photo of this document cannot be read as a picture")
    if complaints.missing and not allow_missing_glyphs:
        letters = "、".join(f"{letter} (U+{ord(letter):04X})" for letter in sorted(complaints.missing)[:10])
        raise DocumentError("glyph_missing", f"no installed font has a shape for: {letters}")
    return target.getvalue()


def parts_found() -> dict[str, str]:
    """What sets our pages, by version; ``fonts``: what a Chinese word was really embedded with."""
    document = HTML(string="<p>检验报告", url_fetcher=ClosedFetcher({})).render(
        font_config=fonts(), stylesheets=[_parsed_style("paper.css")], pdf_variant=PDF_VARIANT
    )
    document.write_pdf(BytesIO())
    number = pango.pango_version()
    return {
        "weasyprint": weasyprint.__version__,
        "pango": f"{number // 10000}.{number // 100 % 100}.{number % 100}",
        "harfbuzz_subset": "yes" if harfbuzz_subset is not None else "",
        "fonts": ", ".join(sorted(font.family for font in document.fonts.values())),
    }


def image_type(body: bytes) -> str:
    for magic, name in _IMAGE_TYPES.items():
        if body.startswith(magic):
            return name
    raise DocumentError("photo_unreadable", "a photo must be a JPEG or PNG picture")
