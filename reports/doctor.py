"""What must be installed so that reports look as they should, asked of the machine itself."""

from dataclasses import dataclass

from reports.canonical import DocumentError
from reports.pdf import Renderer, RenderError
from reports.zpl import FONT_FAMILY, font_file

OLDEST_WEASYPRINT = 70  # older ones leak files and requests
OLDEST_PANGO = (1, 44)


@dataclass(frozen=True, slots=True)
class Finding:
    """One check: fit or not, and a sentence that says what to do."""

    fit: bool
    sentence: str


def examine(renderer: Renderer) -> list[Finding]:
    """Every check, also those that passed. Renders one Chinese word, which may take a second or two."""
    try:
        found = renderer.parts_found()
    except RenderError as exc:
        return [
            _font_installed(),
            Finding(False, f"PDF: the typesetter does not work ({exc.sentence}). Run script/setup again."),
        ]
    return [_font_installed(), _font_embedded(found["fonts"]), *_libraries(found)]


def _font_installed() -> Finding:
    try:
        return Finding(True, f"Font: {FONT_FAMILY} is installed ({font_file()}).")
    except DocumentError as exc:
        return Finding(False, f"Font: {exc.sentence}. Install the package fonts-wqy-zenhei.")


def _font_embedded(fonts: str) -> Finding:
    if FONT_FAMILY in fonts:
        return Finding(True, f"PDF: a Chinese word is set and embedded with {fonts}.")
    return Finding(
        False,
        f"PDF: Chinese is set with {fonts or 'no font'}, not {FONT_FAMILY}. "
        "Install fonts-wqy-zenhei, then run fc-cache.",
    )


def _libraries(found: dict[str, str]) -> list[Finding]:
    fast = bool(found["harfbuzz_subset"])
    pango = tuple(int(part) for part in found["pango"].split(".")[:2])
    new_enough = int(found["weasyprint"].split(".")[0]) >= OLDEST_WEASYPRINT
    return [
        Finding(fast, "PDF: fonts are reduced by HarfBuzz.")
        if fast
        else Finding(
            False,
            "PDF: libharfbuzz-subset is missing, reports take 2 to 17 times as long. "
            "Install the package libharfbuzz-subset0.",
        ),
        Finding(pango >= OLDEST_PANGO, f"PDF: Pango {found['pango']}."),
        Finding(
            new_enough,
            f"PDF: WeasyPrint {found['weasyprint']}"
            + ("." if new_enough else "; older than 70 it can leak files. Run script/setup again."),
        ),
    ]
