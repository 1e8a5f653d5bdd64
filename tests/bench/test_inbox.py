"""The inbox of captures, one capture with its proof, claiming by hand, and the board of devices."""

import re
from datetime import timedelta

import pytest
from sqlalchemy import select

from instruments.clock import instant
from lims.bench.models import Capture, InputValue
from tests.support.accounts import sign_in
from tests.support.bench_gateway import BenchGateway


@pytest.fixture
def gateway(app, uow, laboratory, clock):
    return BenchGateway(app.test_client(), clock.now).enrol(uow)


@pytest.fixture
def browser(client, laboratory):
    browser = sign_in(client, laboratory.accounts["analyst"])
    browser.get("/?lang=en")
    browser.environ_base["HTTP_ACCEPT_LANGUAGE"] = "en"
    return browser


@pytest.fixture
def cell(bench):
    test = bench.tests("moisture")[0]["moisture"]
    return bench.sheet(test), test


def number(session, seq=1):
    session.rollback()
    return session.scalars(select(Capture.id).where(Capture.seq == seq)).one()


def test_what_nobody_claimed_is_listed_and_what_is_claimed_is_not(gateway, browser, cell, session):
    gateway.keep("28.4517")
    gateway.keep(None, raw=b"??garbage\r\n", event={"kind": "unparsed"})
    gateway.keep("1.2345", device="strange", serial=None, identity="unknown")
    gateway.deliver()
    page = browser.get("/captures").text
    assert "28.4517" in page
    assert "not understood" in page
    assert "bench-pc-1 / strange" in page
    sheet, test = cell
    content = {"capture_id": number(session), "row": test, "cell": "m0-1"}
    assert browser.post(f"/api/worksheets/{sheet}/captures", json=content).status_code == 200
    assert "28.4517" not in browser.get("/captures").text


def test_filters_narrow_the_inbox(gateway, browser, laboratory):
    gateway.keep("28.4517")
    gateway.keep(None, event={"kind": "unparsed"})
    gateway.keep("1.2345", device="strange", serial=None, identity="unknown")
    gateway.deliver()

    def shown(query):
        return len(re.findall(r'<th scope="row"', browser.get(f"/captures?{query}").text))

    assert [shown(q) for q in ("", "kind=unparsed", "kind=reading", "bound=no", "bound=yes")] == [
        3,
        1,
        2,
        1,
        2,
    ]
    assert shown(f"device={laboratory.device}") == 2
    assert shown("from=2026-11-23&to=2026-11-23") == 3
    assert shown("from=2026-11-24") == 0
    assert browser.get("/captures?device=zzz").status_code == 422


def test_the_inbox_costs_the_same_for_two_captures_and_for_forty(gateway, browser, count_queries):
    gateway.keep_many(2)
    gateway.deliver()
    browser.get("/captures")
    with count_queries() as few:
        browser.get("/captures")
    gateway.keep_many(38)
    gateway.deliver()
    with count_queries() as many:
        browser.get("/captures")
    assert len(few) == len(many) <= 16


def test_a_capture_shows_its_bytes_readable_its_flags_and_its_proof(gateway, browser, session):
    gateway.keep("28.4517", raw=b"S S    28.4517 g\r\n\x00<script>", serial="B99")
    gateway.deliver()
    page = browser.get(f"/captures/{number(session)}").text
    assert "53 20 53 20 20 20 20 32 38" in page
    assert "&lt;script&gt;" in page
    assert "<script>" not in page.split("bytes")[1].split("</pre>")[0]
    assert "another than expected" in page
    assert "holds" in page
    assert gateway.captures[0]["hash"] in page


def test_claiming_by_hand_shows_first_what_will_be_and_changes_nothing(gateway, browser, cell, session):
    gateway.keep("28.4517")
    gateway.deliver()
    sheet, test = cell
    capture = number(session)
    page = browser.get(f"/captures/{capture}").text
    key = f"{sheet}:{test}:m0-1"
    assert f'value="{key}"' in page
    looked = browser.get(f"/captures/{capture}?cell={key}").text
    assert "→ 28.4517 g" in looked
    session.rollback()
    assert session.scalars(select(InputValue)).all() == []
    done = browser.post(f"/captures/{capture}/claim", data={"cell": key})
    assert done.status_code == 302
    assert done.location.endswith(f"/worksheets/{sheet}#test-{test}")
    session.rollback()
    assert [v.text for v in session.scalars(select(InputValue))] == ["28.4517"]
    assert "claimed" in browser.get(f"/captures/{capture}").text


def test_the_preview_computes_the_result_that_would_come_out(gateway, browser, bench, cell, session):
    sheet, test = cell
    bench.weigh(sheet, test, "28.4517", "33.4629")
    gateway.keep("32.4607")
    gateway.deliver()
    capture = session.scalars(select(Capture.id).where(Capture.epoch == gateway.epoch)).one()
    looked = browser.get(f"/captures/{capture}?cell={sheet}:{test}:m2-1").text
    assert "20.0 g/100 g" in looked
    assert bench.version(test) is None or bench.version(test).reported == ""


