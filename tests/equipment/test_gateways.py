"""Gateways: created with a code, enrolled with a key, bound to equipment, revoked; on pages and by programs."""

import re

import pytest
from sqlalchemy import select

from instruments.keys import fingerprint, public_bytes
from lims.core.audit import AuditEvent
from lims.core.errors import Conflict, InvalidInput, PermissionDenied, StaleVersion, TransitionRefused
from lims.core.permissions import SYSTEM, Role
from lims.equipment.devices import add_device, bind_device, unbind_device
from lims.equipment.gateways import create_gateway, list_gateways, renew_code, revoke_gateway
from lims.equipment.models import Device, Gateway, GatewayState
from tests.support.accounts import actor_of, make_account, sign_in
from tests.support.bench_gateway import BenchGateway, new_code
from tests.support.laboratory import make_laboratory


@pytest.fixture
def laboratory(uow):
    return make_laboratory(uow)


@pytest.fixture
def administrator(uow):
    return make_account(uow, Role.ADMINISTRATOR)


@pytest.fixture
def actor(administrator):
    return actor_of(administrator)


@pytest.fixture
def browser(client, administrator):
    return sign_in(client, administrator)


@pytest.fixture
def gateway(app, uow, clock):
    return BenchGateway(app.test_client(), clock.now, "bench-1")


def verbs(session, *wanted):
    session.rollback()
    return list(
        session.scalars(select(AuditEvent.verb).where(AuditEvent.verb.in_(wanted)).order_by(AuditEvent.seq))
    )


# -- codes and keys ------------------------------------------------------------------


def test_a_code_enrols_once_and_both_ends_show_the_same_fingerprint(gateway, browser, uow, session):
    code = new_code(uow, "bench-1")
    assert gateway.offer(code).status_code == 201
    again = gateway.offer(code)
    assert (again.status_code, again.json["code"]) == (403, "enrolment_code_wrong")
    session.rollback()
    row = session.scalars(select(Gateway)).one()
    assert (row.state, row.code_hash) == (GatewayState.ENROLLED, None)
    page = browser.get(f"/gateways/{row.id}").text
    assert fingerprint(public_bytes(gateway.key)) in page
    assert verbs(session, "gateway.create", "gateway.enrol") == ["gateway.create", "gateway.enrol"]


def test_the_code_is_kept_hashed_and_never_in_the_trail(gateway, uow, session):
    code = new_code(uow, "bench-1")
    session.rollback()
    row = session.scalars(select(Gateway)).one()
    assert code not in row.code_hash
    for event in session.scalars(select(AuditEvent)):
        assert code not in event.after
        assert row.code_hash not in event.after


def test_a_code_ends_after_an_hour_and_with_the_next_code(gateway, uow, clock):
    first = new_code(uow, "bench-1")
    second = new_code(uow, "bench-1")
    assert gateway.offer(first).json["code"] == "enrolment_code_wrong"
    clock.advance(minutes=61)
    assert gateway.offer(second).json["code"] == "enrolment_code_wrong"
    assert gateway.offer(new_code(uow, "bench-1").lower().replace("-", " ")).status_code == 201


def test_guessing_codes_is_slowed_down(gateway):
    answers = [gateway.offer("AAAA-AAAA-AAAA-AAAA").status_code for _ in range(31)]
    assert answers[:30] == [403] * 30
    assert answers[30] == 429


@pytest.mark.parametrize(
    ("changed", "status", "code"),
    [
        ({"public_key": "AAAA"}, 400, "body_wrong"),
        ({"public_key": 5}, 400, "body_wrong"),
        ({"host": None}, 400, "body_wrong"),
        ({"name": "x" * 201}, 400, "body_wrong"),
        ({"code": "a\x00"}, 400, "body_wrong"),
        ({"public_key": "A" * 43 + "="}, 401, "signature_wrong"),
    ],
)
def test_a_wrong_offer_is_refused(gateway, uow, changed, status, code):
    real = new_code(uow, "bench-1")
    answer = gateway.offer(real, **changed)
    assert (answer.status_code, answer.json["code"]) == (status, code)
    assert gateway.offer(real).status_code == 201  # the code is not spent


def test_a_key_serves_one_gateway_only(gateway, uow, app, clock):
    gateway.enrol(uow)
    twin = BenchGateway(app.test_client(), clock.now, "bench-2")
    twin.key = gateway.key
    answer = twin.offer(new_code(uow, "bench-2"))
    assert (answer.status_code, answer.json["code"]) == (400, "body_wrong")


def test_a_name_is_given_once(uow, actor):
    create_gateway(uow, actor=actor, name="bench-1")
    with pytest.raises(Conflict) as refused:
        create_gateway(uow, actor=actor, name="bench-1")
    assert refused.value.code == "gateway_exists"


