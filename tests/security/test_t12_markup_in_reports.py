"""T12: markup in what people type stays text, on pages and on paper; nothing is fetched for it."""

import socket
import threading

import pytest

from lims.certificates.road import edit_draft
from lims.core.files import FileStore
from lims.core.permissions import Role
from lims.core.uow import UnitOfWork
from tests.reports.reading import reader as pdf_reader
from tests.reports.reading import squeezed, words_of
from tests.support.accounts import make_account, sign_in
from tests.support.backends import Backend
from tests.support.reports import House, make_house


@pytest.fixture
def house(uow: UnitOfWork) -> House:
    return make_house(uow)


@pytest.fixture
def canary():
    """A listener on the loopback that counts who knocks."""
    server = socket.create_server(("127.0.0.1", 0))
    server.settimeout(0.1)
    knocks: list[object] = []
    stop = threading.Event()

    def listen() -> None:
        while not stop.is_set():
            try:
                connection, who = server.accept()
            except TimeoutError:
                continue
            knocks.append(who)
            connection.close()

    thread = threading.Thread(target=listen)
    thread.start()
    yield server.getsockname()[1], knocks
    stop.set()
    thread.join()
    server.close()


def payloads(port: int) -> list[str]:
    return [
        f'<img src="http://127.0.0.1:{port}/a">',
        f"<link rel=attachment href=http://127.0.0.1:{port}/b>",
        '<iframe src="file:///etc/passwd"></iframe>',
        f'<style>@import url("http://127.0.0.1:{port}/c")</style>',
        "<script>alert(1)</script>",
        "{{ 7 * 7 }}",
    ]


def test_markup_stays_text_and_nothing_is_fetched(house, database: Backend, app, uow, canary):
    port, knocks = canary
    words = payloads(port)
    files = database.app.extensions["lims_settings"].files
    order = house.order("moisture", name=words[0])
    made = house.draft(order)
    edited = edit_draft(
        house.uow,
        actor=house.clerk,
        certificate_id=made.id,
        version=made.version,
        language="both",
        remarks_zh="".join(words),
        remarks_en=" ".join(words),
    )
    number = edited.id
    browser = sign_in(app.test_client(), make_account(uow, Role.REVIEWER))
    page = browser.get(f"/certificates/{number}").get_data(as_text=True)
    for word in words[:5]:
        assert word not in page
    assert "&lt;script&gt;alert(1)" in page
    pdf = browser.get(f"/certificates/{number}/preview.pdf").data
    printed = words_of(pdf)
    for word in words:
        assert squeezed(word) in printed
    assert "root:" not in printed
    assert b"/EmbeddedFile" not in pdf
    assert not any("/Annots" in page for page in pdf_reader(pdf).pages)
    assert knocks == []
    assert not list(FileStore(files).root.glob("*/*"))  # a preview is never kept
