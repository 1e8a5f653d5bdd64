"""Pages of scope, authorisations, signing fields and the gate."""

import re

import pytest

from lims.accreditation.models import Authorisation, Scheme, ScopeRow, SigningGrant
from tests.support.queries import statements_of

ENGLISH = {"Accept-Language": "en"}


def fresh(house, model, ident):
    house.uow.session.rollback()  # what requests committed since
    return house.uow.session.get(model, ident, populate_existing=True)


def new_line(house, **more):
    return {
        "scheme": "CMA",
        "method_id": str(house.method()),
        "category_id": "",
        "valid_from": str(house.today),
        "valid_to": str(house.day(365)),
        "restriction": "",
    } | more


def grant(house, **more):
    return {
        "account_id": str(house.lab.accounts["novice"].id),
        "method_ids": [str(house.method("moisture")), str(house.method("melamine"))],
        "valid_from": str(house.today),
        "valid_to": str(house.day(365)),
    } | more


# -- scope ----------------------------------------------------------------------------


def test_a_line_is_granted_changed_and_ended(browser, house):
    assert browser.get("/scope/new").status_code == 200
    made = browser.post("/scope/new", data=new_line(house))
    assert made.status_code == 302
    page = browser.get(made.location, headers=ENGLISH)
    assert "GB 5009.3-2016" in page.text
    version = re.search(r'name="version" value="(\d+)"', page.text)[1]
    typed = {"version": version, "valid_from": str(house.today), "valid_to": str(house.day(100))}
    assert browser.post(f"{made.location}/edit", data=typed | {"restriction": "仅限固体"}).status_code == 302
    stale = browser.post(f"{made.location}/edit", data=typed | {"restriction": "又一次"})
    assert stale.status_code == 409
    assert "又一次" in stale.text
    ident = int(made.location.rsplit("/", 1)[1])
    row = fresh(house, ScopeRow, ident)
    end = {"version": str(row.version), "valid_to": str(house.day(5)), "why": "附表变更"}
    assert browser.post(f"{made.location}/end", data=end).status_code == 302
    assert fresh(house, ScopeRow, ident).valid_to == house.day(5)


def test_what_was_typed_into_a_line_stays_when_it_is_refused(browser, house):
    house.scope(Scheme.CMA)
    twin = browser.post("/scope/new", data=new_line(house, restriction="固体样品"))
    assert twin.status_code == 409
    assert "固体样品" in twin.text
    assert "scope_overlap" in twin.text
    assert f'<option value="{house.method()}" selected>' in twin.text


def test_the_end_of_a_grant_needs_a_day_inside_it_and_a_reason(browser, house):
    row = house.scope(Scheme.CMA)
    for typed in ({"valid_to": str(house.day(5)), "why": " "}, {"valid_to": "2099-01-01", "why": "x"}):
        sent = browser.post(f"/scope/{row.id}/end", data=typed | {"version": str(row.version)})
        assert sent.status_code == 422
        assert '<details class="confirm" open>' in sent.text
    assert fresh(house, ScopeRow, row.id).valid_to == row.valid_to


def test_the_list_shows_current_ended_and_a_day(browser, house):
    house.scope(Scheme.CMA, "moisture")
    house.scope(Scheme.CMA, "melamine", first=-300, last=-1)

    def page(query: str) -> str:
        return browser.get(f"/scope?{query}", headers=ENGLISH).text

    assert "Moisture" in page("standing=current")
    assert "Melamine" not in page("standing=current")
    assert "Melamine" in page("standing=ended")
    assert "Melamine" in page(f"on={house.day(-1)}")
    assert "Melamine" not in page(f"on={house.today}")
    assert "Moisture" not in page(f"method={house.method('melamine')}")
    assert browser.get("/scope?method=1e9").status_code == 422
    csv = browser.get("/scope?export=csv&order=ending", headers=ENGLISH).data.decode("utf-8-sig")
    assert csv.splitlines()[1].startswith("Melamine,")