def test_only_who_may_edit_gateways_does(uow, session, clock):
    analyst = actor_of(make_account(uow, Role.ANALYST))
    row = create_gateway(uow, actor=SYSTEM, name="bench-1").gateway
    for attempt in (
        lambda: create_gateway(uow, actor=analyst, name="bench-2"),
        lambda: renew_code(uow, actor=analyst, gateway_id=row.id),
        lambda: revoke_gateway(uow, actor=analyst, gateway_id=row.id, reason="x"),
        lambda: add_device(uow, actor=analyst, gateway_id=row.id, name="d"),
        lambda: list_gateways(session, actor=analyst, now=clock.now),
    ):
        with pytest.raises(PermissionDenied):
            attempt()


# -- revoking ------------------------------------------------------------------------


def test_a_revoked_gateway_delivers_nothing_and_comes_back_with_a_new_key_only(
    gateway, uow, actor, session, client
):
    gateway.enrol(uow)
    gateway.beat()
    session.rollback()
    revoke_gateway(uow, actor=actor, gateway_id=int(gateway.id), reason="PC stolen")
    gateway.keep()
    for answer in (gateway.deliver(), gateway.beat()):
        assert (answer.status_code, answer.json["code"]) == (403, "gateway_revoked")
    assert client.get("/healthz").json["gateways"] == {}
    old = gateway.key
    fresh = BenchGateway(gateway.browser, gateway.now, "bench-1").enrol(uow)
    assert fresh.id == gateway.id
    fresh.keep()
    assert fresh.deliver().status_code == 200
    gateway.key = old
    assert gateway.deliver().json["code"] == "signature_wrong"


def test_revoking_wants_a_reason_and_the_row_as_it_was_seen(uow, actor):
    row = create_gateway(uow, actor=actor, name="bench-1").gateway
    with pytest.raises(InvalidInput):
        revoke_gateway(uow, actor=actor, gateway_id=row.id, reason="  ")
    with pytest.raises(StaleVersion):
        revoke_gateway(uow, actor=actor, gateway_id=row.id, reason="x", version=99)
    revoke_gateway(uow, actor=actor, gateway_id=row.id, reason="never installed", version=row.version)
    with pytest.raises(TransitionRefused):
        revoke_gateway(uow, actor=actor, gateway_id=row.id, reason="again")


def test_revoking_makes_an_open_code_void(gateway, uow, actor, session):
    code = new_code(uow, "bench-1")
    session.rollback()
    revoke_gateway(uow, actor=actor, gateway_id=session.scalars(select(Gateway.id)).one(), reason="x")
    assert gateway.offer(code).json["code"] == "enrolment_code_wrong"


# -- devices -------------------------------------------------------------------------


def test_equipment_hangs_on_one_wire_at_a_time(uow, actor, laboratory):
    other = add_device(uow, actor=actor, gateway_id=laboratory.gateway, name="balance-2")
    with pytest.raises(Conflict) as refused:
        bind_device(uow, actor=actor, device_id=other.id, equipment_id=laboratory.balance)
    assert refused.value.code == "equipment_bound"
    unbind_device(uow, actor=actor, device_id=laboratory.device, reason="moved")
    bound = bind_device(uow, actor=actor, device_id=other.id, equipment_id=laboratory.balance)
    assert bound.equipment_id == laboratory.balance
    assert verbs(uow.session, "device.unbind", "device.bind") == ["device.unbind", "device.bind"]


def test_unbinding_changes_the_future_and_not_the_past(uow, actor, laboratory, app, clock, session):
    from lims.bench.models import Capture

    gateway = BenchGateway(app.test_client(), clock.now, "bench-pc-1").enrol(uow)
    gateway.keep()
    gateway.deliver()
    unbind_device(uow, actor=actor, device_id=laboratory.device, reason="repair")
    gateway.keep()
    gateway.deliver()
    session.rollback()
    rows = session.scalars(select(Capture).order_by(Capture.seq)).all()
    assert [row.equipment_id for row in rows] == [laboratory.balance, None]


def test_a_device_is_named_once_and_unbound_once(uow, actor, laboratory):
    with pytest.raises(Conflict):
        add_device(uow, actor=actor, gateway_id=laboratory.gateway, name="balance-1")
    unbind_device(uow, actor=actor, device_id=laboratory.device, reason="x")
    with pytest.raises(Conflict) as refused:
        unbind_device(uow, actor=actor, device_id=laboratory.device, reason="x")
    assert refused.value.code == "not_bound"


def test_a_gateway_cannot_flood_the_register_with_devices(uow, laboratory, app, clock, session):
    gateway = BenchGateway(app.test_client(), clock.now, "bench-pc-1").enrol(uow)
    for part in range(3):
        names = [gateway.device(device=f"d{part}-{n}") for n in range(100)]
        assert gateway.beat(*names).status_code == 200
    session.rollback()
    assert len(session.scalars(select(Device.id)).all()) == 200


# -- pages and programs --------------------------------------------------------------


