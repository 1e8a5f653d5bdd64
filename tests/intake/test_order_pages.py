"""Pages of orders: list, one order, contract review, acceptance, change, cancellation."""

import csv
import io
import re
from datetime import date, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import func, select, update

from lims.accreditation.models import Authorisation, Scheme, ScopeRow
from lims.catalogue.budget_text import BudgetText, SourceLine
from lims.catalogue.models import Method, MethodVersion, StandardEdition
from lims.core.permissions import SYSTEM, Role
from lims.equipment.models import Equipment, EquipmentState
from lims.intake.drafts import OrderDraft, SampleDraft
from lims.intake.models import Order, RequestedTest, ReviewFinding, Sample
from lims.intake.orders import register_order
from lims.intake.review import review_order
from lims.intake.states import FindingLevel, OrderState, SampleState, TestState
from lims.metrology.method_budgets import SourceKind
from tests.intake.desk import counted, desk, order_form
from tests.intake.makers import make_house, make_order
from tests.support.laboratory import make_budget, make_laboratory

TODAY = date(2026, 11, 23)


@pytest.fixture
def laboratory(uow):
    """Everything is there for moisture: authorised people, calibrated devices, CMA scope."""
    made = make_laboratory(uow)
    with uow:
        for method_id in uow.session.scalars(select(Method.id)):
            days = {"valid_from": TODAY - timedelta(days=400), "valid_to": TODAY + timedelta(days=400)}
            uow.add(ScopeRow(scheme=Scheme.CMA, method_id=method_id, **days))
        uow.audit("test.scope", SYSTEM, ("house", 1))
        uow.commit()
    return made


@pytest.fixture
def reception(app, uow):
    return desk(app, uow)


def register(uow, laboratory, *codes, samples=1, business="commissioned") -> Order:
    draft = OrderDraft(
        laboratory.types[business],
        tuple(
            SampleDraft(name=f"桂花糕{n}", category_id=laboratory.categories["bakery"])
            for n in range(samples)
        ),
        customer_id=laboratory.customer,
        items=tuple(laboratory.items[code] for code in codes or ("moisture",)),
    )
    return register_order(uow, actor=laboratory.reception, draft=draft)


def again(uow, order) -> Order:
    uow.session.rollback()
    uow.session.expire_all()
    return uow.session.get_one(Order, order.id)


def changed(uow, *statements) -> None:
    with uow:
        for statement in statements:
            uow.session.execute(statement)
        uow.audit("test.change", SYSTEM, ("house", 1))
        uow.commit()


def withdraw_standard(uow, laboratory):
    method = uow.session.get_one(MethodVersion, laboratory.versions["moisture"]).method_id
    standards = select(StandardEdition.id).where(StandardEdition.code == "GB 5009.3-2016")
    assert method
    changed(
        uow, update(StandardEdition).where(StandardEdition.id.in_(standards)).values(withdrawn_from=TODAY)
    )


def end_authorisations(uow, laboratory):
    changed(uow, update(Authorisation).values(valid_to=TODAY - timedelta(days=1)))


def stop_devices(uow, laboratory):
    changed(uow, update(Equipment).values(state=EquipmentState.OUT_OF_SERVICE))


def end_scope(uow, laboratory):
    changed(uow, update(ScopeRow).values(valid_to=TODAY - timedelta(days=1)))


MISSING = {
    "scope_expired:CMA": (end_scope, "The CMA scope for “Moisture” (GB 5009.3-2016) ended on 2026-11-22."),
    "method_withdrawn": (withdraw_standard, "GB 5009.3-2016, is withdrawn from 2026-11-23"),
    "nobody_authorised": (end_authorisations, "Nobody is authorised for “Moisture”"),
    "no_usable_equipment": (stop_devices, "No calibrated, usable equipment of class"),
}


