"""Customers, their contacts and accounts, through pages and JSON."""

import pytest
from sqlalchemy import func, select

from lims.core.permissions import Role
from lims.intake.customers import change_customer
from lims.intake.models import Contact, Customer, Sample
from lims.intake.search import search_samples
from tests.intake.desk import desk
from tests.intake.makers import CLERK, make_house
from tests.intake.sample_makers import make_samples
from tests.support.accounts import make_account, sign_in


@pytest.fixture
def house(uow):
    return make_house(uow)


@pytest.fixture
def reception(app, uow, house):
    return desk(app, uow)


def test_a_customer_is_made_edited_and_found(reception, house, session):
    form = {
        "name": "新味 食品厂",
        "credit_code": "91330100ma2abc",
        "contact": "林晨",
        "phone": "0571",
        "request_key": "k",
    }
    made = reception.post("/customers/new", data=form)
    assert made.status_code == 302
    assert reception.post("/customers/new", data=form).location == made.location, "sent twice is one"
    page = reception.get(made.location).text
    assert "KH2026-0001" in page
    assert "91330100MA2ABC" in page
    assert "林晨" in page
    edit = {"name": "新味食品有限公司", "address": "西湖路 1 号", "active": "false", "version": "1"}
    assert reception.post(f"{made.location}/edit", data=edit).status_code == 302
    stale = reception.post(f"{made.location}/edit", data={**edit, "name": "MY WORDS"})
    assert stale.status_code == 409
    assert "MY WORDS" in stale.text
    for query, found in (
        ("新味", True),
        ("ＫＨ２０２６", False),
        ("KH2026", True),
        ("好味", False),
        ("%", False),
    ):
        assert ("新味食品有限公司" in reception.get(f"/customers?q={query}").text) is found, query
    assert "新味食品有限公司" not in reception.get("/customers?active=yes").text
    number = made.location.rsplit("/", 1)[1]
    assert f"/orders/new?customer={number}" not in reception.get(made.location).text, "it is not active"


def test_width_and_case_do_not_hide_a_customer(reception, house):
    reception.post("/api/customers", json={"customer": {"name": "ＡＢＣ Foods"}})
    for words in ("abc", "ABC foods", "ａｂｃ"):
        assert [c["name"] for c in reception.get(f"/api/customers/matching?words={words}").json] == [
            "ＡＢＣ Foods"
        ]


def test_a_known_name_warns_and_the_page_keeps_what_was_typed(reception, house, session):
    form = {"name": "好味 糕点厂", "address": "另一条路"}
    asked = reception.post("/customers/new", data=form)
    assert asked.status_code == 409
    assert "另一条路" in asked.text
    assert f'<a href="/customers/{house.customer}">好味糕点厂</a>' in asked.text
    made = reception.post("/customers/new", data={**form, "same_name": "true"})
    assert made.status_code == 302
    assert "Other customers have the same name" in reception.get(made.location).text
    assert "Other customers have the same name" in reception.get(f"/customers/{house.customer}").text


@pytest.mark.parametrize(
    "change",
    [
        {"name": ""},
        {"name": " "},
        {"name": "x" * 161},
        {"name": "\x00"},
        {"credit_code": "x" * 41},
        {"email": "nix"},
    ],
)
def test_a_wrong_customer_is_told_at_its_field(reception, house, session, change):
    page = reception.post("/customers/new", data={"name": "厂", "address": "KEEP-ME", **change})
    assert page.status_code == 422
    assert "KEEP-ME" in page.text
    assert session.scalar(select(func.count(Customer.id))) == 2


def test_two_customers_do_not_share_a_credit_code(reception, house):
    first = reception.post("/api/customers", json={"customer": {"name": "甲", "credit_code": "9133"}}).json
    second = reception.post("/api/customers", json={"customer": {"name": "乙", "credit_code": "9133"}})
    assert (second.status_code, second.json["code"]) == (409, "credit_code_known")
    third = reception.post("/api/customers", json={"customer": {"name": "丙"}}).json
    body = {"name": "丙", "credit_code": "9133", "version": third["version"]}
    changed = reception.put(f"/api/customers/{third['id']}", json=body)
    assert (changed.status_code, changed.json["code"]) == (409, "credit_code_known")
    own = {"name": "甲乙", "credit_code": "9133", "version": first["version"]}
    assert reception.put(f"/api/customers/{first['id']}", json=own).status_code == 200


