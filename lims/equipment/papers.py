"""Scans of calibration certificates: what the bytes are decides, never what the sender says."""

from flask_babel import gettext as _

from lims.core.errors import InvalidInput

MAX_BYTES = 16 * 1024 * 1024
ENDINGS = {"application/pdf": "pdf", "image/png": "png", "image/jpeg": "jpg"}


def media_type_of(content: bytes) -> str:
    """``application/pdf``, ``image/png`` or ``image/jpeg``. Raises InvalidInput (field ``scan``)."""
    if not content:
        raise _refused("scan_empty", _("This file is empty."))
    if len(content) > MAX_BYTES:
        raise _refused("scan_too_big", _("A scan has at most %(n)s MB.", n=MAX_BYTES // 1024 // 1024))
    if content.startswith(b"%PDF-") and b"%%EOF" in content[-2048:]:
        return "application/pdf"
    if content.startswith(b"\x89PNG\r\n\x1a\n") and content[12:16] == b"IHDR" and b"IEND" in content[-64:]:
        return "image/png"
    if content.startswith(b"\xff\xd8\xff") and b"\xff\xd9" in content[-2048:]:
        return "image/jpeg"
    raise _refused("scan_unknown", _("A scan is a whole PDF, PNG or JPEG file."))


def _refused(code: str, sentence: str) -> InvalidInput:
    return InvalidInput(sentence, code=code, fields={"scan": [sentence]})
