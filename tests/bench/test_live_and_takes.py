"""The live channel, and Space takes it: what is asked of a device reaches its cell or is refused in words."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from instruments.clock import instant
from lims.bench.models import CaptureClaim, InputValue, TakeRequest
from lims.core.jobs import ServiceBeat
from lims.core.permissions import SYSTEM
from lims.equipment.models import Device, DeviceLive, Equipment, EquipmentState
from tests.support.accounts import sign_in
from tests.support.bench_gateway import BenchGateway
from tests.support.laboratory import make_calibration


@pytest.fixture
def gateway(app, uow, laboratory, clock):
    """Enrolled; its balance shows 28.4517 g at rest."""
    made = BenchGateway(app.test_client(), clock.now).enrol(uow)
    assert made.beat().status_code == 200
    return made


@pytest.fixture
def browser(client, laboratory):
    return sign_in(client, laboratory.accounts["analyst"])


@pytest.fixture
def cell(bench):
    """(worksheet, test) of a moisture."""
    test = bench.tests("moisture")[0]["moisture"]
    return bench.sheet(test), test


def space(browser, laboratory, cell, name="m0-1", **more):
    sheet, test = cell
    content = {"device": laboratory.device, "row": test, "cell": name, **more}
    return browser.post(f"/api/worksheets/{sheet}/captures", json=content)


def figure(browser, laboratory):
    return browser.get(f"/api/devices/{laboratory.device}/live").json


# -- figures -------------------------------------------------------------------------


def test_the_page_sees_the_figure_its_age_and_that_it_may_be_used(gateway, browser, laboratory, clock):
    clock.advance(seconds=0.5)
    assert figure(browser, laboratory) == {
        "value": "28.4517",
        "unit": "g",
        "stable": True,
        "age_s": 0.5,
        "link": "connected",
        "refusal": None,
        "setup": "",
        "capture_id": None,
        "printed": None,
    }


def test_the_gateway_hurries_while_a_page_looks_and_rests_afterwards(gateway, browser, laboratory, clock):
    assert gateway.beat().json["next_ms"] == 2000
    figure(browser, laboratory)
    assert gateway.beat().json["next_ms"] == 100
    clock.advance(seconds=4)
    assert gateway.beat().json["next_ms"] == 2000


def test_looking_again_and_again_writes_once_a_second_only(
    gateway, browser, laboratory, clock, count_queries
):
    figure(browser, laboratory)
    with count_queries() as seen:
        figure(browser, laboratory)
    assert [q for q in seen if q.startswith(("UPDATE", "INSERT"))] == []
    clock.advance(seconds=1.5)
    with count_queries() as seen:
        figure(browser, laboratory)
    assert len([q for q in seen if q.startswith("UPDATE device_live")]) == 1


def test_a_bench_clock_that_is_a_year_off_does_not_age_the_figure(gateway, browser, laboratory, clock):
    gateway.now -= timedelta(days=365)
    gateway.beat(gateway.device("5.0000"))
    clock.advance(seconds=0.25)
    seen = figure(browser, laboratory)
    assert (seen["value"], seen["age_s"]) == ("5.0000", 0.25)


def test_the_live_post_is_the_sign_of_life_of_the_health_page(gateway, client, session):
    gateways = client.get("/healthz").json["gateways"]
    assert gateways["bench-pc-1"]["state"] == "ok"
    session.rollback()
    assert '"pending":0' in session.get(ServiceBeat, "gateway:bench-pc-1").detail


def test_a_live_post_is_taken_once_also_after_the_gateway_restarted(gateway):
    body = gateway.live_body()
    assert gateway.post("live", body).status_code == 200
    again = gateway.post("live", body)
    assert (again.status_code, again.json["code"]) == (409, "live_replayed")
    gateway.run, gateway.n = "another-run", 0
    assert gateway.beat().status_code == 200
    assert gateway.post("live", body).json["code"] == "live_replayed"


def test_unknown_devices_appear_by_themselves_and_are_shown_from_the_next_post(gateway, session):
    strange = gateway.device(device="ph-7", serial=None, expected_serial=None, live=None)
    gateway.beat(gateway.device(), strange)
    gateway.beat(gateway.device(), strange)
    session.rollback()
    device = session.scalars(select(Device).where(Device.name == "ph-7")).one()
    assert device.equipment_id is None
    assert session.get(DeviceLive, device.id).link_state == "connected"


@pytest.mark.parametrize(
    "changed",
    [
        {"run": 5},
        {"n": -1},
        {"spool": []},
        {"devices": [{}]},
        {"devices": [{"device": 1}]},
        {"seen": [1]},
        {"results": ["x"]},
        {"sent_at": "now"},
    ],
)
def test_a_live_post_that_breaks_the_contract_is_refused(gateway, changed):
    body = {**gateway.live_body(), **changed}
    answer = gateway.post("live", body)
    assert (answer.status_code, answer.json["code"]) == (400, "body_wrong")


# -- taking --------------------------------------------------------------------------


def test_space_asks_the_gateway_and_its_capture_fills_the_cell(gateway, browser, laboratory, cell, session):
    asked = space(browser, laboratory, cell)
    assert (asked.status_code, asked.json["state"]) == (202, "waiting")
    assert browser.get(asked.json["href"]).json["state"] == "waiting"
    answer = gateway.beat().json
    (command,) = answer["commands"]
    assert (command["device"], command["verb"], command["id"]) == ("balance-1", "take", asked.json["id"])
    assert 0 < command["expires_in_ms"] <= 5000
    gateway.keep("28.4517", trigger="take", request_id=command["id"])
    assert gateway.deliver().json["stored"] == 1
    said = browser.get(asked.json["href"]).json
    assert (said["state"], said["value"], said["unit"]) == ("done", "28.4517", "g")
    assert said["row"]["cells"]["m0-1"] == "28.4517"
    session.rollback()
    (value,) = session.scalars(select(InputValue))
    assert (value.text, value.entered_by) == ("28.4517", laboratory.analyst.id)
    assert session.scalars(select(CaptureClaim)).one().capture_id == value.capture_id


def test_the_reading_reaches_its_cell_although_the_page_was_closed(
    gateway, browser, laboratory, cell, session
):
    asked = space(browser, laboratory, cell).json
    gateway.keep("28.4517", trigger="take", request_id=asked["id"])
    gateway.deliver()
    session.rollback()
    assert [v.text for v in session.scalars(select(InputValue))] == ["28.4517"]


def test_a_command_is_repeated_until_the_gateway_has_seen_it_and_then_never_again(
    gateway, browser, laboratory, cell
):
    asked = space(browser, laboratory, cell).json
    assert [c["id"] for c in gateway.beat().json["commands"]] == [asked["id"]]
    assert [c["id"] for c in gateway.beat().json["commands"]] == [asked["id"]]
    assert gateway.beat(seen=[asked["id"]]).json["commands"] == []
    assert gateway.beat().json["commands"] == []


def test_the_same_key_is_the_same_request(gateway, browser, laboratory, cell, session):
    sheet, test = cell
    content = {"device": laboratory.device, "row": test, "cell": "m0-1"}
    answers = [
        browser.post(f"/api/worksheets/{sheet}/captures", json=content, headers={"Idempotency-Key": "k1"})
        for _ in range(2)
    ]
    assert answers[0].json == answers[1].json
    other = browser.post(
        f"/api/worksheets/{sheet}/captures",
        json={**content, "cell": "m1-1"},
        headers={"Idempotency-Key": "k1"},
    )
    assert (other.status_code, other.json["code"]) == (409, "idempotency_mismatch")
    session.rollback()
    assert len(session.scalars(select(TakeRequest)).all()) == 1


def test_one_reading_at_a_time(gateway, browser, laboratory, cell, app, bench):
    space(browser, laboratory, cell)
    again = space(browser, laboratory, cell, "m1-1")
    assert (again.status_code, again.json["code"]) == (409, "device_busy")
    assert "Your" in again.json["detail"] or "您" in again.json["detail"]
    other = sign_in(app.test_client(), laboratory.accounts["second_analyst"])
    test = bench.tests("moisture", assignee="second_analyst")[0]["moisture"]
    theirs = (bench.sheet(test, actor=laboratory.second_analyst), test)
    assert space(other, laboratory, theirs).json["code"] == "device_busy"


@pytest.mark.parametrize(
    ("event", "code"),
    [
        ({"kind": "status", "value": None, "unit": None, "stability": None, "code": "S I"}, "not_a_reading"),
        (
            {"kind": "overload", "value": None, "unit": None, "stability": None, "code": "S +"},
            "not_a_reading",
        ),
        (
            {"kind": "timeout", "value": None, "unit": None, "stability": None, "code": "no_answer"},
            "not_a_reading",
        ),
        ({"value": "219.9999", "stability": "dynamic"}, "unstable"),
        ({"value": "221.0000"}, "outside_calibrated_range"),
        ({"unit": "ct"}, "range_unit"),
        ({"unit": "s"}, "range_unit"),
        ({"unit": None}, "unit_missing"),
    ],
)
def test_what_cannot_be_used_is_refused_in_words_and_stays_as_evidence(
    gateway, browser, laboratory, cell, session, event, code
):
    asked = space(browser, laboratory, cell).json
    gateway.keep(trigger="take", request_id=asked["id"], event=event)
    assert gateway.deliver().json["stored"] == 1
    said = browser.get(asked["href"]).json
    assert (said["state"], said["code"]) == ("refused", code)
    assert len(said["sentence"]) > 5
    session.rollback()
    assert session.scalars(select(InputValue)).all() == []


def test_a_refusal_that_the_gateway_reports_without_proof_reaches_the_page(
    gateway, browser, laboratory, cell
):
    asked = space(browser, laboratory, cell).json
    result = {
        "id": asked["id"],
        "device": "balance-1",
        "outcome": "refused",
        "code": "unknown_device",
        "seq": None,
    }
    gateway.beat(results=[result])
    said = browser.get(asked["href"]).json
    assert (said["state"], said["code"]) == ("refused", "unknown_device")


def test_a_command_nobody_fetches_is_given_up(gateway, browser, laboratory, cell, clock):
    asked = space(browser, laboratory, cell).json
    clock.advance(seconds=9)
    said = browser.get(asked["href"]).json
    assert (said["state"], said["code"]) == ("refused", "not_fetched")
    assert gateway.beat().json["commands"] == []


def test_a_device_that_never_answers_is_given_up_later_and_a_late_answer_changes_nothing(
    gateway, browser, laboratory, cell, clock, session
):
    asked = space(browser, laboratory, cell).json
    gateway.beat(seen=[asked["id"]])
    clock.advance(seconds=12)
    assert browser.get(asked["href"]).json["state"] == "waiting"
    clock.advance(seconds=20)
    assert browser.get(asked["href"]).json["code"] == "no_answer"
    gateway.keep(trigger="late", request_id=asked["id"])
    gateway.deliver()
    session.rollback()
    assert session.scalars(select(InputValue)).all() == []


def test_nobody_reads_the_request_of_another(gateway, browser, laboratory, cell, app):
    asked = space(browser, laboratory, cell).json
    other = sign_in(app.test_client(), laboratory.accounts["second_analyst"])
    assert other.get(asked["href"]).status_code == 404


def test_another_gateways_capture_cannot_answer(gateway, browser, laboratory, cell, app, uow, clock, session):
    asked = space(browser, laboratory, cell).json
    other = BenchGateway(app.test_client(), clock.now, "bench-pc-2").enrol(uow)
    other.keep("99.0000", trigger="take", request_id=asked["id"])
    assert other.deliver().status_code == 200
    assert browser.get(asked["href"]).json["state"] == "waiting"
    session.rollback()
    assert session.scalars(select(InputValue)).all() == []


def test_tare_and_zero_are_commands_too(gateway, browser, laboratory):
    for verb in ("tare", "zero"):
        asked = browser.post(f"/api/devices/{laboratory.device}/commands", json={"verb": verb}).json
        (command,) = gateway.beat().json["commands"]
        assert command["verb"] == verb
        done = {"id": asked["id"], "device": "balance-1", "outcome": "done", "code": None, "seq": 1}
        gateway.beat(seen=[asked["id"]], results=[done])
        assert browser.get(asked["href"]).json["state"] == "done"
    wrong = browser.post(f"/api/devices/{laboratory.device}/commands", json={"verb": "explode"})
    assert wrong.status_code == 422


# -- refused before the device is troubled -------------------------------------------


def refused(browser, laboratory, cell, code, status=409, **more):
    answer = space(browser, laboratory, cell, **more)
    assert (answer.status_code, answer.json["code"]) == (status, code), answer.json
    assert len(answer.json["detail"]) > 5


def test_a_silent_gateway_is_said_at_once(gateway, browser, laboratory, cell, clock):
    clock.advance(seconds=16)
    refused(browser, laboratory, cell, "gateway_away")
    assert figure(browser, laboratory)["link"] == "away"


def test_an_unplugged_device_is_said_at_once(gateway, browser, laboratory, cell):
    gateway.beat(gateway.device(None, state="unplugged"))
    refused(browser, laboratory, cell, "device_silent")


@pytest.mark.parametrize("changed", [{"serial": "B99"}, {"state": "wrong_device"}])
def test_another_device_on_the_wire_is_refused(gateway, browser, laboratory, cell, changed):
    gateway.beat(gateway.device(**changed))
    refused(browser, laboratory, cell, "wrong_device")
    assert figure(browser, laboratory)["refusal"]


def test_a_moving_figure_is_refused(gateway, browser, laboratory, cell):
    gateway.beat(gateway.device("28.1", "dynamic"))
    refused(browser, laboratory, cell, "unstable")


def test_an_overload_is_refused(gateway, browser, laboratory, cell):
    live = {"kind": "overload", "value": None, "unit": None, "stability": None, "code": "S +"}
    gateway.beat(gateway.device(live={**live, "at": instant(gateway.now)}))
    refused(browser, laboratory, cell, "overload")
    assert figure(browser, laboratory)["refusal"]


def test_a_balance_out_of_calibration_is_refused_with_the_date(gateway, browser, laboratory, cell, uow):
    from lims.core.clock import local_date

    today = local_date(uow.now)
    with uow:
        make_calibration(uow, laboratory.balance, due_on=today - timedelta(days=1))
        make_calibration(uow, laboratory.balance, due_on=today)  # made later, counts, and still holds today
        uow.audit("test.calibration", SYSTEM, ("equipment", laboratory.balance))
        uow.commit()
    assert figure(browser, laboratory)["refusal"] is None
    with uow:
        make_calibration(uow, laboratory.balance, due_on=today + timedelta(days=363), accepted=False)
        uow.audit("test.calibration", SYSTEM, ("equipment", laboratory.balance))
        uow.commit()
    refused(browser, laboratory, cell, "not_accepted")
    assert "LH-001" in figure(browser, laboratory)["refusal"]


def test_a_figure_outside_the_calibrated_range_is_refused(gateway, browser, laboratory, cell):
    gateway.beat(gateway.device("220.0001"))
    refused(browser, laboratory, cell, "outside_calibrated_range")


def test_a_device_of_another_class_is_refused(gateway, browser, laboratory, cell, uow):
    with uow:
        device = uow.get(Device, laboratory.device)
        uow.get(Equipment, laboratory.balance).identity = None
        device.equipment_id = laboratory.oven
        uow.audit("device.bind", SYSTEM, device)
        uow.commit()
    refused(browser, laboratory, cell, "wrong_class")


def test_equipment_out_of_service_is_refused(gateway, browser, laboratory, cell, uow):
    with uow:
        equipment = uow.get(Equipment, laboratory.balance)
        equipment.state, equipment.state_reason = EquipmentState.OUT_OF_SERVICE, "dropped"
        uow.audit("equipment.stop", SYSTEM, equipment)
        uow.commit()
    refused(browser, laboratory, cell, "out_of_service")


def test_somebody_elses_worksheet_an_unknown_cell_and_an_unknown_device_are_refused(
    gateway, browser, laboratory, cell, bench
):
    test = bench.tests("moisture", assignee="second_analyst")[0]["moisture"]
    theirs = bench.sheet(test, actor=laboratory.second_analyst)
    refused(browser, laboratory, (theirs, test), "permission_denied", 403)
    refused(browser, laboratory, cell, "unknown_input", 422, name="m9-1")
    refused(browser, laboratory, cell, "unknown_input", 422, name="m0-2")
    refused(browser, laboratory, cell, "not_found", 404, device=999)
    refused(browser, laboratory, (cell[0], test), "not_found", 404)


def test_replacing_a_reading_asks_for_a_reason_before_the_device_is_troubled(
    gateway, browser, laboratory, cell, session
):
    asked = space(browser, laboratory, cell).json
    gateway.keep("28.4517", trigger="take", request_id=asked["id"])
    gateway.deliver()
    refused(browser, laboratory, cell, "reason_needed", 422)
    again = space(browser, laboratory, cell, reason="dish was wet").json
    gateway.keep("28.4520", trigger="take", request_id=again["id"])
    gateway.deliver()
    assert browser.get(again["href"]).json["row"]["cells"]["m0-1"] == "28.4520"
    session.rollback()
    values = session.scalars(select(InputValue).order_by(InputValue.id)).all()
    assert [(v.text, v.reason) for v in values] == [("28.4517", None), ("28.4520", "dish was wet")]


# -- the print key -------------------------------------------------------------------


def test_a_reading_of_the_print_key_is_offered_and_claimed_at_once(gateway, browser, laboratory, cell):
    gateway.keep("28.4517")
    gateway.deliver()
    seen = figure(browser, laboratory)
    assert seen["printed"] == {"value": "28.4517", "unit": "g"}
    sheet, test = cell
    content = {"capture_id": seen["capture_id"], "row": test, "cell": "m0-1"}
    answer = browser.post(f"/api/worksheets/{sheet}/captures", json=content)
    assert (answer.status_code, answer.json["cells"]["m0-1"]) == (200, "28.4517")
    assert (
        browser.post(f"/api/worksheets/{sheet}/captures", json=content).status_code == 200
    )  # the same claim
    other = browser.post(f"/api/worksheets/{sheet}/captures", json={**content, "cell": "m1-1"})
    assert (other.status_code, other.json["code"]) == (409, "already_claimed")
    assert figure(browser, laboratory)["capture_id"] is None


def test_an_old_print_is_not_offered(gateway, browser, laboratory, clock):
    gateway.keep("28.4517")
    gateway.deliver()
    clock.advance(seconds=61)
    gateway.beat()
    assert figure(browser, laboratory)["printed"] is None
