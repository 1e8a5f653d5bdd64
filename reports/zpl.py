"""Labels in ZPL II for Zebra and compatible printers.

ASCII is set with the printer's own font. Chinese is sent as a picture (``^GFA``): most printers on a
desk carry no Chinese font, and a label full of boxes is found only after it was stuck on the sample.
"""

import shutil
import subprocess
from functools import lru_cache

import segno
from PIL import Image, ImageDraw, ImageFont

from reports.canonical import DocumentError
from reports.html import visible
from reports.labels import CodeKind, Label, LabelSheet, code128_modules, dots

FONT_FAMILY = "WenQuanYi Zen Hei"


def labels_zpl(sheet: LabelSheet) -> bytes:
    """One ``^XA … ^XZ`` a label, UTF-8. Raises DocumentError where a code or a font cannot serve."""
    return "\n".join(_label(sheet, label) for label in sheet.labels).encode() + b"\n"


def _label(sheet: LabelSheet, label: Label) -> str:
    margin = dots(sheet, max(1.0, min(2.0, sheet.height_mm / 20)))
    head = f"^XA^CI28^PW{dots(sheet, sheet.width_mm)}^LL{dots(sheet, sheet.height_mm)}^LH0,0"
    letter = dots(sheet, max(1.8, min(4.2, sheet.height_mm / 10, sheet.width_mm / 18)))
    if sheet.code_kind is CodeKind.QR:
        code, left, top = _qr(sheet, label.code, margin)
    else:
        code, left, top = _bars(sheet, label.code, margin)
    room = dots(sheet, sheet.width_mm) - left - margin
    lines = [label.code, label.heading, *label.lines]
    body: list[str] = []
    for line in [*lines, *([f"[{label.badge}]"] if label.badge else [])]:
        if top + letter > dots(sheet, sheet.height_mm) - margin:
            break  # paper ends here; the code and its number come first
        body.append(_text(str(visible(line)), left, top, letter, room))
        top += letter * 5 // 4
    return head + code + "".join(body) + "^PQ1^XZ"


def _qr(sheet: LabelSheet, code: str, margin: int) -> tuple[str, int, int]:
    """The QR field; where text starts: x beside it, y at the top."""
    try:
        modules = int(segno.make_qr(code, error="m").symbol_size(border=0)[0])
    except segno.DataOverflowError as exc:
        raise DocumentError("qr_too_long", "this code is too long for a QR code") from exc
    side = min(dots(sheet, sheet.height_mm) - 2 * margin, dots(sheet, sheet.width_mm) * 46 // 100)
    scale = max(1, min(10, side // int(modules)))
    field = f"^FO{margin},{margin}^BQN,2,{scale}^FH_^FDMA,{_escaped(code)}^FS"
    return field, margin + modules * scale + dots(sheet, 1.5), margin


def _bars(sheet: LabelSheet, code: str, margin: int) -> tuple[str, int, int]:
    """The Code 128 field; text starts under it."""
    modules = len(code128_modules(code))
    width = dots(sheet, sheet.width_mm) - 2 * margin
    scale = min(10, width // modules)
    if scale < 1:
        raise DocumentError("code128_width", f"{code} does not fit a label {sheet.width_mm} mm wide; use QR")
    height = dots(sheet, max(5.0, sheet.height_mm * 0.38))
    left = margin + (width - modules * scale) // 2
    # In Code 128 fields ">" opens a command; ">0" is the sign itself.
    content = _escaped(code.replace(">", ">0"))
    field = f"^FO{left},{margin}^BY{scale}^BCN,{height},N,N,N^FH_^FD{content}^FS"
    return field, margin, margin + height + dots(sheet, 0.8)


def _text(line: str, left: int, top: int, letter: int, room: int) -> str:
    if line.isascii():
        return f"^FO{left},{top}^A0N,{letter},0^FB{room},1,0,L^FH_^FD{_escaped(line)}^FS"
    picture = text_picture(line, letter, room)
    if picture is None:
        return ""
    row_bytes, raw = picture
    return f"^FO{left},{top}^GFA,{len(raw)},{len(raw)},{row_bytes},{raw.hex().upper()}^FS"


def text_picture(line: str, letter: int, room: int) -> tuple[int, bytes] | None:
    """A line as black dots, ``letter`` dots high and at most ``room`` wide: (bytes a row, rows)."""
    font = _font(letter)
    width = min(room, int(font.getlength(line)) + 2)
    if width < 1:
        return None
    width = (width + 7) // 8 * 8
    canvas = Image.new("1", (width, letter * 5 // 4), 1)
    ImageDraw.Draw(canvas).text((0, 0), line, font=font, fill=0)
    # ZPL prints ones; PIL keeps white as one.
    return width // 8, bytes(byte ^ 0xFF for byte in canvas.tobytes())


def _escaped(text: str) -> str:
    """Field data behind ``^FH_``: the signs that ZPL itself reads are written by their code."""
    return "".join(f"_{ord(c):02X}" if c in "^~_\\" or ord(c) < 32 else c for c in text)


@lru_cache(maxsize=16)
def _font(size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(font_file(), size)


@lru_cache(maxsize=1)
def font_file() -> str:
    """The file of our Chinese font, asked of fontconfig."""
    asked = shutil.which("fc-match")
    if asked is None:
        raise DocumentError("font_missing", "fontconfig (fc-match) is not installed")
    found = subprocess.run(  # noqa: S603 - fixed words
        [asked, "-f", "%{family}|%{file}", FONT_FAMILY],
        capture_output=True,
        text=True,
        timeout=10,
        check=True,
    ).stdout
    family, _, path = found.partition("|")
    if FONT_FAMILY not in family:
        raise DocumentError("font_missing", f"the font {FONT_FAMILY} is not installed (fonts-wqy-zenhei)")
    return path
