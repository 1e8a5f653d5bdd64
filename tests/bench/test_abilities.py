"""What a device can do is on its panel, in the reader's language, and nothing else is; set-ups are confirmed by it."""

import pytest

from tests.support.accounts import sign_in
from tests.support.bench_gateway import BenchGateway

SETUPS = [
    {"key": "volts", "en": "DC voltage, 10 V", "zh": "直流电压 10 V"},
    {"key": "x", "en": 5, "zh": "坏"},
]


@pytest.fixture
def gateway(app, uow, laboratory, clock):
    return BenchGateway(app.test_client(), clock.now).enrol(uow)


@pytest.fixture
def browser(client, laboratory):
    return sign_in(client, laboratory.accounts["analyst"])


def says(gateway, **facts):
    answer = gateway.beat(gateway.device(**facts))
    assert answer.status_code == 200, answer.json
    return answer.json["commands"]


def tell(browser, laboratory, **command):
    return browser.post(f"/api/devices/{laboratory.device}/commands", json=command)


def test_tare_and_zero_stand_only_beside_devices_that_have_them(gateway, browser, laboratory, bench):
    sheet = bench.sheet(bench.tests("moisture")[0]["moisture"])
    says(gateway, can=["take", "tare"])
    page = browser.get(f"/worksheets/{sheet}").text
    assert ('data-live-command="tare"' in page, 'data-live-command="zero"' in page) == (True, False)
    assert tell(browser, laboratory, verb="zero").json["code"] == "no_such_command"
    assert tell(browser, laboratory, verb="tare").status_code == 202


def test_a_meter_is_set_up_from_its_panel_and_says_what_it_is(gateway, browser, laboratory, bench, clock):
    sheet = bench.sheet(bench.tests("moisture")[0]["moisture"])
    says(gateway, can=["take"], setups=SETUPS)
    page = browser.get(f"/worksheets/{sheet}").text
    assert "直流电压 10 V" in page
    assert tell(browser, laboratory, verb="setup", argument="amps").json["code"] == "no_such_setup"
    asked = tell(browser, laboratory, verb="setup", argument="volts").json
    (command,) = says(gateway, can=["take"], setups=SETUPS)
    assert (command["verb"], command["argument"]) == ("setup", "volts")
    done = {"id": asked["id"], "device": "balance-1", "outcome": "done", "code": None, "seq": 1}
    answer = gateway.beat(
        gateway.device(can=["take"], setups=SETUPS, setup="volts"), seen=[asked["id"]], results=[done]
    )
    assert answer.status_code == 200
    assert browser.get(asked["href"]).json["state"] == "done"
    assert browser.get(f"/api/devices/{laboratory.device}/live").json["setup"] == "直流电压 10 V"
    clock.advance(seconds=10)
    refused = tell(browser, laboratory, verb="setup", argument="volts").json
    result = {"id": refused["id"], "device": "balance-1", "outcome": "refused", "code": "-222", "seq": 2}
    gateway.beat(gateway.device(can=["take"], setups=SETUPS), seen=[refused["id"]], results=[result])
    said = browser.get(refused["href"]).json
    assert (said["state"], said["code"]) == ("refused", "-222")


def test_values_stated_side_by_side_are_named_in_the_readers_language(gateway, browser, laboratory):
    live = {
        "kind": "reading", "value": "23.4", "unit": "°C", "stability": "n/a", "name": "temperature",
        "also": [{"kind": "reading", "value": "52.0", "unit": "%", "stability": "n/a", "name": "humidity"}],
    }  # fmt: skip
    said = gateway.device()
    live["at"] = said["live"]["at"]
    says(gateway, live=live, labels={"temperature": ["temperature", "温度"], "humidity": "wrong"})
    board = browser.get("/devices?part=board").text
    assert "温度" in board
    assert ">humidity<" in board