def test_contacts_are_added_once_and_corrected(reception, house, session):
    path = f"/customers/{house.other_customer}"
    form = {"name": "周明", "phone": "1", "email": "zhou@example.org"}
    assert reception.post(f"{path}/contacts", data=form).status_code == 302
    assert reception.post(f"{path}/contacts", data=form).status_code == 302
    session.rollback()
    (contact,) = session.scalars(select(Contact).where(Contact.customer_id == house.other_customer)).all()
    empty = reception.post(f"{path}/contacts", data={"name": "", "phone": "KEEP-ME"})
    assert empty.status_code == 422
    assert "KEEP-ME" in empty.text
    url = f"{path}/contacts/{contact.id}"
    assert reception.post(url, data={"name": "周小明", "version": "1"}).status_code == 302
    assert reception.post(url, data={"name": "周大明", "version": "1"}).status_code == 409
    foreign = f"/customers/{house.customer}/contacts/{contact.id}"
    assert reception.post(foreign, data={"name": "x", "version": "2"}).status_code == 404
    assert "周小明" in reception.get(path).text


def test_only_a_customers_account_is_linked_and_it_sees_that_customer_alone(app, uow, reception, house):
    account, staff = make_account(uow, Role.CUSTOMER), make_account(uow, Role.ANALYST)
    path = f"/api/customers/{house.customer}/accounts"
    refused = reception.post(path, json={"account_id": staff.id})
    assert (refused.status_code, refused.json["code"]) == (409, "not_a_customer_account")
    browser = sign_in(app.test_client(), account)
    assert browser.get("/api/orders").status_code == 403, "of nobody yet"
    assert (
        reception.post(f"/customers/{house.customer}/accounts", data={"account_id": account.id}).status_code
        == 302
    )
    assert account.id in [a["id"] for a in reception.get(path).json]
    assert [c["id"] for c in browser.get("/api/customers").json["items"]] == [house.customer]
    assert reception.delete(f"/api/customers/{house.other_customer}/accounts/{account.id}").status_code == 404
    unlinked = reception.post(f"/customers/{house.customer}/accounts/{account.id}/unlink")
    assert unlinked.status_code == 302
    assert browser.get("/api/orders").status_code == 403
    none = reception.post(f"/customers/{house.customer}/accounts", data={"account_id": ""})
    assert none.status_code == 422


def test_only_the_desk_edits_customers(app, uow, house):
    analyst = desk(app, uow, Role.ANALYST)
    assert analyst.get(f"/customers/{house.customer}").status_code == 200
    assert analyst.get("/customers/new").status_code == 403
    for path in (
        "/customers/new",
        f"/customers/{house.customer}/edit",
        f"/customers/{house.customer}/contacts",
    ):
        assert analyst.post(path, data={"name": "x", "version": "1"}).status_code == 403
    assert analyst.get("/customers/987654").status_code == 404
    reception = desk(app, uow)
    assert reception.get("/api/customers/987654").status_code == 404
    assert reception.put("/api/customers/987654", json={"name": "x", "version": 1}).status_code == 404


def test_an_inactive_customer_orders_nothing(reception, house):
    body = {"name": "香米米粉有限公司", "active": False, "version": 1}
    assert reception.put(f"/api/customers/{house.other_customer}", json=body).json["active"] is False
    order = {
        "customer_id": house.other_customer,
        "business_type_id": house.commissioned,
        "packages": [house.package],
        "samples": [{"name": "米粉"}],
    }
    refused = reception.post("/api/orders", json=order)
    assert (refused.status_code, refused.json["code"]) == (422, "unknown_customer")
    assert reception.get("/api/customers/matching?words=米粉").json == []


def test_a_renamed_customers_samples_are_found_by_the_new_name(uow, house):
    sample = make_samples(uow, house)[0]
    customer = uow.session.get_one(Customer, sample.customer_id)

    def found(words):
        wanted = select(Sample.id).where(Sample.id.in_(search_samples(uow.session, words)))
        return uow.session.scalars(wanted).all()

    assert found(customer.name) == [sample.id]
    old = customer.name
    change_customer(
        uow, actor=CLERK, customer_id=customer.id, version=customer.version, name="月桂食品有限公司"
    )
    assert found("月桂食品") == [sample.id]
    assert found(old) == []