def test_an_order_that_lacks_nothing_but_scope_is_accepted(uow, laboratory, reception):
    order = register(uow, laboratory)
    assert reception.post(f"/orders/{order.id}/review").status_code == 302
    page = reception.get(f"/orders/{order.id}").text
    assert "is outside the CNAS scope" in page, "costs a mark, not the order"
    assert "Drop the test" not in page
    answer = reception.post(f"/orders/{order.id}/accept", data={"version": order.version})
    assert answer.status_code == 302
    assert again(uow, order).state is OrderState.ACCEPTED
    assert "Accepted" in reception.get(f"/orders/{order.id}").text


@pytest.mark.parametrize("code", list(MISSING))
def test_each_missing_link_stops_acceptance_until_somebody_decides(uow, laboratory, reception, code):
    take_away, sentence = MISSING[code]
    order = register(uow, laboratory, samples=3)
    take_away(uow, laboratory)
    refused = reception.post(f"/orders/{order.id}/accept", data={"version": order.version})
    assert refused.status_code == 409
    assert "wait for a decision" in refused.text
    assert sentence in refused.text
    assert "3 samples:" in refused.text, "one link, three samples: one line"
    order = again(uow, order)
    assert order.state is OrderState.REGISTERED
    findings = uow.session.scalars(select(ReviewFinding).where(ReviewFinding.code == code)).all()
    assert len(findings) == 3
    blocking = select(ReviewFinding.id).where(ReviewFinding.level == FindingLevel.BLOCKING)
    numbers = [str(number) for number in uow.session.scalars(blocking)]

    silent = reception.post(
        f"/orders/{order.id}/findings", data={"finding_ids": numbers, "decision": "accept", "reason": " "}
    )
    assert silent.status_code == 422
    assert "Say why the order is taken all the same." in silent.text

    url = f"/orders/{order.id}/findings"
    decided = reception.post(url, data={"finding_ids": numbers, "decision": "accept", "reason": "下周到位"})
    assert decided.status_code == 302
    page = reception.get(f"/orders/{order.id}").text
    assert "下周到位" in page
    assert reception.post(f"/orders/{order.id}/accept", data={"version": order.version}).status_code == 302
    twice = reception.post(url, data={"finding_ids": numbers, "decision": "accept", "reason": "x"})
    assert twice.status_code == 409


def test_dropping_a_test_closes_its_findings_and_lowers_the_price(uow, laboratory, reception):
    order = register(uow, laboratory, "moisture", "aluminium", samples=2)
    stop_devices(uow, laboratory)
    review_order(uow, actor=laboratory.reception, order_id=order.id)
    stuck = uow.session.scalars(
        select(ReviewFinding).where(ReviewFinding.code == "no_usable_equipment")
    ).all()
    tests = {f.requested_test_id for f in stuck}
    data = {"finding_ids": [str(f.id) for f in stuck], "decision": "drop", "reason": ""}
    assert reception.post(f"/orders/{order.id}/findings", data=data).status_code == 302
    uow.session.rollback()
    states = uow.session.scalars(select(RequestedTest.state).where(RequestedTest.id.in_(tests))).all()
    assert set(states) == {TestState.CANCELLED}
    left = uow.session.scalar(
        select(func.sum(RequestedTest.price)).where(RequestedTest.state != TestState.CANCELLED)
    )
    order = again(uow, order)
    assert order.price == (left or 0)
    undecided = select(ReviewFinding.id).where(
        ReviewFinding.requested_test_id.in_(tests), ReviewFinding.decision.is_(None)
    )
    assert uow.session.scalars(undecided).all() == []


def test_an_order_with_nothing_left_cannot_be_accepted(uow, laboratory, reception):
    order = register(uow, laboratory)
    stop_devices(uow, laboratory)
    reception.post(f"/orders/{order.id}/review")
    numbers = uow.session.scalars(
        select(ReviewFinding.id).where(ReviewFinding.code == "no_usable_equipment")
    ).all()
    data = {"finding_ids": [str(n) for n in numbers], "decision": "drop", "reason": ""}
    assert reception.post(f"/orders/{order.id}/findings", data=data).status_code == 302
    refused = reception.post(f"/orders/{order.id}/accept", data={"version": again(uow, order).version})
    assert refused.status_code == 409
    assert "Nothing is left to test" in refused.text