# -- authorisations -------------------------------------------------------------------


def test_a_person_is_authorised_for_several_methods_and_suspended(browser, house):
    assert browser.get("/authorisations/new").status_code == 200
    made = browser.post("/authorisations/new", data=grant(house))
    assert made.status_code == 302
    novice = house.lab.accounts["novice"].id
    assert made.location == f"/people/{novice}/rights"
    page = browser.get(made.location, headers=ENGLISH).text
    assert "Moisture" in page
    assert "Melamine" in page
    pair = f"/authorisations/{novice}/{house.method()}"
    text = browser.get(pair).text
    action, version = re.search(
        r'action="([^"]+/suspend)".*?name="version" value="(\d+)"', text, re.S
    ).groups()
    refused = browser.post(action, data={"version": version, "why": "  "})
    assert refused.status_code == 422
    assert browser.post(action, data={"version": version, "why": "考核未通过"}).status_code == 302
    again = browser.post(action, data={"version": version, "why": "再次暂停"})
    assert again.status_code == 409
    assert "考核未通过" in browser.get(pair).text


def test_what_was_typed_into_a_grant_stays_when_it_is_refused(browser, house):
    sent = browser.post("/authorisations/new", data=grant(house, valid_to=str(house.day(-5))))
    assert sent.status_code == 422
    assert sent.text.count("selected") >= 3
    assert f'value="{house.day(-5)}"' in sent.text
    none = browser.post("/authorisations/new", data=grant(house, method_ids=[]))
    assert none.status_code == 422


def test_nobody_authorises_himself_on_the_page_either(browser, house):
    sent = browser.post("/authorisations/new", data=grant(house, account_id=str(house.account.id)))
    assert sent.status_code == 409
    assert "same_person" in sent.text
    own = browser.get(f"/people/{house.account.id}/rights").text
    assert "/authorisations/new" not in own


def test_the_form_is_prefilled_from_the_matrix(browser, house):
    novice = house.lab.accounts["novice"].id
    page = browser.get(f"/authorisations/new?account_id={novice}&method_id={house.method()}")
    assert f'<option value="{novice}" selected>' in page.text
    assert f'<option value="{house.method()}" selected>' in page.text


def test_the_matrix_shows_a_section_on_a_day(browser, house):
    house.authorise("novice", first=10)
    now = browser.get(f"/authorisations?section_id={house.lab.section}", headers=ENGLISH)
    assert now.status_code == 200
    assert f">{house.day(10)}</span>" in now.text, "upcoming: the day it begins"
    then = browser.get(f"/authorisations?section_id={house.lab.section}&on={house.day(10)}", headers=ENGLISH)
    assert f">{house.day(300)}</span>" in then.text
    assert "Zhao Novice" in then.text


def test_a_section_without_items_says_what_makes_it_fill(browser, uow):
    from tests.support.accounts import section_named

    empty = section_named(uow, "archive")
    page = browser.get(f"/authorisations?section_id={empty.id}", headers=ENGLISH)
    assert "Methods appear here with the items" in page.text
    assert browser.get("/authorisations?section_id=987654&on=never").status_code == 200


# -- signing --------------------------------------------------------------------------


def test_a_signing_field_is_granted_and_suspended(browser, house):
    signatory = house.lab.accounts["signatory"].id
    typed = {
        "account_id": str(signatory),
        "field": "food_chemistry",
        "valid_from": str(house.today),
        "valid_to": str(house.day(100)),
    }
    assert browser.post("/signing-fields", data=typed).status_code == 302
    page = browser.get("/signing-fields", headers=ENGLISH)
    assert f">{house.day(100)}</span>" in page.text
    again = browser.post("/signing-fields", data=typed)
    assert again.status_code == 409
    assert "granted_already" in again.text
    row = house.uow.session.query(SigningGrant).one()
    action = f"/people/{signatory}/rights/signing/{row.id}/suspend"
    assert browser.post(action, data={"version": row.version, "why": ""}).status_code == 422
    assert browser.post(action, data={"version": row.version, "why": "调离"}).status_code == 302
    assert fresh(house, SigningGrant, row.id).suspended_why == "调离"
    assert "调离" in browser.get(f"/people/{signatory}/rights").text


