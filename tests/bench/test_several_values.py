"""A frame that states several values (registers of an answer, results of a message): each is kept and claimed by
itself, and none passes for another."""

import pytest
from sqlalchemy import select

from lims.bench.capture.check import verify_captures
from lims.bench.models import Capture, InputValue
from lims.core.files import FileStore
from lims.intake.models import RequestedTest, Sample
from tests.support.accounts import sign_in
from tests.support.bench_gateway import BenchGateway

CLIMATE = {
    "kind": "reading",
    "value": "21.4",
    "unit": "°C",
    "stability": "n/a",
    "name": "temperature",
    "also": [{"kind": "reading", "value": "47.5", "unit": "%RH", "stability": "n/a", "name": "humidity"}],
}


@pytest.fixture
def gateway(app, uow, laboratory, clock):
    made = BenchGateway(app.test_client(), clock.now).enrol(uow)
    assert made.beat().status_code == 200
    return made


@pytest.fixture
def browser(client, laboratory):
    browser = sign_in(client, laboratory.accounts["analyst"])
    browser.get("/?lang=en")
    browser.environ_base["HTTP_ACCEPT_LANGUAGE"] = "en"
    return browser


@pytest.fixture
def cell(bench):
    """(worksheet, test) of a moisture, whose m0, m1, m2 are masses in g."""
    test = bench.tests("moisture")[0]["moisture"]
    return bench.sheet(test), test


def stored(session):
    session.rollback()
    return session.scalars(select(Capture).order_by(Capture.seq, Capture.part)).all()


def masses(*values, **more):
    first, *rest = [
        {"kind": "reading", "value": v, "unit": "g", "stability": "stable", "name": f"pan {n}", **more}
        for n, v in enumerate(values, 1)
    ]
    return {**first, "also": rest}


def claim(browser, cell, capture, name):
    content = {"capture_id": capture.id, "row": cell[1], "cell": name}
    return browser.post(f"/api/worksheets/{cell[0]}/captures", json=content)


def test_each_value_of_a_frame_has_a_row_of_its_own(gateway, session, tmp_path):
    gateway.keep("28.4517")
    gateway.keep(event=CLIMATE, raw=b"\x01\x04\x04\x00\xd6\x01\xdb")
    gateway.keep("5.0000")
    assert gateway.deliver().json == {"acknowledged": 3, "stored": 3, "already": 0}
    assert gateway.deliver().json == {"acknowledged": 3, "stored": 0, "already": 3}
    rows = stored(session)
    assert [(r.seq, r.part, r.name, r.text, r.unit) for r in rows] == [
        (1, 0, "", "28.4517", "g"),
        (2, 0, "temperature", "21.4", "°C"),
        (2, 1, "humidity", "47.5", "%RH"),
        (3, 0, "", "5.0000", "g"),
    ]
    assert (rows[1].raw, rows[1].hash, rows[1].captured_at) == (
        rows[2].raw,
        rows[2].hash,
        rows[2].captured_at,
    )
    assert not verify_captures(session, FileStore(tmp_path)).broken


def test_two_values_of_one_frame_go_into_two_cells_and_neither_twice(gateway, browser, cell, session):
    gateway.keep(event=masses("28.4517", "31.4519"))
    gateway.deliver()
    first, second = stored(session)
    assert claim(browser, cell, first, "m0-1").status_code == 200
    assert claim(browser, cell, second, "m1-1").status_code == 200
    assert claim(browser, cell, second, "m2-1").json["code"] == "already_claimed"
    session.rollback()
    values = {v.name: (v.text, v.capture_id) for v in session.scalars(select(InputValue))}
    assert values == {"m0": ("28.4517", first.id), "m1": ("31.4519", second.id)}