def test_replacing_a_reading_by_hand_asks_for_the_reason(gateway, browser, bench, cell, session):
    sheet, test = cell
    bench.weigh(sheet, test, "28.4517")
    gateway.keep("28.4600")
    gateway.deliver()
    capture = session.scalars(select(Capture.id).where(Capture.epoch == gateway.epoch)).one()
    key = f"{sheet}:{test}:m0-1"
    assert 'name="reason"' in browser.get(f"/captures/{capture}?cell={key}").text
    without = browser.post(f"/captures/{capture}/claim", data={"cell": key})
    assert without.status_code == 422
    done = browser.post(f"/captures/{capture}/claim", data={"cell": key, "reason": "spilled"})
    assert done.status_code == 302


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"event": {"kind": "overload", "value": None}}, "no value in it"),
        ({"device": "strange", "serial": None, "identity": "unknown"}, "not bound to equipment when it came"),
    ],
)
def test_what_cannot_be_claimed_says_why(gateway, browser, cell, session, changed, sentence):
    gateway.keep(**changed)
    gateway.deliver()
    assert sentence in browser.get(f"/captures/{number(session)}").text


def test_an_unstable_reading_is_refused_in_the_preview(gateway, browser, cell, session):
    gateway.keep("28.4517", event={"stability": "dynamic"})
    gateway.deliver()
    sheet, test = cell
    looked = browser.get(f"/captures/{number(session)}?cell={sheet}:{test}:m0-1").text
    assert "was not stable" in looked


@pytest.mark.parametrize("cell_key", ["", "x", "1:2", "1:2:3:4", "a:b:m0-1", "1:1:m0-x", "9" * 40])
def test_a_broken_cell_is_refused_at_its_field(gateway, browser, session, cell_key):
    gateway.keep()
    gateway.deliver()
    answer = browser.post(f"/captures/{number(session)}/claim", data={"cell": cell_key})
    assert answer.status_code in {404, 422}


def test_the_board_shows_every_device_alive_and_alone_when_asked_for_the_part(gateway, browser, clock):
    gateway.beat()
    page = browser.get("/devices").text
    assert "28.4517" in page
    assert "connected" in page
    part = browser.get("/devices?part=board").text
    assert "28.4517" in part
    assert "<html" not in part
    clock.advance(seconds=20)
    gone = browser.get("/devices").text
    assert "gateway away" in gone
    assert "28.4517" not in gone


def test_programs_read_captures_devices_and_the_signed_proof(gateway, browser, session, cell, laboratory):
    gateway.keep_many(3)
    gateway.deliver()
    gateway.beat()
    first = browser.get("/api/captures?claimed=false&size=2").json
    assert [row["seq"] for row in first["items"]] == [3, 2]
    rest = browser.get(f"/api/captures?claimed=false&size=2&cursor={first['after']}").json
    assert [row["seq"] for row in rest["items"]] == [1]
    shown = browser.get(f"/api/captures/{number(session)}").json
    assert shown["signed"] is True
    assert gateway.captures[0]["hash"] in shown["proof"]["body"]
    (device,) = browser.get("/api/devices").json
    assert (device["link"], device["value"], device["serial"]) == ("connected", "28.4517", "B123456789")
    (usable,) = browser.get(f"/api/worksheets/{cell[0]}/devices").json
    assert (usable["id"], usable["refusal"]) == (laboratory.device, None)


def test_the_worksheet_page_carries_the_live_panel(gateway, browser, cell, laboratory):
    gateway.beat()
    page = browser.get(f"/worksheets/{cell[0]}").text
    assert f'data-url="/api/devices/{laboratory.device}/live"' in page
    assert f'data-take-url="/api/worksheets/{cell[0]}/captures"' in page
    assert "live.js" in page


def test_an_analysers_last_result_stays_on_the_board_and_is_offered_to_no_cell(
    gateway, browser, cell, laboratory
):
    result = {"kind": "result", "value": "28.4517", "stability": None, "sample": "S-1", "test": "NH3-N"}
    gateway.keep(event=result)
    gateway.deliver()
    before = instant(gateway.now - timedelta(minutes=5))
    gateway.beat(gateway.device(live={**result, "unit": "mg/L", "at": before}))
    board = browser.get("/devices?part=board").text
    assert "28.4517" in board
    assert "last result" in board
    assert browser.get(f"/api/devices/{laboratory.device}/live").json["printed"] is None
    page = browser.get(f"/worksheets/{cell[0]}").text
    assert f'href="/captures?device={laboratory.device}"' in page
    assert "data-take-url" not in page