@pytest.mark.parametrize(
    ("more", "level"),
    [
        ({"decision_rule": "guarded-acceptance"}, "blocking"),
        ({"decision_rule": "guarded-acceptance", "judge": False}, None),
        ({"report_uncertainty": True}, "note"),
        ({}, None),
    ],
)
def test_the_review_asks_for_the_uncertainty_that_was_agreed(uow, laboratory, clock, more, level):
    def findings():
        wanted = {"customer_id": laboratory.customer, "business_type_id": laboratory.types["commissioned"]}
        sample = SampleDraft("乳粉", laboratory.categories["milk_powder"], batch=str(clock.now))
        items = (laboratory.items["melamine"], laboratory.items["plate_count"])
        draft = OrderDraft(samples=(sample,), items=items, **wanted, **more)
        order = register_order(uow, actor=laboratory.reception, draft=draft)
        found = review_order(uow, actor=laboratory.reception, order_id=order.id)
        return [f.level.value for f in found if f.code == "uncertainty_missing"]

    assert findings() == ([level] if level else [])  # counts have no uncertainty, and none is missed
    source = SourceLine("found", SourceKind.STANDARD, "方法", "method", Decimal(5), percent=True)
    make_budget(uow, laboratory, "melamine", BudgetText(sources=[source]))
    clock.advance(seconds=60)
    assert findings() == []


def test_a_finding_that_is_no_longer_true_is_closed_by_the_next_review(uow, laboratory, reception):
    order = register(uow, laboratory)
    stop_devices(uow, laboratory)
    reception.post(f"/orders/{order.id}/review")
    changed(uow, update(Equipment).values(state=EquipmentState.FIT))
    reception.post(f"/orders/{order.id}/review")
    assert "no longer so" in reception.get(f"/orders/{order.id}").text
    assert reception.post(f"/orders/{order.id}/accept", data={"version": order.version}).status_code == 302


def test_a_sampling_form_that_is_missing_is_a_finding_and_can_be_added(app, uow, session):
    house = make_house(uow)
    browser = desk(app, uow, Role.RECEPTION)
    answer = browser.post("/orders/new", data=order_form(house, business_type_id=str(house.supervision)))
    page = browser.get(answer.location).text
    assert "needs a sampling form" in page
    wrong = browser.post(
        f"{answer.location}/sampling-forms",
        data={"sampling_form-sampled_firm": "香米", "sampling_form-sampler_one": "张三"},
    )
    assert wrong.status_code == 422
    assert "Say on which day the sample was taken." in wrong.text
    assert 'value="香米"' in wrong.text
    form = {
        "sampling_form-sampled_firm": "香米",
        "sampling_form-sampled_on": "2026-11-20",
        "sampling_form-sampler_one": "张三",
        "sampling_form-sampler_two": "李四",
    }
    assert browser.post(f"{answer.location}/sampling-forms", data=form).status_code == 302
    page = browser.get(answer.location).text
    assert "no longer so" in page
    session.rollback()
    assert session.scalar(select(func.count(Sample.id)).where(Sample.sampling_form_id.is_(None))) == 0


def test_a_change_before_acceptance_and_a_stale_one(uow, laboratory, reception):
    order = register(uow, laboratory)
    form = {"version": "1", "report_language": "both", "purpose": "内控", "judge": "false", "note": "急"}
    form |= {"decision_rule": "proven-both-ways", "report_uncertainty": "true"}
    assert reception.post(f"/orders/{order.id}/edit", data=form).status_code == 302
    order = again(uow, order)
    assert (order.purpose, order.report_language, order.judge, order.note) == ("内控", "both", False, "急")
    assert (order.decision_rule, order.report_uncertainty) == ("proven-both-ways", True)
    stale = reception.post(f"/orders/{order.id}/edit", data={**form, "purpose": "MY WORDS"})
    assert stale.status_code == 409
    assert "Somebody else changed this meanwhile" in stale.text
    assert "MY WORDS" in stale.text
    wrong = reception.post(f"/orders/{order.id}/edit", data={**form, "version": "2", "contact_id": "987654"})
    assert wrong.status_code == 422
    assert "does not belong to the customer" in wrong.text


