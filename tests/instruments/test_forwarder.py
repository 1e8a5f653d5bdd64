"""Exactly once at the server, whatever happens to requests and replies on the way."""

import json

import pytest

from instruments.canonical import canonical
from instruments.errors import NotEnrolled, ServerRefused, ServerUnreachable
from instruments.forwarder import DeliveryState, Forwarder
from instruments.keys import load_identity, save_identity
from instruments.spool import Spool, SpoolReader
from instruments.wire import Server, enrol
from tests.instruments.making import draft
from tests.instruments.receiving import Receiving


@pytest.fixture
def receiving():
    with Receiving() as server:
        yield server


@pytest.fixture
def identity(receiving):
    server = Server(receiving.address)
    yield enrol(server, code="K7QM-2FZD", name="bench-1", host="pc", software="test")
    server.close()


@pytest.fixture
def spool(tmp_path):
    with Spool(tmp_path / "spool.db") as spool:
        yield spool


@pytest.fixture
def forwarder(spool, receiving, identity):
    reader, server = SpoolReader(spool.path), Server(receiving.address, timeout_s=3)
    yield Forwarder(reader, server, identity, keep_s=0)
    server.close()
    reader.close()


def fill(spool, count):
    for place in range(count):
        spool.add(draft(raw=b"frame %d" % place), 0.0)
    return spool.commit()


def test_what_was_stored_arrives_byte_for_byte_and_leaves_the_spool(spool, forwarder, receiving):
    stored = fill(spool, 3)
    assert forwarder.step() == 0.0
    arrived = receiving.all_captures()
    assert [canonical({k: v for k, v in c.items() if k != "hash"}) for c in arrived] == [
        r.body for r in stored
    ]
    assert [c["hash"] for c in arrived] == [r.hash for r in stored]
    assert forwarder.delivery.acknowledged == 3
    assert forwarder._reader.after(0, rows=9) == []


def test_a_lost_reply_means_sending_again_not_storing_again(spool, forwarder, receiving):
    fill(spool, 3)
    receiving.lose_replies = 2
    assert forwarder.step() > 0
    assert forwarder.delivery.state is DeliveryState.UNREACHABLE
    assert forwarder._reader.pending == 3
    forwarder.step()
    assert receiving.batches >= 2
    forwarder.step()
    assert len(receiving.all_captures()) == 3
    assert forwarder._reader.pending == 0


def test_a_server_that_is_away_is_asked_less_and_less_often(spool, identity):
    fill(spool, 1)
    reader = SpoolReader(spool.path)
    forwarder = Forwarder(reader, Server("http://127.0.0.1:9"), identity)
    waits = [forwarder.step() for _ in range(8)]
    assert waits[0] <= 0.5
    assert 20 < waits[-1] <= 30
    assert reader.pending == 1
    reader.close()


def test_a_revoked_gateway_keeps_its_captures_and_says_why(spool, forwarder, receiving):
    fill(spool, 2)
    receiving.refuse = (403, "gateway_revoked")
    assert forwarder.step() == 30.0
    assert (forwarder.delivery.state, forwarder.delivery.code) == (DeliveryState.REFUSED, "gateway_revoked")
    receiving.refuse = None
    forwarder.step()
    assert len(receiving.all_captures()) == 2


def test_the_same_number_with_other_content_is_refused_and_nothing_is_thrown_away(
    spool, forwarder, receiving
):
    fill(spool, 1)
    receiving.captures[spool.epoch] = {1: {"hash": "0" * 64}}
    forwarder.step()
    assert forwarder.delivery.code == "capture_conflict"
    assert forwarder._reader.pending == 1


def test_a_batch_too_large_for_the_server_is_halved_until_it_fits(spool, forwarder, receiving):
    fill(spool, 9)
    receiving.refuse = (413, "too_large")
    for _ in range(7):
        assert forwarder.step() == 0.0
    receiving.refuse = None
    while forwarder.step() == 0.0:
        pass
    assert len(receiving.all_captures()) == 9
    assert receiving.batches > 2


def test_a_server_restored_from_a_backup_gets_again_what_it_lost(spool, receiving, identity):
    reader, server = SpoolReader(spool.path), Server(receiving.address)
    forwarder = Forwarder(reader, server, identity, keep_s=3600)
    fill(spool, 4)
    forwarder.step()
    held = receiving.captures[spool.epoch]
    del held[3], held[4]
    fill(spool, 1)
    while forwarder.step() == 0.0 or reader.pending:
        pass
    assert [c["seq"] for c in receiving.all_captures()] == [1, 2, 3, 4, 5]
    server.close()
    reader.close()


def test_a_code_works_once(receiving, identity):
    server = Server(receiving.address)
    with pytest.raises(ServerRefused) as refused:
        enrol(server, code="K7QM-2FZD", name="thief", host="pc", software="test")
    assert refused.value.code == "enrolment_code_wrong"
    server.close()


def test_an_identity_is_read_back_and_refused_when_others_can_read_it(tmp_path, identity):
    path = tmp_path / "identity.json"
    save_identity(path, identity)
    assert path.stat().st_mode & 0o777 == 0o600
    assert load_identity(path).sign("live", b"x") == identity.sign("live", b"x")
    path.chmod(0o644)
    with pytest.raises(NotEnrolled, match="read by others"):
        load_identity(path)


def test_another_key_or_another_body_is_not_accepted(receiving, identity):
    server = Server(receiving.address)
    body = canonical({"gateway": "gw-1", "epoch": "e", "oldest": 1, "sent_at": "", "captures": []})
    headers = {"Lims-Gateway": "gw-1", "Lims-Signature": identity.sign("live", body)}
    with pytest.raises(ServerRefused) as refused:
        server.post("/api/captures", body, headers)
    assert refused.value.code == "signature_wrong"
    server.close()


def test_a_server_that_is_no_lims_is_unreachable_not_believed(receiving):
    receiving.refuse = (502, "bad_gateway")
    server = Server(receiving.address)
    with pytest.raises(ServerUnreachable, match="502"):
        server.post("/api/captures", b"{}", {})
    server.close()


def test_a_fraction_or_a_huge_number_cannot_be_signed():
    for value in (1.5, 2**53, {"größe": 1}):
        with pytest.raises(ValueError):
            canonical({"x": value})
    assert canonical({"b": "ü", "a": [1, None, True]}) == '{"a":[1,null,true],"b":"ü"}'.encode()
    assert json.loads(canonical({"a": 1})) == {"a": 1}
