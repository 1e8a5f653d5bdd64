"""The frame of every page: scan box, language, help, errors."""

import re

import pytest

from lims.core.permissions import Role
from lims.ui import scanning
from lims.ui.pages import safe_path
from lims.ui.scanning import Found, clean, resolve
from tests.support.accounts import make_account, sign_in


@pytest.fixture
def browser(client, uow):
    client.environ_base["HTTP_ACCEPT_LANGUAGE"] = "en"
    return sign_in(client, make_account(uow, Role.ADMINISTRATOR))


# -- scanning ------------------------------------------------------------------------


@pytest.fixture
def codes(monkeypatch):
    """Two kinds of codes, the second asked only when the first does not know it."""
    asked = []
    monkeypatch.setattr(scanning, "_resolvers", {})

    def samples(_session, _actor, code):
        asked.append(code)
        return Found("/people", f"{code} 花生油") if code.startswith("YP") else None

    def anything(_session, _actor, code):
        return Found("/roles", code, "working") if code else None

    scanning.register("anything", anything, order=900)
    scanning.register("sample", samples, order=10)
    return asked


def test_a_scan_opens_what_the_code_names(browser, codes):
    assert browser.get("/scan?code=YP2026-1").location == "/people"
    assert browser.get("/scan?code=other").location == "/roles"


def test_a_scanner_is_answered_in_large_words(browser, codes):
    answer = browser.get("/scan?code=YP2026-1", headers={"Accept": "application/json"})
    assert answer.json == {"found": True, "href": "/people", "echo": "YP2026-1 花生油", "tone": "done"}


def test_what_nobody_knows_is_said(browser, monkeypatch):
    monkeypatch.setattr(scanning, "_resolvers", {})
    answer = browser.get("/scan?code=XX-1", headers={"Accept": "application/json"})
    assert answer.json == {"found": False, "sentence": "Nothing here is called XX-1.", "tone": "fault"}
    assert browser.get("/scan?code=XX-1").location == "/"
    assert "Nothing here is called XX-1." in browser.get("/").text
    assert (
        browser.get("/scan?code=", headers={"Accept": "application/json"}).json["sentence"]
        == "Nothing was scanned."
    )


@pytest.mark.parametrize(
    ("sent", "meant"),
    [
        ("  YP-1\r\n", "YP-1"),
        ("\x1dYP-1\x1d", "YP-1"),
        ("\x00YP\x001", "YP1"),
        ("YP-1" * 100, ("YP-1" * 100)[:200]),
        ("\u200bYP-1", "YP-1"),
    ],
)
def test_what_scanners_add_is_taken_off(sent, meant):
    assert clean(sent) == meant


@pytest.mark.parametrize(
    "code", ["%00", "%ED%A0%80", "' OR 1=1", "9" * 300, "<script>", "{{7*7}}", "%F0%9F%98%80"]
)
def test_no_code_breaks_the_house(browser, code):
    """With the resolvers of all rooms."""
    answer = browser.get(f"/scan?code={code}", headers={"Accept": "application/json"})
    assert answer.status_code == 200
    assert answer.json["found"] is False


def test_a_code_of_nothing_asks_nobody(codes, session):
    assert resolve(session, None, " \x1d ") is None
    assert codes == []


# -- language ------------------------------------------------------------------------


def test_the_reader_chooses_the_language(client):
    assert 'lang="zh-CN"' in client.get("/sign-in").text, "Chinese unless the browser asks otherwise"
    assert 'lang="en"' in client.get("/sign-in", headers={"Accept-Language": "en-GB,en"}).text
    assert 'lang="en"' in client.get("/sign-in?lang=en").text
    token = re.search(r'name="csrf_token" value="([^"]+)"', client.get("/sign-in").text)[1]
    answer = client.post(
        "/language", data={"csrf_token": token, "language": "en", "next": "/sign-in?next=/x"}
    )
    assert answer.location == "/sign-in?next=/x"
    assert 'lang="en"' in client.get("/sign-in").text


@pytest.mark.parametrize("language", ["fr", "", "zh_CN'", "../../etc"])
def test_a_language_that_we_do_not_speak_changes_nothing(browser, language):
    browser.post("/language", data={"language": language})
    assert 'lang="en"' in browser.get("/").text


def test_both_languages_stand_on_every_page(client):
    page = client.get("/sign-in").text
    assert 'value="zh" lang="zh-CN" aria-current="true">中文' in page
    assert 'value="en" lang="en">English' in page


@pytest.mark.parametrize("path", ["/x?y=1", "/"])
def test_paths_of_ours_are_kept(app, path):
    with app.test_request_context("/"):
        assert safe_path(path) == path


# -- help ----------------------------------------------------------------------------


def test_help_shows_the_keys_and_what_the_marks_mean(browser):
    page = browser.get("/help").text
    for key in ("/", "?", "Esc", "Enter", "Tab", "Space"):
        assert f"<kbd>{key}</kbd>" in page
    assert page.count('class="state state-') == 6


def test_every_page_carries_its_keys(browser):
    page = browser.get("/people").text
    template = page[page.index('<template id="keys-of-page">') :]
    assert "<kbd>/</kbd>" in template
    assert 'data-key="n"' in page


# -- errors --------------------------------------------------------------------------


def test_what_does_not_exist_has_a_page_with_a_way_out(browser):
    answer = browser.get("/nothing-here")
    assert answer.status_code == 404
    assert "Nothing here" in answer.text
    assert 'class="btn btn-sm btn-primary" href="/"' in answer.text
    assert '<nav class="side"' in answer.text


def test_what_is_not_open_says_whom_to_ask(client, uow):
    browser = sign_in(client, make_account(uow, Role.ANALYST))
    answer = browser.get("/people", headers={"Accept-Language": "en"})
    assert answer.status_code == 403
    assert "ask an administrator for the role" in answer.text


def test_a_wrong_method_says_so(browser):
    answer = browser.get("/people/1/retire")
    assert answer.status_code == 405
    assert "POST" in answer.headers["Allow"]


def test_programs_get_problem_details(browser):
    answer = browser.get("/api/nothing")
    assert (answer.status_code, answer.mimetype) == (404, "application/problem+json")
    assert answer.json["status"] == 404
    assert browser.get("/people/999", headers={"Accept": "application/json"}).json["code"] == "not_found"


def test_a_fault_of_ours_shows_a_number_and_nothing_else(gallery_app, caplog):
    page = gallery_app.test_client().get("/gallery/fault", headers={"Accept-Language": "en"})
    assert page.status_code == 500
    number = re.search(r"recorded under ([0-9a-f]{8})", page.text)[1]
    assert number in caplog.text
    assert "RuntimeError" not in page.text
    assert "Traceback" not in page.text


def test_a_page_that_is_too_large_is_refused(browser):
    answer = browser.post("/sections", data={"code": "x" * (9 * 1024 * 1024)})
    assert answer.status_code in {413, 422}


def test_missing_front_end_files_are_said_and_the_page_works(app, client, monkeypatch):
    monkeypatch.setitem(app.config, "VENDOR_PRESENT", False)
    page = client.get("/sign-in", headers={"Accept-Language": "en"}).text
    assert "script/setup" in page
    assert "htmx.min.js" not in page
    assert 'name="password"' in page
