"""Labels are read back by a scanner; letters by poppler; ZPL by reading its commands."""

import re

import pytest
from PIL import Image

from reports.canonical import DocumentError
from reports.labels import CodeKind, Label, LabelSheet
from reports.pdf import Renderer, RenderError
from reports.zpl import labels_zpl
from tests.reports.papers import LANGUAGES, make_letter
from tests.reports.reading import codes_on, pages_text, picture, reader, words_of

LABELS = (
    Label("S2026-000123", "老婆饼", ("批号 20261118A", "收样 2026-11-20"), "待检"),
    Label("S2026-000124", "蛋黄酥", ("备样",), "留样"),
)


@pytest.mark.parametrize(
    ("kind", "named", "size"),
    [
        (CodeKind.QR, "QR Code", (50, 30)),
        (CodeKind.QR, "QR Code", (40, 20)),
        (CodeKind.QR, "QR Code", (100, 70)),
        (CodeKind.CODE128, "Code 128", (50, 30)),
        (CodeKind.CODE128, "Code 128", (70, 40)),
    ],
)
def test_a_scanner_reads_every_label_of_its_size(renderer: Renderer, kind, named, size):
    pdf = renderer.render_labels(LabelSheet(*size, LABELS, kind))
    pages = reader(pdf).pages
    assert len(pages) == len(LABELS)
    for place, label in enumerate(LABELS):
        box = pages[place].mediabox
        assert [round(float(side) / 72 * 25.4) for side in (box.width, box.height)] == list(size)
        assert (named, label.code) in codes_on(picture(pdf, place + 1, dpi=300))
        assert label.code in pages_text(pdf)[place]


def test_a_name_that_is_too_long_never_makes_a_second_page_or_hides_the_code(renderer: Renderer):
    long = Label("S2026-000125", "很长的样品名称" * 60, ("W" * 400,), "待检")
    pdf = renderer.render_labels(LabelSheet(50, 30, (long, LABELS[0])))
    assert len(reader(pdf).pages) == 2
    assert ("QR Code", long.code) in codes_on(picture(pdf, dpi=300))


@pytest.mark.parametrize("size", [(9, 30), (50, 301), (0, 0), (-5, 20)])
def test_a_size_no_printer_has_is_refused(size):
    with pytest.raises(DocumentError) as refused:
        LabelSheet(*size, LABELS)
    assert refused.value.code == "label_size"


def test_code_128_refuses_chinese_with_a_sentence(renderer: Renderer):
    with pytest.raises(RenderError, match="use QR") as refused:
        renderer.render_labels(LabelSheet(50, 30, (Label("样品", "x"),), CodeKind.CODE128))
    assert refused.value.code == "code128_text"


def graphics(zpl: str) -> list[Image.Image]:
    """The pictures of ``^GFA`` fields, as the printer would put them on paper (black is ink)."""
    found = []
    for total, stored, row, raw in re.findall(r"\^GFA,(\d+),(\d+),(\d+),([0-9A-F]+)\^FS", zpl):
        dots = bytes.fromhex(raw)
        assert int(total) == int(stored) == len(dots)
        inverted = bytes(byte ^ 0xFF for byte in dots)
        found.append(Image.frombytes("1", (int(row) * 8, len(dots) // int(row)), inverted))
    return found


def test_zpl_holds_code_and_words_and_draws_chinese():
    zpl = labels_zpl(LabelSheet(50, 30, LABELS)).decode()
    assert zpl.count("^XA") == zpl.count("^XZ") == 2
    assert "^CI28^PW400^LL240" in zpl
    assert "^BQN,2," in zpl
    assert "^FDMA,S2026-000123^FS" in zpl
    assert not re.search(r"[^\x00-\x7f]", zpl)
    pictures = graphics(zpl)
    assert len(pictures) == 7  # heading, two lines and badge; heading, line and badge
    for drawn in pictures:
        ink = sum(1 for dot in drawn.convert("L").tobytes() if dot == 0)
        assert 0.03 < ink / (drawn.width * drawn.height) < 0.6


@pytest.mark.parametrize("kind", CodeKind)
def test_nothing_in_a_text_can_speak_to_the_printer(kind):
    nasty = Label("A^XZ~JR_5E\\>;1", "^XA^FDboom^FS", ("~DG~",), "")
    zpl = labels_zpl(LabelSheet(100, 60, (nasty,), kind)).decode()
    assert zpl.count("^XA") == zpl.count("^XZ") == 1
    assert "~" not in zpl
    code = re.search(r"\^FH_\^FD(?:MA,)?([^^]*)\^FS", zpl)[1]
    plain = re.sub(r"_([0-9A-F]{2})", lambda m: chr(int(m[1], 16)), code)
    if kind is CodeKind.CODE128:
        plain = plain.replace(">0", ">")
    assert plain == nasty.code


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_refusal_letter_is_one_page_and_says_all(renderer: Renderer, language):
    pdf = renderer.render_letter(make_letter(language=language))
    assert len(reader(pdf).pages) == 1
    text = words_of(pdf)
    for expected in ("退样〔2026〕7号", "S2026-000124", "2026-11-22", "林晓"):
        assert expected in text
    assert ("封条破损，样品量不足" in text) is (language != "en")
    assert ("Sealbroken;amounttoosmall" in text) is (language != "zh")