# -- the gate -------------------------------------------------------------------------


def test_the_gate_says_inside_or_what_is_missing(browser, house):
    for scheme in Scheme:
        house.scope(scheme)
    inside = browser.get(f"/gate?method_id={house.method()}", headers=ENGLISH).text
    assert "Inside: we may do this." in inside
    assert "LH-001" in inside
    novice = house.lab.accounts["novice"].id
    outside = browser.get(f"/gate?method_id={house.method()}&person_id={novice}", headers=ENGLISH).text
    assert "Not inside" in outside
    assert "Zhao Novice is not authorised for “Moisture”" in outside
    late = browser.get(f"/gate?method_id={house.method()}&on={house.day(250)}", headers=ENGLISH).text
    assert "No calibrated, usable equipment of class “Balance”" in late


def test_without_a_question_the_gate_lists_what_cannot_be_done(browser, house):
    page = browser.get("/gate", headers=ENGLISH).text
    assert "is outside the CMA scope" in page
    for code in house.lab.versions:
        house.scope(Scheme.CMA, code)
    assert "Every item on offer can be done" in browser.get("/gate", headers=ENGLISH).text


# -- who may --------------------------------------------------------------------------


def test_a_reader_sees_and_may_not_change(reader, house):
    row = house.scope()
    held = house.authorise("novice")
    novice = house.lab.accounts["novice"].id
    for path in (
        "/scope",
        f"/scope/{row.id}",
        "/authorisations",
        f"/authorisations/{novice}/{house.method()}",
        "/signing-fields",
        f"/people/{novice}/rights",
        "/gate",
    ):
        page = reader.get(path)
        assert page.status_code == 200, path
        assert 'method="post" class="confirm-body"' not in page.text, path
        assert "/new" not in page.text.split("<main", 1)[1], path
    for path in ("/scope/new", "/authorisations/new"):
        assert reader.get(path).status_code == 403
    for path in (
        "/scope/new",
        f"/scope/{row.id}/edit",
        f"/scope/{row.id}/end",
        "/authorisations/new",
        f"/authorisations/{novice}/{house.method()}/{held.id}/suspend",
        "/signing-fields",
        f"/people/{novice}/rights/signing/1/suspend",
    ):
        assert reader.post(path, data={}).status_code == 403, path
    assert fresh(house, Authorisation, held.id).suspended_at is None


@pytest.mark.parametrize(
    "path",
    [
        "/scope/987654",
        "/authorisations/987654/1",
        "/authorisations/1/987654",
        "/people/987654/rights",
        "/gate?method_id=987654",
    ],
)
def test_what_is_not_there_is_not_found(browser, path):
    assert browser.get(path).status_code == 404


@pytest.mark.parametrize(
    "path", ["/scope", "/authorisations", "/signing-fields", "/people/{novice}/rights", "/gate"]
)
def test_a_page_asks_as_often_for_many_rows_as_for_one(browser, house, database, path):
    path = path.format(novice=house.lab.accounts["novice"].id)
    house.scope(Scheme.CMA, "moisture")
    house.authorise("novice", "moisture")
    browser.get(path)
    with statements_of(database.engine) as few:
        assert browser.get(path).status_code == 200
    for code in ("aluminium", "plate_count", "melamine", "sulfur_dioxide"):
        house.scope(Scheme.CMA, code)
        house.authorise("novice", code)
    with statements_of(database.engine) as many:
        assert browser.get(path).status_code == 200
    assert len(many) == len(few)
    assert len(many) <= 40
