"""T12, T13: whatever stands in a field is printed as text, fetches nothing, and cannot hang the house."""

import dataclasses
import hashlib
import os
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image
from weasyprint import HTML

from reports.document import Language, Photo, Text
from reports.labels import Label, LabelSheet
from reports.pdf import PATIENCE, Renderer, RenderError
from tests.reports.papers import SUPERVISION, make_document, make_letter, make_sample
from tests.reports.reading import picture as picture_of
from tests.reports.reading import reader, squeezed, words_of


@pytest.fixture
def canary():
    """A server on this machine that must never be asked for anything."""
    hits: list[str] = []

    class Canary(BaseHTTPRequestHandler):
        def do_GET(self):
            hits.append(self.path)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_):
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Canary)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", hits
    server.shutdown()
    server.server_close()
    thread.join()


def payloads(address: str) -> list[str]:
    return [
        f'<img src="{address}/img">',
        f'<link rel="stylesheet" href="{address}/css">',
        f'<style>@import url("{address}/import"); body {{ background: url({address}/bg) }}</style>',
        f'"><object data="{address}/object"></object>',
        f'<svg><image href="{address}/svg"/></svg>',
        f"</style></div><iframe src='{address}/frame'></iframe>",
        f"url({address}/bare)",
        '<img src="file:///etc/passwd">',
        '<link rel="attachment" href="file:///etc/passwd">',
        "{{ 7 * 7 }}{% for x in y %}",
        "<script>alert(1)</script>",
        "‮0.01‬",
        "<!-- ",
        "]]>&lt;b&gt;&#x3c;",
    ]


def poisoned(value: object, payload: str) -> object:
    """The same document with ``payload`` in every text that is free text."""
    if isinstance(value, Text):
        return Text(payload, payload)
    if type(value) is str:
        return payload
    if isinstance(value, tuple):
        return tuple(poisoned(part, payload) for part in value)
    if dataclasses.is_dataclass(value):
        return dataclasses.replace(
            value,
            **{f.name: poisoned(getattr(value, f.name), payload) for f in dataclasses.fields(value)},
        )
    return value


def test_html_in_every_field_is_printed_and_fetches_nothing(renderer: Renderer, canary):
    address, hits = canary
    clean = make_document(make_sample(sampling=SUPERVISION), language=Language.BOTH)
    for payload in payloads(address):
        pdf = renderer.render(poisoned(clean, payload))
        renderer.render_letter(poisoned(make_letter(), payload))
        renderer.render_labels(LabelSheet(60, 40, (Label(payload[:60], payload, (payload,), payload),)))
        text = words_of(pdf)
        shown = payload.replace("\u202e", "[U+202E]").replace("\u202c", "[U+202C]")
        assert squeezed(shown) in text
        assert "root:x:" not in text
        assert not reader(pdf).attachments
    assert hits == []


def test_the_canary_would_have_sung(canary):
    """Negative control: the same typesetter without our fetcher does ask the server."""
    address, hits = canary
    HTML(string=f'<img src="{address}/img">').write_pdf(BytesIO())
    assert hits == ["/img"]


def test_a_text_that_turns_its_reading_direction_is_shown_by_its_code(renderer: Renderer):
    document = make_document(make_sample(name=Text("‮饼婆老")))
    assert "[U+202E]饼婆老" in words_of(renderer.render(document))


def test_arabic_is_printed_and_stays_in_its_cell(renderer: Renderer):
    text = words_of(renderer.render(make_document(make_sample(name=Text("كعك 12")))))
    assert "S2026-000123" in text


def test_a_letter_without_a_shape_stops_an_issued_report_but_not_a_draft(renderer: Renderer):
    strange = make_sample(name=Text("饼\U0001f9c1"))
    with pytest.raises(RenderError, match=r"U\+1F9C1") as refused:
        renderer.render(make_document(strange))
    assert refused.value.code == "glyph_missing"
    assert renderer.render(make_document(strange, draft=True)).startswith(b"%PDF")


