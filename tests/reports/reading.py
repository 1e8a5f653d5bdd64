"""Reading a PDF back with programs that are not ours: poppler, pypdf, ZXing."""

import subprocess
from io import BytesIO
from pathlib import Path

import zxingcpp
from PIL import Image
from pypdf import PdfReader


def reader(pdf: bytes) -> PdfReader:
    return PdfReader(BytesIO(pdf))


def pages_text(pdf: bytes) -> list[str]:
    """Text of each page as poppler reads it, without white space: lines break where paper ends."""
    raw = subprocess.run(
        ["pdftotext", "-layout", "-", "-"], input=pdf, capture_output=True, check=True
    ).stdout
    return ["".join(page.split()) for page in raw.decode().split("\f")[:-1]]


def squeezed(text: str) -> str:
    return "".join(text.split())


def words_of(pdf: bytes) -> str:
    """All text in content order, without white space."""
    raw = subprocess.run(["pdftotext", "-raw", "-", "-"], input=pdf, capture_output=True, check=True).stdout
    return squeezed(raw.decode())


def fonts_of(pdf: bytes, folder: Path) -> list[str]:
    path = folder / "fonts.pdf"
    path.write_bytes(pdf)
    listed = subprocess.run(["pdffonts", path], capture_output=True, check=True, text=True).stdout
    return listed.splitlines()[2:]


def picture(pdf: bytes, page: int = 1, dpi: int = 150) -> Image.Image:
    png = subprocess.run(
        ["pdftoppm", "-r", str(dpi), "-f", str(page), "-l", str(page), "-png", "-"],
        input=pdf,
        capture_output=True,
        check=True,
    ).stdout
    return Image.open(BytesIO(png))


def codes_on(image: Image.Image) -> list[tuple[str, str]]:
    """(kind, text) of every code that a scanner finds."""
    return [(str(code.format), code.text) for code in zxingcpp.read_barcodes(image)]
