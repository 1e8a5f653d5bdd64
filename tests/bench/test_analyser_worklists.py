"""A worklist from the worksheet to the gateway and back: told until kept, ended once, taken back, claimed."""

import pytest
from sqlalchemy import func, select

from lims.bench.analyser.models import AnalyserOrder, AnalyserOrderEvent, AnalyserOrderNow
from lims.bench.capture.inbox import open_cells
from lims.bench.models import InputValue
from lims.equipment.models import Equipment
from lims.intake.models import Order, RequestedTest, Sample
from lims.intake.orders import cancel_order
from tests.bench.analyser import NAME, make_analyser
from tests.support.accounts import sign_in
from tests.support.bench_gateway import BenchGateway


class House:
    """The analyst's browser, the bench's gateway, one worksheet of ammonia."""

    def __init__(self, app, uow, laboratory, bench, clock, samples=2, named=True):
        self.uow, self.laboratory, self.bench, self.clock = uow, laboratory, bench, clock
        self.analyser = make_analyser(uow, laboratory, named=named)
        self.gateway = BenchGateway(app.test_client(), clock.now).enrol(uow)
        self.browser = sign_in(app.test_client(), laboratory.accounts["analyst"])
        self.tests = [row["ammonia"] for row in bench.tests("ammonia", samples=samples)]
        self.sheet = bench.sheet(*self.tests)
        self.beat()

    def beat(self, **more):
        answer = self.gateway.beat(self.analyser.says(self.gateway), **more)
        assert answer.status_code == 200, answer.json
        return answer.json["worklist"]

    def at(self, what):
        return f"/api/worksheets/{self.sheet}/analysers/{self.analyser.device}{what}"

    def send(self, key="k1", **changed):
        return self.browser.post(self.at("/worklist"), json={}, headers={"Idempotency-Key": key}, **changed)

    def shown(self):
        return self.browser.get(self.at("")).json

    def states(self):
        return [(one["state"], one["code"]) for one in self.shown()["orders"]]

    def keep(self, told=None):
        """The gateway has them on its disk."""
        told = self.beat() if told is None else told
        return self.beat(kept=[{"entry": one["entry"], "code": None} for one in told])

    def ends(self, order, code="order_accepted", device="analyser-1"):
        event = {"kind": "status", "value": None, "unit": None, "stability": None, "code": code}
        self.gateway.keep(
            None, event=event, request_id=order, trigger="asked", device=device, raw=b"\x021H", serial=None
        )
        assert self.gateway.deliver().status_code == 200

    def result(self, value, specimen, test=NAME, **changed):
        event = {"kind": "result", "unit": "mg/L", "stability": None, "sample": specimen, "test": test}
        capture = {"device": "analyser-1", "serial": None, "identity": "unknown", **changed}
        self.gateway.keep(value, event=event, **capture)
        assert self.gateway.deliver().status_code == 200

    def numbers(self):
        session = self.bench.session
        wanted = select(Sample.number).join(RequestedTest, RequestedTest.sample_id == Sample.id)
        return list(
            session.scalars(wanted.where(RequestedTest.id.in_(self.tests)).order_by(RequestedTest.id))
        )


@pytest.fixture
def house(app, uow, laboratory, bench, clock):
    return House(app, uow, laboratory, bench, clock)


def test_the_gateway_is_told_until_it_says_that_it_keeps_them(house):
    assert house.send().status_code == 201
    told = house.beat()
    assert [(t["do"], t["specimen"], t["test"], t["device"], t["name"]) for t in told] == [
        ("add", number, NAME, "analyser-1", "桂花糕") for number in house.numbers()
    ]
    assert house.beat() == told
    assert house.states() == [("waiting", "")] * 2
    assert house.keep(told) == []
    assert house.states() == [("sent", "")] * 2


def test_the_end_of_an_order_is_taken_once_with_its_capture_and_only_from_its_own_device(house):
    house.send()
    first, second = (one["order"] for one in house.beat())
    house.ends(first, device="balance-1")
    assert house.states()[0] == ("waiting", "")
    house.ends(first)
    house.ends(first)
    house.ends(second, "order_refused order_impossible")
    house.keep()
    assert house.states() == [("accepted", ""), ("refused", "order_impossible")]
    said = house.shown()["orders"][1]["reason"]
    assert "cannot do" in said or "不能" in said
    session = house.bench.session
    ends = session.scalars(select(AnalyserOrderEvent).where(AnalyserOrderEvent.capture_id.is_not(None))).all()
    assert len(ends) == 2


