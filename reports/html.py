"""Turns a frozen document into one HTML page for the typesetter. Every value is escaped."""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import segno
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from reports.canonical import DocumentError
from reports.document import CertificateDocument, Language, Party, SampleBlock, Text
from reports.letter import LetterDocument
from reports.standards_check import StandardsCheckDocument
from reports.wording import WORDS

TEMPLATES = Path(__file__).with_name("templates")
# Letters that turn the reading direction around could show 01.0 as 0.10: they are printed by name.
_HIDDEN = re.compile(
    "[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]"
)


def visible(value: object) -> object:
    """Show control and direction characters by their code, so that paper shows what is stored."""
    if isinstance(value, Markup) or not isinstance(value, str):
        return value
    return _HIDDEN.sub(lambda found: f"[U+{ord(found[0]):04X}]", value)


def qr_svg(content: str) -> Markup:
    """QR code (error level M) as inline SVG one module a unit; the style sheet gives its size."""
    try:
        code = segno.make_qr(content, error="m")
    except segno.DataOverflowError as exc:
        raise DocumentError("qr_too_long", "the address for the QR code is too long to be scanned") from exc
    return Markup(code.svg_inline(omitsize=True, border=0, dark="#000000", svgclass="qr", lineclass=None))  # noqa: S704


@dataclass(frozen=True, slots=True)
class Cell:
    label: Markup
    value: object
    wide: bool


class Grid:
    """Labels and values for a table of two columns; what has no value is left out."""

    def __init__(self, label: Callable[[str], Markup]) -> None:
        self._label = label
        self.rows: list[list[Cell]] = []
        self._open = False  # the last row has room for one more

    def pair(self, name: str, value: object) -> None:
        self.named(self._label(name), value)

    def named(self, label: Markup, value: object) -> None:
        if not value:
            return
        if self._open:
            first = self.rows[-1][0]
            self.rows[-1] = [replace(first, wide=False), Cell(label, value, False)]
        else:
            self.rows.append([Cell(label, value, True)])  # alone in its row until a second one comes
        self._open = not self._open

    def wide(self, name: str, value: object) -> None:
        if value:
            self.rows.append([Cell(self._label(name), value, True)])
            self._open = False


class Voice:
    """Speaks texts in the language of the document."""

    def __init__(self, language: Language) -> None:
        self.language = language

    def parts(self, text: Text) -> list[tuple[str, str]]:
        """(language, words), one or two of them; an empty side falls back to the other."""
        zh, en = text.zh or text.en, text.en or text.zh
        if self.language is Language.ZH:
            return [("zh", zh)] if zh else []
        if self.language is Language.EN:
            return [("en", en)] if en else []
        return [("zh", zh), ("en", en)] if zh != en else [("zh", zh)] if zh else []

    def say(self, text: Text) -> Markup:
        spans = [
            Markup('<span class="t {}" lang="{}">{}</span>').format(place, lang, visible(words))
            for place, (lang, words) in zip(("first", "second"), self.parts(text), strict=False)
        ]
        return Markup(" ").join(spans)

    def label(self, name: str) -> Markup:
        return self.say(WORDS[name])

    def plain(self, text: Text) -> str:
        return " / ".join(str(visible(words)) for _, words in self.parts(text))


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        extensions=["jinja2.ext.do"],
        undefined=StrictUndefined,
        finalize=visible,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment


@cache
def style_sheet(name: str = "paper.css") -> str:
    return (TEMPLATES / name).read_text("utf-8")


def certificate_html(document: CertificateDocument) -> str:
    """The whole report: cover, notes, summary, results."""
    return _render(
        "certificate.html.j2",
        document,
        document.language,
        qr=qr_svg(document.verify_url) if document.verify_url else Markup(""),
        wide_scope=any(row.marks for sample in document.samples for row in sample.items),
        starred=any(row.starred for sample in document.samples for row in sample.items),
        producer=_shared(document, lambda sample: sample.producer),
        sampled_firm=_shared(document, lambda sample: sample.sampled_firm),
        item_count=sum(len(sample.items) for sample in document.samples),
        grid=lambda: Grid(Voice(document.language).label),
        cover=_cover_class(document),
        title_parts=Voice(document.language).parts(document.title),
        code_parts=_in_fours(document.check_code),
        photos=[photo for sample in document.samples for photo in sample.photos],
        created=iso_day(document.issued_on),
    )


def _in_fours(code: str) -> list[str]:
    """A long code in groups that an eye can hold; set apart by space only, so that it copies as one."""
    if len(code) < 8 or not code.isalnum():
        return [code]
    return [code[start : start + 4] for start in range(0, len(code), 4)]


def letter_html(letter: LetterDocument) -> str:
    return _render("letter.html.j2", letter, letter.language, created=iso_day(letter.dated))


def standards_check_html(sheet: StandardsCheckDocument) -> str:
    return _render("standards_check.html.j2", sheet, sheet.language, created=iso_day(sheet.dated))


def iso_day(printed: str) -> str:
    """The printed date as PDF metadata wants it; empty where it is not a plain ISO day."""
    return printed if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", printed) else ""


def _cover_class(document: CertificateDocument) -> str:
    """Long names need a tighter cover, and monstrous ones may run on to the next page, never overlap."""
    voice = Voice(document.language)
    firms = [document.customer, *(firm for sample in document.samples[:1] for firm in _firms(sample))]
    names = [document.title, document.laboratory.name, *(firm.name for firm in firms)]
    names += [sample.name for sample in document.samples[:1]]
    length = sum(len(voice.plain(name)) for name in names)
    return "flowing" if length > 1_000 else "dense" if length > 260 else ""


def _firms(sample: SampleBlock) -> list[Party]:
    return [firm for firm in (sample.producer, sample.sampled_firm) if firm is not None]


def _shared(document: CertificateDocument, pick: Callable[[SampleBlock], Party | None]) -> Party | None:
    """The firm that all samples have in common; None where they differ: then each sample names its own."""
    firms = {pick(sample) for sample in document.samples}
    return firms.pop() if len(firms) == 1 else None


def _render(
    template: str,
    document: CertificateDocument | LetterDocument | StandardsCheckDocument,
    language: Language,
    **more: object,
) -> str:
    voice = Voice(language)
    return page_of(
        template, doc=document, t=voice.say, label=voice.label, plain=voice.plain, lang=language, **more
    )


def page_of(template: str, **values: object) -> str:
    return _environment().get_template(template).render(**values)
