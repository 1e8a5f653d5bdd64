"""Photos of samples: what the bytes are decides, never what the sender says."""

from flask_babel import gettext as _

from lims.core.errors import InvalidInput

MAX_BYTES = 8 * 1024 * 1024
# A picture of more than this many points is a bomb, not a photo of a sample.
MAX_POINTS = 60_000_000


def media_type_of(content: bytes) -> str:
    """``image/jpeg`` or ``image/png``: what a report can print. Raises InvalidInput (field ``photo``)."""
    if not content:
        raise _refused("photo_empty", _("The photo is empty."))
    if len(content) > MAX_BYTES:
        raise _refused("photo_too_big", _("A photo has at most %(n)s MB.", n=MAX_BYTES // 1024 // 1024))
    found = _size(content)
    if found is None:
        raise _refused("photo_unknown", _("Photos are JPEG or PNG."))
    kind, width, height = found
    if width < 1 or height < 1 or width * height > MAX_POINTS:
        raise _refused("photo_too_big", _("This picture has too many points."))
    return kind


def _refused(code: str, sentence: str) -> InvalidInput:
    return InvalidInput(sentence, code=code, fields={"photo": [sentence]})


def _size(content: bytes) -> tuple[str, int, int] | None:
    """Kind, width and height; None where these are not whole heads of a picture."""
    if content.startswith(b"\x89PNG\r\n\x1a\n") and content[12:16] == b"IHDR" and len(content) > 45:
        return "image/png", _big(content[16:20]), _big(content[20:24])
    if content.startswith(b"\xff\xd8\xff"):
        return _jpeg(content)
    return None


def _jpeg(content: bytes) -> tuple[str, int, int] | None:
    """Walk the segments to the frame header, which holds the size."""
    place = 2
    for _step in range(200):
        if content[place : place + 1] != b"\xff" or place + 9 > len(content):
            return None
        marker = content[place + 1]
        if marker == 0xFF:
            place += 1
            continue
        length = _big(content[place + 2 : place + 4])
        if 0xC0 <= marker <= 0xCF and marker not in {0xC4, 0xC8, 0xCC}:
            return "image/jpeg", _big(content[place + 7 : place + 9]), _big(content[place + 5 : place + 7])
        if marker in {0xD9, 0xDA} or length < 2:
            return None
        place += 2 + length
    return None


def _big(raw: bytes) -> int:
    return int.from_bytes(raw, "big")
