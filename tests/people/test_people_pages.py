"""The administrator's pages: each form keeps what was typed, each step answers in words."""

import re
from html import unescape

import pytest

from lims.core.permissions import ROLE_PERMISSIONS, Permission, Role
from lims.people.models import Account, Section
from tests.support.accounts import make_account, section_named, sign_in

PERSON = {"name_zh": "王芳", "name_en": "Wang Fang", "username": "wang", "email": "wang@lab.example"}


def new_account(browser, **more):
    return browser.post("/people/new", data={**PERSON, "roles": ["analyst"], **more})


def code_on(page):
    return re.search(r'translate="no">([A-Z0-9-]{19})<', page.text)


def test_a_new_account_shows_its_code_once(browser, session):
    page = new_account(browser)
    assert page.status_code == 200
    assert code_on(page)
    assert "http://localhost/sign-in/first" in page.text
    row = session.query(Account).filter_by(username="wang").one()
    assert not code_on(browser.get(f"/people/{row.id}"))


def test_what_was_typed_for_a_new_account_is_kept(browser):
    page = new_account(browser, username="a b", roles=["analyst", "reviewer"])
    assert page.status_code == 422
    for text in ('value="王芳"', 'value="Wang Fang"', 'value="a b"', 'value="wang@lab.example"'):
        assert text in page.text
    assert re.findall(r'name="roles" value="(\w+)" checked', page.text) == ["analyst", "reviewer"]
    assert "A user name has 2 to 60 letters" in page.text


def test_without_a_role_nothing_is_made(browser, session):
    assert browser.post("/people/new", data=PERSON).status_code == 422
    assert session.query(Account).filter_by(username="wang").count() == 0


@pytest.fixture
def person(uow):
    return make_account(uow, Role.ANALYST, username="li", name_zh="李强", name_en="Li Qiang")


@pytest.mark.parametrize(
    ("step", "typed", "kept"),
    [
        (
            "edit",
            {"version": "1", "name_zh": "", "phone": "0532-1"},
            'id="edit-phone" name="phone" type="tel" value="0532-1"',
        ),
        (
            "roles",
            {"version": "99", "roles": ["sampler"], "reason": "wrong version"},
            'value="wrong version"',
        ),
        ("reset", {"reason": "x" * 501}, 'value="' + "x" * 501),
        ("retire", {"reason": "y" * 501}, 'value="' + "y" * 501),
        ("end-sign-ins", {"reason": "z" * 501}, 'value="' + "z" * 501),
    ],
)
def test_each_form_of_an_account_keeps_what_was_typed(browser, person, step, typed, kept):
    answer = browser.post(f"/people/{person.id}/{step}", data=typed)
    assert answer.status_code in {409, 422}
    assert kept in answer.text
    assert 'role="alert"' in answer.text


def test_no_id_stands_twice_on_the_page_of_an_account(browser, person):
    ids = re.findall(r'\bid="([^"]+)"', browser.get(f"/people/{person.id}").text)
    assert len(ids) == len(set(ids))


def test_an_account_is_changed_by_its_forms(browser, person, session):
    answer = browser.post(
        f"/people/{person.id}/edit",
        data={"version": person.version, "name_zh": "李强", "name_en": "Li Q.", "phone": "1"},
    )
    assert answer.status_code == 302
    session.rollback()
    row = session.get(Account, person.id, populate_existing=True)
    assert (row.name_en, row.phone, row.section_id) == ("Li Q.", "1", None)
    answer = browser.post(
        f"/people/{person.id}/roles",
        data={"version": row.version, "roles": ["analyst", "reviewer"], "reason": "more work"},
    )
    assert answer.status_code == 302
    assert code_on(browser.post(f"/people/{person.id}/reset", data={"reason": "phone lost"}))
    assert browser.post(f"/people/{person.id}/end-sign-ins", data={"reason": "x"}).status_code == 302
    assert browser.post(f"/people/{person.id}/retire", data={"reason": "left"}).status_code == 302
    page = browser.get(f"/people/{person.id}").text
    assert "retired" in page
    assert '<form method="post" action="/people' not in page


def test_ones_own_roles_are_another_administrators_business(browser, admin):
    page = browser.get(f"/people/{admin.id}").text
    assert "Another administrator changes your roles." in page
    assert f"/people/{admin.id}/roles" not in page
    answer = browser.post(
        f"/people/{admin.id}/roles", data={"version": 1, "roles": ["director"], "reason": "x"}
    )
    assert answer.status_code == 409


def test_who_may_only_read_sees_no_forms(client, uow, person):
    client.environ_base["HTTP_ACCEPT_LANGUAGE"] = "en"
    page = sign_in(client, make_account(uow, Role.QUALITY_MANAGER)).get(f"/people/{person.id}").text
    assert "Li Qiang" in page
    assert f"/people/{person.id}/" not in page


def test_the_table_of_roles_is_the_table_of_the_code(browser):
    page = browser.get("/roles").text
    body = re.findall(r"<tr><th scope=\"row\">.*?</tr>", page, re.DOTALL)
    heads = re.findall(r'<th scope="col">', page)
    assert len(heads) == len(Role) + 1
    assert len(body) == len(Permission)
    for line in body:
        permission = Permission(re.search(r"<code>([\w.]+)</code>", line)[1])
        marks = ["yes" in cell for cell in re.findall(r"<td>(.*?)</td>", line)]
        assert marks == [permission in ROLE_PERMISSIONS[role] for role in Role], permission


def test_sections_are_added_and_renamed(browser, session):
    data = {"code": "physics", "name_zh": "物理室", "name_en": "Physics"}
    assert browser.post("/sections", data=data).status_code == 302
    row = session.query(Section).one()
    again = browser.post("/sections", data={**data, "name_en": "Other"})
    assert again.status_code == 409
    assert 'value="Other"' in again.text
    assert browser.post(f"/sections/{row.id}", data={**data, "name_en": "Physics lab"}).status_code == 302
    assert "Physics lab" in browser.get(f"/sections/{row.id}").text
    assert browser.post("/sections", data={**data, "code": "Bad Code"}).status_code == 422


def test_names_are_shown_never_run(browser, uow):
    """Whatever somebody types as a name stands on the pages as text."""
    attack = "<script>alert(1)</script>\"'><img src=x>"
    section = section_named(uow, "chemistry")
    person = make_account(uow, Role.ANALYST, name_zh=attack, name_en=attack, section=section)
    for path in ("/people", f"/people/{person.id}", "/audit-trail", "/audit-trail/3"):
        page = browser.get(path).text
        assert attack not in page
        assert "<img src=x" not in page
    assert attack in unescape(browser.get(f"/people/{person.id}").text)
