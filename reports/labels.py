"""Sample labels by millimetre: a code that scanners read, and a few lines that people read.

``Renderer.render_labels`` makes the PDF, one page a label; ``reports.zpl`` speaks to label printers.
"""

import math
from dataclasses import dataclass
from enum import StrEnum

from barcode.codex import Code128
from barcode.errors import BarcodeError
from markupsafe import Markup

from reports.canonical import DocumentError, decode, encode
from reports.html import page_of, qr_svg

SMALLEST_MM, LARGEST_MM = 10, 300


class CodeKind(StrEnum):
    QR = "qr"
    CODE128 = "code128"


@dataclass(frozen=True, slots=True)
class Label:
    """``code``: what the scanner types, printed in letters as well. ``badge``: a short state in a frame."""

    code: str
    heading: str
    lines: tuple[str, ...] = ()
    badge: str = ""


@dataclass(frozen=True, slots=True)
class LabelSheet:
    """Labels of one size, in mm. ``dots_per_mm``: of the printer, for ZPL only (8 = 203 dpi, 12 = 300 dpi)."""

    width_mm: int
    height_mm: int
    labels: tuple[Label, ...]
    code_kind: CodeKind = CodeKind.QR
    dots_per_mm: int = 8

    def __post_init__(self) -> None:
        for side in (self.width_mm, self.height_mm):
            if not SMALLEST_MM <= side <= LARGEST_MM:
                raise DocumentError(
                    "label_size", f"a label side must be {SMALLEST_MM} to {LARGEST_MM} mm, not {side}"
                )
        if self.dots_per_mm not in (6, 8, 12, 24):
            raise DocumentError("label_dots", "label printers have 6, 8, 12 or 24 dots per mm")
        if not self.labels:
            raise DocumentError("label_none", "there is no label to print")


def to_json(sheet: LabelSheet) -> bytes:
    return encode(sheet)


def from_json(raw: bytes) -> LabelSheet:
    """Raises DocumentError on anything missing, unknown or of the wrong type."""
    return decode(LabelSheet, raw)


def code128_modules(code: str) -> str:
    """Bars and spaces of Code 128 as ones and zeros, without quiet zones. ASCII only."""
    if not code or not code.isascii() or not code.isprintable():
        raise DocumentError(
            "code128_text", "Code 128 holds letters, digits and signs of ASCII; use QR instead"
        )
    try:
        built = Code128(code).build()
    except BarcodeError as exc:
        raise DocumentError("code128_text", f"Code 128 cannot hold {code}: {exc}") from exc
    return str(built[0])


def code128_svg(code: str) -> Markup:
    modules = code128_modules(code)
    bars = []
    start = 0
    for place in range(1, len(modules) + 1):
        if place == len(modules) or modules[place] != modules[start]:
            if modules[start] == "1":
                bars.append(f"M{start} 0h{place - start}v1h-{place - start}z")
            start = place
    drawing = '<svg class="bars" viewBox="0 0 {} 1" preserveAspectRatio="none"><path d="{}"/></svg>'
    return Markup(drawing).format(len(modules), "".join(bars))  # noqa: S704 - our own digits


def labels_html(sheet: LabelSheet) -> str:
    draw = qr_svg if sheet.code_kind is CodeKind.QR else code128_svg
    return page_of("labels.html.j2", sheet=sheet, draw=draw, title=sheet.labels[0].code)


def page_css(sheet: LabelSheet) -> str:
    """Sizes of this sheet in millimetres; numbers of ours only, never text of a label."""
    width, height = sheet.width_mm, sheet.height_mm
    margin = max(1.0, min(2.0, height / 20))
    qr_side = min(height - 2 * margin, 0.46 * (width - 2 * margin))
    letter = max(1.5, min(4.2, height / 10, width / 18))
    bars_width = width - 2 * margin - 4  # two more millimetres of quiet zone on each side
    return (
        f"@page {{ size: {width}mm {height}mm; margin: 0 }}"
        f".label {{ width: {width}mm; height: {height}mm; padding: {margin}mm; font-size: {letter:.2f}mm }}"
        f".inside {{ height: {height - 2 * margin:.2f}mm }}"
        f".qr-box {{ width: {qr_side:.2f}mm }} .qr-box svg {{ width: {qr_side:.2f}mm; height: {qr_side:.2f}mm }}"
        f".text {{ max-height: {height - 2 * margin:.2f}mm }}"
        f"svg.bars {{ width: {bars_width:.2f}mm; height: {max(5.0, height * 0.38):.2f}mm; margin: 0 2mm }}"
    )


def dots(sheet: LabelSheet, millimetres: float) -> int:
    return math.floor(millimetres * sheet.dots_per_mm)
