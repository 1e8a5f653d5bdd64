"""What stands in the document stands in the PDF: read back with poppler, pypdf and a scanner."""

import re
from dataclasses import replace

import pytest

from reports.canonical import all_texts
from reports.document import Language, Text
from reports.pdf import Renderer
from tests.reports.papers import LANGUAGES, SUPERVISION, make_document, make_sample, many_rows
from tests.reports.reading import codes_on, fonts_of, pages_text, picture, reader, squeezed, words_of

NOT_PRINTED = {"https://yunling-lab.example/v/WT-2026-00017?c=7KQ4M2XD", "zh", "en", "both", "test_report"}
NOT_PRINTED |= {"pass", "fail", "not_judged"}


def printed_side(value: object, language: Language):
    """Every text that must be on paper in this language."""
    if isinstance(value, Text):
        yield from {
            Language.ZH: [value.zh or value.en],
            Language.EN: [value.en or value.zh],
            Language.BOTH: [value.zh, value.en],
        }[language]
    elif isinstance(value, tuple):
        for part in value:
            yield from printed_side(part, language)
    elif hasattr(value, "__dataclass_fields__"):
        for name in value.__dataclass_fields__:
            yield from printed_side(getattr(value, name), language)
    elif isinstance(value, str):
        yield str(value)


def assert_everything_is_printed(document, pdf: bytes) -> None:
    raw, laid = words_of(pdf), "".join(pages_text(pdf))
    missing = [
        text
        for text in set(printed_side(document, document.language)) - NOT_PRINTED
        if squeezed(text) not in raw and squeezed(text) not in laid
    ]
    assert missing == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_text_of_the_document_is_on_paper(renderer: Renderer, language):
    document = make_document(
        make_sample(sampling=SUPERVISION),
        language=language,
        deviations=Text("无偏离", "No deviation"),
        uncertainty=Text("扩展不确定度见各项目", "Expanded uncertainty as stated"),
        task_source=Text("市局监督抽检计划", "Supervision plan"),
        remarks=(Text("备样已封存", "Backup sample kept"),),
    )
    assert len(list(all_texts(document))) > 150
    assert_everything_is_printed(document, renderer.render(document))


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("rows", [1, 60])
def test_number_and_page_x_of_y_stand_on_every_page_and_the_head_repeats(renderer: Renderer, language, rows):
    pdf = renderer.render(make_document(make_sample(*many_rows(rows)), language=language))
    pages = pages_text(pdf)
    for place, page in enumerate(pages, start=1):
        assert "WT-2026-00017" in page
        if language is not Language.EN:
            assert f"第{place}页共{len(pages)}页" in page
        if language is not Language.ZH:
            assert f"Page{place}of{len(pages)}" in page
        if place >= 4 and rows == 60 and re.search(r"CFU/g", page):
            assert ("实测值" if language is not Language.EN else "Requirement") in page
    assert len(reader(pdf).pages) == len(pages)
    end = "以下空白" if language is not Language.EN else "Endofreport"
    assert [place for place, page in enumerate(pages) if end in page] == [len(pages) - 1]


def test_hundreds_of_rows_keep_every_number(renderer: Renderer):
    rows = tuple(
        replace(row, no=f"N{place}", results=(Text.same(f"{place}.{place:03d}"),))
        for place, row in enumerate(many_rows(400), start=1)
    )
    text = words_of(renderer.render(make_document(make_sample(*rows))))
    assert [n for n in range(1, 401) if f"{n}.{n:03d}" not in text] == []


def test_five_plate_counts_stay_five(renderer: Renderer):
    text = words_of(renderer.render(make_document()))
    assert "9.0×10³1.2×10⁴8.5×10³3.1×10⁴7.0×10³" in text


def test_many_samples_each_name_their_own_firm(renderer: Renderer):
    first = make_sample(producer=None)
    other = make_sample(number="S2026-000999", name=Text("米粉"), sampling=SUPERVISION)
    document = make_document(first, other)
    pdf = renderer.render(document)
    assert_everything_is_printed(document, pdf)
    assert "样品一览" in words_of(pdf)


def test_the_qr_code_on_the_cover_leads_to_the_verification_page(renderer: Renderer):
    document = make_document()
    assert ("QR Code", document.verify_url) in codes_on(picture(renderer.render(document)))


def test_fonts_are_embedded_and_chinese_is_ours(renderer: Renderer, tmp_path):
    fonts = fonts_of(renderer.render(make_document()), tmp_path)
    assert any("WenQuanYi" in font for font in fonts)
    for font in fonts:
        assert re.search(r"\byes\s+yes\s+yes\b", font), font  # embedded, subset, with Unicode


def test_the_file_is_pdf_a_3b_with_nothing_that_acts(renderer: Renderer):
    pdf = reader(renderer.render(make_document()))
    xmp = pdf.trailer["/Root"]["/Metadata"].get_data().decode()
    assert re.search(r'pdfaid:part(>|=")3', xmp)
    assert re.search(r'pdfaid:conformance(>|=")B', xmp)
    root = pdf.trailer["/Root"]
    assert "/OutputIntents" in root
    assert not {"/OpenAction", "/AA", "/AcroForm"} & set(root)
    assert not [page for page in pdf.pages if page.get("/Annots")]


def test_the_same_document_gives_the_same_bytes_in_another_process(renderer: Renderer):
    document = make_document(language=Language.BOTH)
    first = renderer.render(document)
    assert renderer.render(document) == first
    with Renderer() as other:
        other.render(make_document(number="WT-2026-00018"))
        assert other.render(document) == first


def test_a_changed_document_gives_another_identifier(renderer: Renderer):
    one = reader(renderer.render(make_document())).trailer["/ID"]
    two = reader(renderer.render(make_document(check_code="AAAA-BBBB"))).trailer["/ID"]
    assert one[0] != two[0]


def test_a_draft_says_so_on_every_page_and_an_issued_report_nowhere(renderer: Renderer):
    assert all("草" in page for page in pages_text(renderer.render(make_document(draft=True))))
    assert "草稿" not in words_of(renderer.render(make_document()))


def test_a_missing_mark_gives_its_reason_on_the_cover(renderer: Renderer):
    cover = pages_text(renderer.render(make_document()))[0]
    assert "220019120001" in cover
    assert "CNAS未使用该标志:二氧化硫不在认可范围内" in cover