def test_a_word_of_a_million_letters_is_refused_at_once(renderer: Renderer):
    started = time.monotonic()
    with pytest.raises(RenderError, match="1000000 characters") as refused:
        renderer.render(make_document(make_sample(name=Text("W" * 1_000_000))))
    assert refused.value.code == "text_too_long"
    assert time.monotonic() - started < 2


def test_too_many_rows_are_refused_at_once(renderer: Renderer):
    row = make_sample().items[0]
    with pytest.raises(RenderError) as refused:
        renderer.render(make_document(make_sample(*[row] * 5_001)))
    assert refused.value.code == "document_too_long"


def test_what_takes_too_long_is_killed_in_time_and_the_next_report_works():
    heavy = make_document(remarks=tuple(Text("W" * 19_000) for _ in range(300)))
    with Renderer(seconds=3) as limited:
        limited.warm_up()
        started = time.monotonic()
        with pytest.raises(RenderError) as refused:
            limited.render(heavy)
        assert refused.value.code == "render_timeout"
        assert time.monotonic() - started < 3 * PATIENCE + 2
    with Renderer() as fresh:
        assert fresh.render(make_document()).startswith(b"%PDF")


def test_a_killed_child_is_replaced(renderer: Renderer):
    with Renderer() as own:
        first = own.render(make_document())
        worker = own._idle.queue[-1]
        os.kill(worker.pid, 9)
        worker._process.wait()
        assert own.render(make_document()) == first


def test_memory_is_limited():
    with Renderer(memory_mb=400) as small:
        picture = BytesIO()
        Image.new("RGB", (12_000, 12_000)).save(picture, "PNG")
        photo = picture.getvalue()
        document = make_document(make_sample(photos=(Photo(hashlib.sha256(photo).hexdigest()),)))
        with pytest.raises(RenderError) as refused:
            small.render(document, [photo])
        assert refused.value.code in {"render_memory", "photo_unreadable", "render_crashed", "render_failed"}
        assert small.render(make_document()).startswith(b"%PDF")


def test_threads_share_one_renderer(renderer: Renderer):
    expected = renderer.render(make_document())
    answers: list[bytes] = []
    threads = [
        threading.Thread(target=lambda: answers.append(renderer.render(make_document()))) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [expected] * 4


def test_a_photo_is_printed_only_if_its_bytes_are_the_named_ones(renderer: Renderer):
    picture = BytesIO()
    Image.new("RGB", (320, 240), "#3a6").save(picture, "JPEG")
    photo = picture.getvalue()
    document = make_document(
        make_sample(photos=(Photo(hashlib.sha256(photo).hexdigest(), Text("收样照片", "As received")),))
    )
    pdf = renderer.render(document, [photo])
    last = picture_of(pdf, len(reader(pdf).pages), dpi=50).convert("RGB")
    green = sum(
        count
        for count, colour in last.getcolors(1 << 20)
        if max(map(abs, (colour[0] - 51, colour[1] - 170, colour[2] - 102))) < 6
    )
    assert green > 0.05 * last.width * last.height
    for wrong in ([], [photo + b" "]):
        with pytest.raises(RenderError) as refused:
            renderer.render(document, wrong)
        assert refused.value.code == "photo_missing"


@pytest.mark.parametrize("body", [b"GIF89a", b"<svg/>", b"\xff\xd8\xffbroken"])
def test_a_photo_that_is_no_picture_gives_a_sentence(renderer: Renderer, body):
    document = make_document(make_sample(photos=(Photo(hashlib.sha256(body).hexdigest()),)))
    with pytest.raises(RenderError) as refused:
        renderer.render(document, [body])
    assert refused.value.code == "photo_unreadable"


def test_an_address_too_long_for_a_qr_code_gives_a_sentence(renderer: Renderer):
    with pytest.raises(RenderError) as refused:
        renderer.render(make_document(verify_url="https://x/" + "a" * 5_000))
    assert refused.value.code == "qr_too_long"


def test_no_template_marks_text_as_safe():
    folder = Path(__file__).parents[2] / "reports" / "templates"
    for template in folder.glob("*.j2"):
        source = template.read_text("utf-8")
        assert "|safe" not in source.replace(" ", "")
        assert "autoescape" not in source
    assert "url(" not in (folder / "paper.css").read_text("utf-8").replace("without url()", "")
