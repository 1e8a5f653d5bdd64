"""The JSON face of orders: what programs, the portal's script and the benchmark use."""

import io
import threading

import pytest
from sqlalchemy import func, select

from lims.core.audit import verify_chain
from lims.core.permissions import SYSTEM, Role
from lims.intake.models import CustomerAccount, Order, RequestedTest, Sample
from tests.intake.desk import counted, desk, order_json
from tests.intake.makers import make_house, make_order
from tests.intake.test_paste import PASTRIES
from tests.support.accounts import make_account, sign_in


@pytest.fixture
def house(uow):
    return make_house(uow)


@pytest.fixture
def reception(app, uow, house):
    return desk(app, uow)


def customer_browser(app, uow, customer_id):
    """A browser in which an account of this customer is signed in."""
    account = make_account(uow, Role.CUSTOMER)
    with uow:
        uow.session.add(CustomerAccount(account_id=account.id, customer_id=customer_id))
        uow.audit("test.link", SYSTEM, ("customer_account", account.id))
        uow.commit()
    return sign_in(app.test_client(), account)


def count(session, model) -> int:
    session.rollback()
    return session.scalar(select(func.count()).select_from(model))


def test_an_order_is_registered_read_changed_accepted_and_listed(reception, house):
    made = reception.post("/api/orders", json=order_json(house, purpose="内控"))
    assert made.status_code == 201, made.text
    order = made.json
    assert (order["number"], order["price"], order["due_on"]) == ("WT2026-00001", "430.00", "2026-12-07")
    assert reception.get(f"/api/orders/{order['id']}").json == order
    (sample,) = reception.get(f"/api/orders/{order['id']}/samples").json["items"]
    assert [t["code"] for t in sample["tests"]] == ["moisture", "aluminium", "plate_count"]
    changed = reception.put(f"/api/orders/{order['id']}", json={"version": 1, "note": "急"})
    assert (changed.status_code, changed.json["note"], changed.json["purpose"]) == (200, "急", "内控")
    stale = reception.put(f"/api/orders/{order['id']}", json={"version": 1, "note": "alt"})
    assert (stale.status_code, stale.json["code"]) == (409, "stale_version")
    found = reception.post(f"/api/orders/{order['id']}/review").json
    assert {f["code"] for f in found} >= {"nobody_authorised"}
    waits = reception.post(f"/api/orders/{order['id']}/accept", json={"version": 2})
    assert (waits.status_code, waits.json["code"]) == (409, "review_open")
    blocking = [f["id"] for f in found if f["level"] == "blocking"]
    one = reception.post(
        f"/api/orders/{order['id']}/findings/{blocking[0]}/decision",
        json={"decision": "accept", "reason": "ok"},
    )
    assert one.json["decision"] == "accept: ok"
    rest = reception.post(
        f"/api/orders/{order['id']}/findings/decisions",
        json={"finding_ids": blocking[1:], "decision": "accept", "reason": "ok"},
    )
    assert rest.status_code == 200
    accepted = reception.post(f"/api/orders/{order['id']}/accept", json={"version": 2})
    assert (accepted.status_code, accepted.json["state"]) == (200, "accepted")
    listed = reception.get("/api/orders?state=accepted").json["items"]
    assert [(o["number"], o["samples"], o["tests"], o["tests_done"]) for o in listed] == [
        ("WT2026-00001", 1, 3, 0)
    ]
    gone = reception.post(f"/api/orders/{order['id']}/cancel", json={"version": 3, "reason": "撤回"})
    assert gone.json["state"] == "cancelled"


def test_the_quote_says_what_registering_will_say(reception, house):
    wanted = {k: v for k, v in order_json(house).items() if k not in {"customer_id", "contact_id"}}
    quote = reception.post("/api/orders/quote", json=wanted).json
    made = reception.post("/api/orders", json=order_json(house)).json
    assert (quote["price"], quote["due_on"]) == (made["price"], made["due_on"])


def test_a_key_makes_one_order_and_refuses_another_question(reception, house, session):
    head = {"Idempotency-Key": "abc"}
    first = reception.post("/api/orders", json=order_json(house), headers=head)
    second = reception.post("/api/orders", json=order_json(house), headers=head)
    assert first.json["id"] == second.json["id"]
    other = reception.post("/api/orders", json=order_json(house, purpose="x"), headers=head)
    assert (other.status_code, other.json["code"]) == (409, "idempotency_mismatch")
    twin = reception.post("/api/orders", json=order_json(house))
    assert (twin.status_code, twin.json["code"]) == (409, "same_order_today")
    assert count(session, Order) == 1