@pytest.mark.parametrize(
    ("event", "state", "value"),
    [
        ({**CLIMATE, "also": [*CLIMATE["also"], masses("28.4517")]}, "done", "28.4517"),  # the only mass
        (masses("28.4517", "31.4519"), "refused", None),
        (CLIMATE, "refused", None),
    ],
)
def test_space_takes_the_value_that_alone_can_be_meant(
    gateway, browser, laboratory, cell, session, event, state, value
):
    content = {"device": laboratory.device, "row": cell[1], "cell": "m0-1"}
    asked = browser.post(f"/api/worksheets/{cell[0]}/captures", json=content).json
    event = {**event, "also": [{k: v for k, v in one.items() if k != "also"} for one in event["also"]]}
    gateway.keep(event=event, trigger="take", request_id=asked["id"])
    gateway.deliver()
    said = browser.get(asked["href"]).json
    assert (said["state"], said["value"]) == (state, value)
    assert said["code"] == ("several_values" if state == "refused" else None)
    session.rollback()
    assert [v.text for v in session.scalars(select(InputValue))] == ([value] if value else [])


def test_a_value_that_bears_the_name_of_the_input_is_meant(gateway, browser, laboratory, cell):
    content = {"device": laboratory.device, "row": cell[1], "cell": "m0-1"}
    asked = browser.post(f"/api/worksheets/{cell[0]}/captures", json=content).json
    event = masses("28.4517", "31.4519")
    event["also"][0]["name"] = "M0"
    gateway.keep(event=event, trigger="take", request_id=asked["id"])
    gateway.deliver()
    assert browser.get(asked["href"]).json["value"] == "31.4519"


def test_results_of_an_analyser_keep_test_sample_and_what_is_no_number(gateway, session):
    event = {
        "kind": "result",
        "value": "0.52",
        "unit": "mg/kg",
        "stability": None,
        "test": "PB",
        "sample": "YP2026-0001",
        "also": [{"kind": "result", "value": None, "unit": "mg/kg", "test": "CD", "text": "< 0.05"}],
    }
    gateway.keep(event=event)
    gateway.deliver()
    said = [(r.kind.value, r.text, r.name, r.specimen, r.flags) for r in stored(session)]
    assert said == [("reading", "0.52", "PB", "YP2026-0001", ""), ("status", "< 0.05", "CD", "", "")]


@pytest.mark.parametrize("count", [200, 5000])
def test_more_values_than_a_frame_can_hold_are_kept_as_bytes_only(gateway, session, count):
    gateway.keep(event=masses(*["1.0000"] * (count + 1)))
    assert gateway.deliver().status_code == 200
    (row,) = stored(session)
    assert (row.kind.value, row.value, row.code) == ("unparsed", None, "too_many_values")


@pytest.mark.parametrize("also", ["x", [1], {"a": 1}])
def test_values_of_the_wrong_kind_are_refused(gateway, session, also):
    gateway.keep(event={"also": also})
    answer = gateway.deliver()
    assert (answer.status_code, answer.json["code"]) == (400, "body_wrong")
    assert stored(session) == []


def test_the_page_of_a_capture_shows_what_else_its_frame_states_and_offers_the_named_sample_first(
    gateway, browser, bench, session
):
    tests = [row["moisture"] for row in bench.tests("moisture", samples=2)]
    bench.sheet(*tests)
    numbers = select(Sample.number).join(RequestedTest, RequestedTest.sample_id == Sample.id)
    samples = [session.scalars(numbers.where(RequestedTest.id == test)).one() for test in tests]
    event = masses("28.4517", "31.4519", sample=samples[1])
    gateway.keep(event=event)
    gateway.deliver()
    first, second = stored(session)
    page = browser.get(f"/captures/{first.id}").text
    assert f'href="/captures/{second.id}"' in page
    assert "pan 2" in page
    options = page[page.index('name="cell"') :]
    assert options.index(samples[1]) < options.index(samples[0])
    assert "pan 1" in browser.get("/captures").text


def test_the_board_shows_every_value_of_the_last_answer(gateway, browser, laboratory):
    live = {**CLIMATE, "at": gateway.device()["live"]["at"]}
    gateway.beat(gateway.device(live=live))
    board = browser.get("/devices?part=board").text
    assert "temperature" in board
    assert "47.5" in board
    assert browser.get(f"/api/devices/{laboratory.device}/live").json["value"] == "21.4 °C · 47.5 %RH"
    figures = browser.get("/api/devices").json[0]["figures"]
    assert figures == [
        {"name": "temperature", "value": "21.4", "unit": "°C"},
        {"name": "humidity", "value": "47.5", "unit": "%RH"},
    ]