def test_cancelling_needs_a_reason_and_stops_once_work_has_begun(uow, laboratory, reception):
    order = register(uow, laboratory)
    empty = reception.post(f"/orders/{order.id}/cancel", data={"version": order.version, "reason": " "})
    assert empty.status_code == 422
    assert "Please fill this in." in empty.text
    done = reception.post(f"/orders/{order.id}/cancel", data={"version": order.version, "reason": "客户撤回"})
    assert done.status_code == 302
    page = reception.get(f"/orders/{order.id}").text
    assert "客户撤回" in page
    assert "Accept the order" not in page
    for step in ("accept", "cancel"):
        data = {"version": again(uow, order).version, "reason": "noch einmal"}
        assert reception.post(f"/orders/{order.id}/{step}", data=data).status_code == 409


def test_an_order_whose_sample_is_in_test_is_not_cancelled(app, uow):
    house = make_house(uow)
    order = make_order(uow, house, state=OrderState.ACCEPTED, sample_state=SampleState.IN_TEST)
    browser = desk(app, uow)
    data = {"version": order.version, "reason": "zu spät"}
    refused = browser.post(f"/orders/{order.id}/cancel", data=data)
    assert refused.status_code == 409
    assert "zu spät" in refused.text
    assert again(uow, order).state is OrderState.ACCEPTED


@pytest.mark.parametrize(
    ("role", "statuses"),
    [
        (Role.ANALYST, {"page": 200, "review": 403, "accept": 403, "cancel": 403, "edit": 403}),
        (Role.SAMPLER, {"page": 200, "review": 302, "accept": 403, "cancel": 403, "edit": 200}),
        (Role.CUSTOMER, {"page": 403, "review": 403, "accept": 403, "cancel": 403, "edit": 403}),
        (Role.ADMINISTRATOR, {"page": 403, "review": 403, "accept": 403, "cancel": 403, "edit": 403}),
    ],
)
def test_each_role_has_its_steps(app, uow, laboratory, role, statuses):
    order = register(uow, laboratory)
    browser = desk(app, uow, role)
    data = {"version": order.version, "reason": "x"}
    found = {
        "page": browser.get(f"/orders/{order.id}").status_code,
        "review": browser.post(f"/orders/{order.id}/review").status_code,
        "accept": browser.post(f"/orders/{order.id}/accept", data=data).status_code,
        "cancel": browser.post(f"/orders/{order.id}/cancel", data=data).status_code,
        "edit": browser.get(f"/orders/{order.id}/edit").status_code,
    }
    assert found == statuses


def test_an_order_that_is_not_there(reception):
    for path in ("/orders/987654", "/orders/987654/edit", "/orders/99999999999999999999999"):
        assert reception.get(path).status_code == 404
    for path in ("review", "accept", "cancel", "findings", "sampling-forms"):
        assert (
            reception.post(f"/orders/987654/{path}", data={"version": "1", "reason": "x"}).status_code == 404
        )


# -- the list ------------------------------------------------------------------------


def numbers(page) -> list[str]:
    return re.findall(r">(WT2026-\d+)</a></th>", page.text)


@pytest.fixture
def some_orders(uow):
    house = make_house(uow)
    late = make_order(
        uow, house, state=OrderState.ACCEPTED, sample_state=SampleState.TO_TEST, number="WT2026-00003"
    )
    changed(uow, update(Order).where(Order.id == late.id).values(due_on=TODAY - timedelta(days=1)))
    make_order(uow, house, number="WT2026-00001")
    make_order(uow, house, number="WT2026-00002", customer=house.other_customer, samples=2, tests=2)
    make_order(uow, house, state=OrderState.COMPLETED, sample_state=SampleState.TESTED, number="WT2026-00004")
    return house