def test_faults_carry_their_path(reception, house, session):
    samples = [{"name": "好"}, {"name": "糕", "produced_on": "2027-01-01"}, {"name": "饼", "items": [987654]}]
    answer = reception.post("/api/orders", json=order_json(house, samples=samples[:2]))
    assert answer.status_code == 422
    assert set(answer.json["fields"]) == {"samples.1.produced_on"}
    answer = reception.post("/api/orders", json=order_json(house, samples=samples[::2]))
    assert set(answer.json["fields"]) == {"samples.1.items"}
    assert count(session, Order) == 0


@pytest.mark.parametrize(
    "change",
    [
        {"customer_id": None},
        {"customer_id": 2**53},
        {"customer_id": "1; DROP TABLE"},
        {"customer_id": True},
        {"business_type_id": 0},
        {"contact_id": 987654},
        {"samples": []},
        {"samples": [{"name": ""}]},
        {"samples": [{"name": "x", "colour": "red"}]},
        {"samples": [{"name": "\u0000"}]},
        {"samples": [{"name": "\ud800"}]},
        {"samples": [{"name": "x", "produced_on": "0001-01-01"}]},
        {"samples": [{"name": "x"}] * 501},
        {"samples": "x"},
        {"items": [2**70]},
        {"packages": [{}]},
        {"methods": [{"test_item_id": 1}]},
        {"report_language": "fr"},
        {"note": "x" * 2001},
        {"new_contact": {"name": "x", "email": "no mail"}},
        {"sampling_form": {"sampled_firm": "x"}},
        {"unknown": 1},
    ],
    ids=str,
)
def test_no_wrong_body_is_taken_and_none_is_a_fault_of_ours(reception, house, session, change):
    answer = reception.post("/api/orders", json=order_json(house, **change))
    assert answer.status_code == 422, answer.text
    assert answer.json["code"]
    assert count(session, Order) == count(session, Sample) == 0


def test_lines_of_a_sheet_are_looked_at_with_price(reception, house):
    lines = [{"name": "糕", "items": "水分"}, {"name": "饼", "items": "水份"}]
    answer = reception.post(
        "/api/orders/check-samples", json={"samples": lines, "business_type_id": house.commissioned}
    )
    assert answer.status_code == 200
    assert set(answer.json["faults"]) == {"1"}
    assert list(answer.json["faults"]["1"]) == ["items"]
    assert (answer.json["lines"], answer.json["quote"]["price"]) == (2, "60.00")
    for_all = {
        "samples": [{"name": "糕"}],
        "asks": [f"p{house.package}"],
        "business_type_id": house.supervision,
    }
    answer = reception.post("/api/orders/check-samples", json=for_all).json
    assert (answer["faults"], answer["quote"]["price"], answer["quote"]["listed"]) == ({}, "0.00", "430.00")
    assert answer["kind"]["sampling_form"] is True
    assert reception.post("/api/orders/check-samples", json={}).json["quote"] is None


def test_a_paste_and_a_file_are_read_alike(reception, house):
    paste = reception.post("/api/orders/paste", json={"text": PASTRIES}).json
    faults = [(f["row"], f["code"]) for row in paste["rows"] for f in row["faults"]]
    assert faults == [(5, "produced_in_future"), (6, "unknown_item")]
    file = (io.BytesIO(PASTRIES.encode()), "x.csv")
    sheet = reception.post("/api/orders/sheet", data={"file": file}, content_type="multipart/form-data").json
    assert sheet == paste
    faulty = reception.post("/api/orders/paste/faulty-rows.csv", json={"text": PASTRIES})
    assert faulty.text.count("\r\n") == 3
    assert reception.post("/api/orders/sheet").json["code"] == "sheet_empty"


def test_the_offer_names_what_an_order_may_ask_for(reception, house):
    offer = reception.get("/api/offer").json
    assert [t["code"] for t in offer["types"]] == ["commissioned", "supervision"]
    assert [(p["code"], p["price"]) for p in offer["packages"]] == [("bakery", "430.00")]
    assert {i["code"] for i in offer["items"]} == set(house.items)
    assert [c["code"] for c in offer["categories"]] == ["bakery"]