def test_the_same_worklist_again_orders_nothing_twice(house):
    first = house.send()
    assert house.send().json == first.json  # the same press, sent twice
    again = house.send("k2")
    assert (again.status_code, again.json["code"]) == (409, "nothing_to_send")
    session = house.bench.session
    assert session.scalar(select(func.count()).select_from(AnalyserOrder)) == 2


def test_a_refused_sample_is_sent_again_with_the_next_press(house):
    house.send()
    order = house.beat()[0]["order"]
    house.ends(order, "order_refused refused")
    assert house.shown()["to_send"] == 1
    assert house.send("k2").status_code == 201
    assert house.states() == [("refused", "refused"), ("waiting", ""), ("waiting", "")]


def test_a_cancelled_test_is_taken_back_by_itself_and_withdrawn_when_the_gateway_says_so(house, uow):
    house.send()
    house.keep()
    order = uow.session.scalars(select(Order)).one()
    reception = house.laboratory.reception
    cancel_order(uow, actor=reception, order_id=order.id, version=order.version, reason="customer")
    told = house.beat()
    assert [(t["do"], t["specimen"]) for t in told] == [("withdraw", number) for number in house.numbers()]
    assert house.keep(told) == []
    assert house.states() == [("withdrawing", "sample_cancelled")] * 2
    for one in told:
        house.ends(one["order"], "order_withdrawn")
    assert house.states() == [("withdrawn", "")] * 2


def test_an_analyst_takes_back_what_is_ticked_and_a_late_acceptance_changes_nothing(house):
    house.send()
    told = house.keep() or house.shown()["orders"]
    number = told[0]["id"]
    answer = house.browser.post(house.at("/withdraw"), json={"order_ids": [number]})
    assert answer.json == {"orders": [number]}
    house.ends(f"order-{number}")
    assert house.states()[0] == ("withdrawing", "")
    assert house.browser.post(house.at("/withdraw"), json={"order_ids": [number]}).json == {"orders": []}
    assert house.browser.post(house.at("/withdraw"), json={"order_ids": []}).status_code == 422
    (told,) = house.beat()
    house.beat(kept=[{"entry": told["entry"], "code": "no_such_command"}])
    assert house.states()[0] == ("withdrawn", "no_such_command")


def test_results_go_into_the_cells_of_their_samples_and_what_is_unclear_stays(house, client):
    house.send()
    one, two = house.numbers()
    house.result("0.111", one, test="NO2")  # another test of the same sample
    house.result("0.250", one)
    house.result("0.300", two)
    house.result("0.310", two)  # measured twice: which one counts, a person says
    assert (house.shown()["arrived"], house.shown()["unclear"]) == (1, 1)
    answer = house.browser.post(house.at("/results"), json={})
    assert answer.json == {"taken": 1, "left": 1, "refused": ""}
    session = house.bench.session
    (value,) = session.scalars(select(InputValue))
    assert (value.text, value.requested_test_id, value.equipment_id) == (
        "0.250",
        house.tests[0],
        house.analyser.equipment,
    )
    equipment = session.get_one(Equipment, house.analyser.equipment)
    cells = open_cells(
        session, actor=house.laboratory.analyst, equipment=equipment, specimen=two, test_name=NAME
    )
    assert cells[0].sample.startswith(two)


def test_a_result_outside_the_calibrated_range_is_not_taken_and_says_so(house):
    house.send()
    house.result("9.9", house.numbers()[0])
    answer = house.browser.post(house.at("/results"), json={}).json
    assert (answer["taken"], answer["left"], bool(answer["refused"])) == (0, 1, True)


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_two_hundred_samples_are_told_in_a_few_answers(app, uow, laboratory, bench, clock):
    house = House(app, uow, laboratory, bench, clock, samples=200)
    assert house.send().status_code == 201
    told, seen = house.beat(), []
    while told:
        seen += [one["specimen"] for one in told]
        told = house.keep(told)
    assert seen == house.numbers()
    session = house.bench.session
    assert set(session.scalars(select(AnalyserOrderNow.state))) == {"sent"}


def test_what_cannot_be_sent_is_refused_with_its_reason(app, uow, laboratory, bench, clock, browser_of):
    house = House(app, uow, laboratory, bench, clock, named=False)
    assert house.send().json["code"] == "test_not_named"
    at = f"/api/equipment/{house.analyser.equipment}/analyser-tests"
    assert house.browser.put(at, json={"names": {house.analyser.item: "X"}}).status_code == 403
    assert browser_of("second_analyst").post(house.at("/worklist"), json={}).status_code == 403
    balance = f"/api/worksheets/{house.sheet}/analysers/{laboratory.device}/worklist"
    assert house.browser.post(balance, json={}).json["code"] == "no_worklist"