def test_open_orders_come_late_first_and_closed_ones_on_demand(some_orders, reception):
    page = reception.get("/orders")
    assert numbers(page) == ["WT2026-00003", "WT2026-00001", "WT2026-00002"]
    assert '<tr class="is-late">' in page.text
    assert numbers(reception.get("/orders?all=yes")) == [
        "WT2026-00004",
        "WT2026-00002",
        "WT2026-00001",
        "WT2026-00003",
    ]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("late=yes", ["WT2026-00003"]),
        ("state=registered", ["WT2026-00002", "WT2026-00001"]),
        ("state=completed", ["WT2026-00004"]),
        ("q=WT2026-00004", ["WT2026-00004"]),
        ("q=wt2026-00004", ["WT2026-00004"]),
        ("q=米粉", ["WT2026-00002"]),
        ("q=%25", []),
        ("due=2026-11-22", ["WT2026-00003"]),
        ("since=2026-11-24", []),
        ("customer=2", ["WT2026-00002"]),
        ("customer=99999999999999999999", []),
    ],
)
def test_filters_of_the_list(some_orders, reception, query, found):
    assert numbers(reception.get(f"/orders?{query}")) == found


@pytest.mark.parametrize(
    "query", ["state=nonsense", "type=x", "since=gestern", "late=maybe", "cursor=broken"]
)
def test_a_broken_address_is_refused_with_a_sentence(some_orders, reception, query):
    assert reception.get(f"/orders?{query}").status_code == 422


def test_the_list_is_saved_as_a_file(some_orders, reception):
    answer = reception.get("/orders?all=yes&export=csv")
    table = list(csv.reader(io.StringIO(answer.data.decode("utf-8-sig"))))
    assert len(table) == 5
    assert table[2][:3] == ["WT2026-00002", "to be accepted", "香米米粉有限公司"]
    assert reception.get("/orders?export=xlsx").data.startswith(b"PK")


def test_list_and_page_ask_a_bounded_number_of_queries(app, uow):
    house = make_house(uow)
    reception = desk(app, uow)

    def asked(path: str) -> int:
        with counted(app) as sent:
            assert reception.get(path).status_code == 200
        return len(sent)

    small = make_order(uow, house, number="WT2026-00001")
    few = (asked("/orders"), asked(f"/orders/{small.id}"), asked("/customers"), asked("/customers/1"))
    for n in range(2, 22):
        large = make_order(uow, house, number=f"WT2026-{n:05d}", samples=8, tests=3)
    many = (asked("/orders"), asked(f"/orders/{large.id}"), asked("/customers"), asked("/customers/1"))
    assert many == few
    assert max(many) < 30


# -- from elsewhere ------------------------------------------------------------------


def test_a_scanned_order_number_opens_the_order(app, uow, reception, laboratory):
    order = register(uow, laboratory)
    answer = reception.get(f"/scan?code={order.number}", headers={"Accept": "application/json"})
    assert answer.json["href"] == f"/orders/{order.id}"
    assert "to be accepted" in answer.json["echo"]
    administrator = desk(app, uow, Role.ADMINISTRATOR)
    assert (
        administrator.get(f"/scan?code={order.number}", headers={"Accept": "application/json"}).json["found"]
        is False
    )


def test_the_start_page_counts_what_waits_and_leads_to_it(some_orders, reception):
    page = reception.get("/").text
    cards = re.findall(
        r'href="([^"]+)"><span class="card-number">([^<]+)</span><span class="card-label">([^<]+)<', page
    )
    found = {label: (int(count), href.replace("&amp;", "&")) for href, count, label in cards}
    assert {k: v[0] for k, v in found.items() if "rders" in k} == {
        "Orders to be accepted": 2,
        "Late orders": 1,
        "Orders registered today": 4,
    }
    for label in ("Orders to be accepted", "Late orders", "Orders registered today"):
        count, href = found[label]
        assert len(numbers(reception.get(href))) == count, label
