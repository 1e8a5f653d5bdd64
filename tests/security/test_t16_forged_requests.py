"""T16: requests forged by other sites, foreign frames, and ways out to other sites."""

import re
from dataclasses import replace

import pytest

from lims.app import create_app
from lims.core.permissions import Role
from tests.support.accounts import PASSWORD, code_now, make_account, sign_in
from tests.support.backends import settings_for

FORM = {"language": "en"}
ELSEWHERE = (
    "https://evil.example/",
    "//evil.example/",
    "/\\evil.example",
    "\\\\evil.example",
    "/\t/evil.example",
    "https:evil.example",
    "javascript:alert(1)",
    "http:///evil.example",
    "evil.example",
    "/%0d%0aSet-Cookie:x=1\r\nLocation: //evil.example",
    " //evil.example",
    "/\u2028/evil.example",
)


@pytest.fixture
def analyst(uow):
    return make_account(uow, Role.ANALYST)


def test_a_post_needs_the_token_of_this_browser(app, analyst):
    """test_access.py asks this of every address; here is whose token it must be."""
    mine, other = app.test_client(), app.test_client()
    sign_in(mine, analyst)
    sign_in(other, analyst)
    assert mine.post("/account/language", data=FORM).status_code == 302
    stolen = {"X-CSRFToken": other.environ_base["HTTP_X_CSRFTOKEN"]}
    assert mine.post("/account/language", data=FORM, headers=stolen).status_code == 400
    assert (
        mine.post(
            "/account/language", data={**FORM, "csrf_token": "x"}, headers={"X-CSRFToken": ""}
        ).status_code
        == 400
    )


def test_a_form_with_a_part_that_has_no_name_is_a_bad_request(app, analyst):
    browser = sign_in(app.test_client(), analyst, csrf=False)
    body = b"--b\r\nContent-Disposition: form-data\r\n\r\nx\r\n--b--\r\n"
    answer = browser.post("/account/language", data=body, content_type="multipart/form-data; boundary=b")
    assert answer.status_code == 400
    assert "没有名称" in answer.text  # and not the token that is missing as well


@pytest.mark.parametrize(("site", "status"), [("cross-site", 400), ("same-site", 400), ("same-origin", 302)])
def test_a_browser_that_says_another_site_sent_this_is_believed(app, analyst, site, status):
    browser = sign_in(app.test_client(), analyst)
    answer = browser.post("/account/language", data=FORM, headers={"Sec-Fetch-Site": site})
    assert answer.status_code == status


def test_signing_in_itself_needs_the_token(client, analyst):
    """Otherwise another site could sign this browser in as somebody else."""
    answer = client.post("/sign-in", data={"username": analyst.username, "password": PASSWORD})
    assert answer.status_code == 400
    assert "lims" not in {c.key for c in client._cookies.values()}


def test_json_of_a_browser_needs_the_token_and_of_a_program_does_not(app, analyst):
    browser = sign_in(app.test_client(), analyst)
    made = browser.post("/api/me/tokens", json={"name": "x", "scopes": ["self"], "days": 1}).json["token"]
    body = {"language": "en"}
    naked = sign_in(app.test_client(), analyst, csrf=False)
    assert naked.put("/api/me/language", json=body).status_code == 400
    program = app.test_client()
    answer = program.put("/api/me/language", json=body, headers={"Authorization": f"Bearer {made}"})
    assert answer.status_code == 204


def test_a_bearer_header_beside_a_cookie_does_not_switch_the_check_off(app, analyst):
    """The request then acts for the token, never for the cookie."""
    browser = sign_in(app.test_client(), analyst, csrf=False)
    answer = browser.put(
        "/api/me/language", json={"language": "en"}, headers={"Authorization": "Bearer lims_1_wrong"}
    )
    assert answer.status_code == 401


@pytest.mark.parametrize("target", ELSEWHERE)
def test_signing_in_never_leads_to_another_site(client, uow, analyst, target):
    sign_in_page = client.get("/sign-in", query_string={"next": target})
    token = {"csrf_token": token_in(sign_in_page)}
    first = client.post(
        "/sign-in", data={**token, "username": analyst.username, "password": PASSWORD, "next": target}
    )
    assert first.location == "/sign-in/code?next=/"
    page = client.get(first.location)
    second = client.post(
        "/sign-in/code", data={"csrf_token": token_in(page), "code": code_now(uow), "next": target}
    )
    assert second.location == "/"
    assert client.get("/sign-in", query_string={"next": target}).location == "/"


def test_signing_in_leads_where_one_was_going(client, uow, analyst):
    away = client.get("/people?role=analyst")
    assert away.location == "/sign-in?next=/people?role%3Danalyst"
    page = client.get(away.location)
    assert 'value="/people?role=analyst"' in page.text


@pytest.mark.parametrize("target", ELSEWHERE)
def test_choosing_a_language_or_a_view_never_leads_to_another_site(app, analyst, target):
    browser = sign_in(app.test_client(), analyst)
    data = {"language": "en", "next": target, "name": "x", "endpoint": "people.accounts_page"}
    assert browser.post("/language", data=data).location == "/"
    assert browser.post("/views", data=data).location == "/"


def test_pages_let_in_no_foreign_code_and_stand_in_no_foreign_frame(client):
    answer = client.get("/sign-in")
    policy = dict(part.strip().split(" ", 1) for part in answer.headers["Content-Security-Policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"].startswith("'nonce-")
    assert policy["style-src"] == "'self'"
    assert policy["frame-ancestors"] in {"'none'", "'self'"}
    assert policy["form-action"] == "'self'"
    assert policy["base-uri"] == "'none'"
    assert answer.headers["Referrer-Policy"] in {"no-referrer", "same-origin"}
    assert answer.headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert (
        client.get("/sign-in").headers["Content-Security-Policy"] != answer.headers["Content-Security-Policy"]
    )


def test_no_page_of_ours_holds_script_or_style_that_its_own_policy_forbids(app, uow):
    browser = sign_in(app.test_client(), make_account(uow, *(r for r in Role if r is not Role.CUSTOMER)))
    for path in (
        "/",
        "/people",
        "/people/1",
        "/audit-trail",
        "/calendar",
        "/numbering",
        "/roles",
        "/account",
    ):
        page = browser.get(path).text
        for tag in re.findall(r"<script[^>]*>", page):
            assert "nonce=" in tag or "application/json" in tag, (path, tag)
        assert not re.search(r"<style|\sstyle=|\son[a-z]+=|javascript:", page), path


@pytest.fixture
def behind_tls(tmp_path):
    settings = settings_for(f"sqlite:///{tmp_path / 'x.sqlite'}", tmp_path)
    return create_app(replace(settings, secure_cookies=True), TESTING=True)


def test_behind_tls_cookies_are_bound_to_this_host_and_tls_is_asked_for(behind_tls):
    answer = behind_tls.test_client().get("/sign-in", base_url="https://lab.example")
    (cookie,) = answer.headers.getlist("Set-Cookie")
    assert cookie.startswith("__Host-lims_page=")
    for part in ("Secure", "HttpOnly", "Path=/", "SameSite=Lax"):
        assert part in cookie
    assert "Domain" not in cookie
    assert "max-age=31536000" in answer.headers["Strict-Transport-Security"]


def token_in(page):
    return re.search(r'name="csrf_token" value="([^"]+)"', page.text)[1]