def test_a_customer_orders_and_reads_its_own_and_nothing_of_others(app, uow, house, reception):
    baker = customer_browser(app, uow, house.customer)
    noodles = customer_browser(app, uow, house.other_customer)
    made = baker.post("/api/orders", json=order_json(house, customer_id=None))
    assert (made.status_code, made.json["customer_id"]) == (201, house.customer)
    path = f"/api/orders/{made.json['id']}"
    assert baker.get(path).status_code == 200
    for address in (path, f"{path}/samples", f"{path}/sampling-forms", f"/api/customers/{house.customer}"):
        assert noodles.get(address).status_code == 404, address
    assert noodles.get("/api/orders").json["items"] == []
    assert noodles.get("/api/orders?customer_id=1&words=好味").json["items"] == []
    assert [c["id"] for c in noodles.get("/api/customers").json["items"]] == [house.other_customer]
    stolen = noodles.post("/api/orders", json=order_json(house))
    assert (stolen.status_code, stolen.json["code"]) == (422, "unknown_customer")
    for method, address, body in (
        ("put", path, {"version": 1, "note": "x"}),
        ("post", f"{path}/accept", {"version": 1}),
        ("post", f"{path}/cancel", {"version": 1, "reason": "x"}),
        ("post", f"{path}/review", None),
        ("get", f"{path}/findings", None),
        ("get", f"/orders/{made.json['id']}", None),
    ):
        assert getattr(baker, method)(address, json=body).status_code == 403, address
    assert [o["id"] for o in reception.get("/api/orders").json["items"]] == [made.json["id"]]


def test_the_list_pages_by_key_and_counts_its_queries(app, uow, house, reception):
    for n in range(1, 8):
        make_order(uow, house, number=f"WT2026-{n:05d}")
    with counted(app) as few:
        first = reception.get("/api/orders?size=3").json
    assert [o["number"] for o in first["items"]] == ["WT2026-00007", "WT2026-00006", "WT2026-00005"]
    second = reception.get(f"/api/orders?size=3&cursor={first['after']}").json
    assert [o["number"] for o in second["items"]] == ["WT2026-00004", "WT2026-00003", "WT2026-00002"]
    assert (
        reception.get(f"/api/orders?cursor={second['before']}").json["items"][-1]["number"] == "WT2026-00005"
    )
    with counted(app) as many:
        reception.get("/api/orders?size=200")
    assert len(many) == len(few)
    assert reception.get("/api/orders?cursor=x").status_code == 422
    assert reception.get("/api/orders?size=0").status_code == 422
    assert reception.get("/api/orders?late=true").json["items"] == []


def test_one_order_of_one_sample_and_five_tests_costs_few_statements(app, house, reception):
    """The path that a busy morning takes; thirty statements a request were cut down to these."""
    reception.post("/api/orders", json=order_json(house))
    body = order_json(
        house, packages=[], items=list(house.items.values()), samples=[{"name": "糕", "batch": "2"}]
    )
    with counted(app) as sent:
        assert reception.post("/api/orders", json=body, headers={"Idempotency-Key": "k"}).status_code == 201
    assert len([s for s in sent if not s.startswith("BEGIN")]) <= 20


def test_clerks_at_once_never_fail_and_never_double(app, uow, house, session):
    """Eight connections, each order sent twice with its key: all succeed, each is there once."""
    clerks = [desk(app, uow) for _ in range(8)]
    each, outcomes, guard = 6, [], threading.Lock()

    def work(who: int) -> None:
        for n in range(each):
            body = order_json(house, samples=[{"name": "糕", "batch": f"{who}-{n}"}])
            for _ in range(2):
                answer = clerks[who].post("/api/orders", json=body, headers={"Idempotency-Key": f"{who}-{n}"})
                with guard:
                    outcomes.append((answer.status_code, answer.json.get("number", answer.json)))

    threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [o for o in outcomes if o[0] != 201] == []
    assert len({number for _status, number in outcomes}) == 8 * each
    assert (count(session, Order), count(session, Sample)) == (48, 48)
    assert count(session, RequestedTest) == 144
    assert len(set(session.scalars(select(Sample.number)))) == 48
    assert verify_chain(session)[1] is None


def test_the_same_click_from_eight_connections_is_one_order(app, uow, house, session):
    account = make_account(uow, Role.RECEPTION)
    browsers = [sign_in(app.test_client(), account) for _ in range(8)]
    outcomes = []

    def work(browser) -> None:
        answer = browser.post("/api/orders", json=order_json(house), headers={"Idempotency-Key": "click"})
        outcomes.append((answer.status_code, answer.json.get("id")))

    threads = [threading.Thread(target=work, args=(b,)) for b in browsers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(outcomes)) == 1
    assert outcomes[0][0] == 201
    assert count(session, Order) == 1