def test_an_administrator_creates_reads_binds_and_revokes_on_the_pages(
    browser, gateway, laboratory, session, uow
):
    made = browser.post("/gateways", data={"name": "bench-1", "place": "二楼天平室"})
    code = re.search(r"[2-9A-Z]{4}(-[2-9A-Z]{4}){3}", made.text).group()
    assert gateway.offer(code).status_code == 201
    gateway.id = str(session.scalars(select(Gateway.id).where(Gateway.name == "bench-1")).one())
    unbind_device(uow, actor=SYSTEM, device_id=laboratory.device, reason="moved")
    gateway.beat()
    gateway.beat()
    assert "二楼天平室" in (listed := browser.get("/gateways").text)
    assert "磁盘将满" not in listed
    full = {**gateway.live_body()["spool"], "disk": "the disk of the spool is nearly full: 812 MB free"}
    gateway.beat(spool=full)
    assert "磁盘将满" in browser.get("/gateways").text
    assert "磁盘将满" in browser.get(f"/gateways/{gateway.id}").text
    session.rollback()
    device = session.scalars(select(Device).where(Device.gateway_id == int(gateway.id))).one()
    page = browser.get(f"/gateways/{gateway.id}/devices/{device.id}").text
    assert f'<option value="{laboratory.balance}" selected>LH-001' in page  # it says its serial
    bound = browser.post(
        f"/gateways/{gateway.id}/devices/{device.id}/bind",
        data={"equipment_id": str(laboratory.balance), "version": str(device.version)},
    )
    assert bound.status_code == 302
    assert "LH-001" in browser.get(f"/gateways/{gateway.id}").text
    assert 'id="wire"' in browser.get(f"/equipment/{laboratory.balance}").text
    assert 'id="wire"' not in browser.get(f"/equipment/{laboratory.oven}").text
    session.rollback()
    session.refresh(device)
    stale = browser.post(
        f"/gateways/{gateway.id}/devices/{device.id}/unbind", data={"reason": "because", "version": "1"}
    )
    assert stale.status_code == 409
    assert "because" in stale.text  # nothing typed is lost
    version = session.get(Gateway, int(gateway.id)).version
    done = browser.post(f"/gateways/{gateway.id}/revoke", data={"reason": "stolen", "version": str(version)})
    assert done.status_code == 302
    assert "stolen" in browser.get(f"/gateways/{gateway.id}").text


def test_programs_can_do_the_same(browser, gateway, laboratory, session):
    made = browser.post("/api/gateways", json={"name": "bench-1"})
    assert made.status_code == 201
    assert gateway.offer(made.json["code"]).status_code == 201
    number = made.json["id"]
    assert browser.get("/api/gateways").json[0]["name"] == "bench-1"
    device = browser.post(f"/api/gateways/{number}/devices", json={"name": "oven-1"}).json
    bound = browser.put(
        f"/api/devices/{device['id']}/equipment",
        json={"equipment_id": laboratory.oven, "version": device["version"]},
    )
    assert bound.json["equipment_id"] == laboratory.oven
    shown = browser.get(f"/api/gateways/{number}").json
    assert (shown["gateway"]["state"], shown["gateway"]["fingerprint"]) == (
        "away",
        fingerprint(public_bytes(gateway.key)),
    )
    assert shown["devices"][0]["equipment_code"] == "LH-010"
    unbound = browser.post(
        f"/api/devices/{device['id']}/unbind", json={"reason": "x", "version": bound.json["version"]}
    )
    assert unbound.json["equipment_id"] is None
    code = browser.post(f"/api/gateways/{number}/code")
    assert code.status_code == 200
    wrong = browser.post(f"/api/gateways/{number}/revoke", json={"reason": "x", "version": 1})
    assert (wrong.status_code, wrong.json["code"]) == (409, "stale_version")
    version = shown["gateway"]["version"] + 1
    assert (
        browser.post(f"/api/gateways/{number}/revoke", json={"reason": "x", "version": version}).status_code
        == 204
    )


def test_the_command_line_gives_a_code_as_its_last_word(app, gateway, session):
    runner = app.test_cli_runner()
    missing = runner.invoke(args=["lims", "gateway-code", "bench-1"])
    assert missing.exit_code != 0
    assert "no gateway" in missing.output
    first = runner.invoke(args=["lims", "gateway-code", "bench-1", "--create"])
    again = runner.invoke(args=["lims", "gateway-code", "bench-1"])
    assert gateway.offer(first.output.split()[-1]).json["code"] == "enrolment_code_wrong"
    assert gateway.offer(again.output.split()[-1]).status_code == 201
    assert session.scalars(select(Gateway.name)).all() == ["bench-1"]


def test_pages_of_gateways_cost_the_same_for_two_and_for_ten(browser, uow, laboratory, database):
    from sqlalchemy import event

    def cost(path):
        seen = []

        def note(_connection, _cursor, statement, *_rest):
            seen.append(statement)

        event.listen(database.engine, "before_cursor_execute", note)
        browser.get(path)
        event.remove(database.engine, "before_cursor_execute", note)
        return len(seen)

    def grow(first, last):
        for n in range(first, last):
            create_gateway(uow, actor=SYSTEM, name=f"g{n}")
            add_device(uow, actor=SYSTEM, gateway_id=laboratory.gateway, name=f"d{n}")

    pages = ("/gateways", f"/gateways/{laboratory.gateway}", "/devices")
    grow(0, 2)
    for path in pages:
        browser.get(path)
    few = [cost(path) for path in pages]
    grow(2, 10)
    assert [cost(path) for path in pages] == few
    assert max(few) <= 22
