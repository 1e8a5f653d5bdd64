"""T07, fake gateway: only the pinned key speaks, for its own gateway, with the body it signed."""

import base64

import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import func, select, text

from instruments.canonical import canonical
from lims.bench.capture.check import verify_captures
from lims.bench.models import Capture
from lims.core.files import FileStore
from lims.core.permissions import SYSTEM
from lims.equipment.gateways import revoke_gateway
from tests.support.bench_gateway import BenchGateway, sealed
from tests.support.laboratory import make_laboratory


@pytest.fixture
def gateway(client, uow, clock):
    make_laboratory(uow)
    made = BenchGateway(client, clock.now).enrol(uow)
    made.keep_many(3)
    return made


def nothing_stored(session):
    session.rollback()
    return session.scalar(select(func.count()).select_from(Capture)) == 0


def test_a_key_that_was_never_enrolled_is_refused(gateway, session):
    gateway.key = Ed25519PrivateKey.generate()
    for answer in (gateway.deliver(), gateway.beat()):
        assert (answer.status_code, answer.json["code"]) == (401, "signature_wrong")
    assert nothing_stored(session)


def test_the_key_before_a_new_enrolment_is_refused(gateway, uow, session):
    old = gateway.key
    BenchGateway(gateway.browser, gateway.now).enrol(uow)
    gateway.key = old
    assert gateway.deliver().json["code"] == "signature_wrong"
    assert nothing_stored(session)


def test_a_revoked_gateway_is_told_so_and_a_forger_of_it_is_not(gateway, uow, session):
    revoke_gateway(uow, actor=SYSTEM, gateway_id=int(gateway.id), reason="stolen")
    assert (gateway.deliver().status_code, gateway.deliver().json["code"]) == (403, "gateway_revoked")
    gateway.key = Ed25519PrivateKey.generate()
    assert gateway.deliver().json["code"] == "signature_wrong"
    assert nothing_stored(session)


@pytest.mark.parametrize("name", ["", "0", "999", "x", "1e3", "９", "1" * 30, "-1", " 1"])
def test_an_unknown_gateway_is_refused(gateway, name):
    body = canonical(gateway.batch())
    try:
        answer = gateway.post_bytes("captures", body, gateway.sign("captures", body), gateway=name)
    except UnicodeEncodeError:
        return  # such a header cannot be sent at all
    assert (answer.status_code, answer.json["code"]) == (401, "gateway_unknown")


def test_one_gateway_cannot_speak_for_another(gateway, app, uow, clock, session):
    other = BenchGateway(app.test_client(), clock.now, "bench-pc-2").enrol(uow)
    other.keep()
    body = canonical(other.batch())
    answer = other.post_bytes("captures", body, other.sign("captures", body), gateway=gateway.id)
    assert answer.json["code"] == "signature_wrong"
    said = canonical(other.batch(gateway=gateway.id))
    assert other.post_bytes("captures", said, other.sign("captures", said)).json["code"] == "gateway_mismatch"
    assert nothing_stored(session)


def test_every_changed_byte_of_a_signed_body_is_refused(gateway, session):
    body = canonical(gateway.batch([1]))
    signature = gateway.sign("captures", body)
    for place in range(0, len(body), 7):
        changed = body[:place] + bytes([body[place] ^ 1]) + body[place + 1 :]
        assert gateway.post_bytes("captures", changed, signature).json["code"] == "signature_wrong"
    assert gateway.post_bytes("captures", body + b" ", signature).json["code"] == "signature_wrong"
    assert nothing_stored(session)
    assert gateway.post_bytes("captures", body, signature).status_code == 200


@pytest.mark.parametrize(
    "spelling",
    [
        lambda document: orjson.dumps(document, option=orjson.OPT_SORT_KEYS | orjson.OPT_INDENT_2),
        lambda document: orjson.dumps(dict(reversed(document.items()))),
        lambda document: canonical(document).replace(b'"oldest":1', b'"oldest":1.0'),
        lambda document: canonical(document).replace(b'"oldest":1', b'"oldest":9007199254740993'),
        lambda document: canonical(document)[:-1] + b',"zz":1.5}',
        lambda document: canonical(document)[:-1] + '},"é":1}'.encode()[1:],
        lambda document: canonical(document)[:-1] + b',"sent_at":"x"}',
        lambda document: canonical(document).replace(b"balance-1", b"balance\\u002d1"),
        lambda _document: b"[]",
        lambda _document: b"{",
        lambda _document: b"",
        lambda _document: b"[" * 5000 + b"]" * 5000,
        lambda _document: b'"' + b"\xff" + b'"',
        lambda _document: b"NaN",
    ],
)
def test_a_body_in_another_spelling_is_refused_although_its_signature_is_right(gateway, session, spelling):
    body = spelling(gateway.batch([1]))
    answer = gateway.post_bytes("captures", body, gateway.sign("captures", body))
    assert (answer.status_code, answer.json["code"]) in {(400, "not_canonical"), (400, "body_wrong")}
    assert nothing_stored(session)


def test_a_signature_has_one_spelling(gateway, session):
    body = canonical(gateway.batch())
    right = gateway.sign("captures", body)
    raw = base64.b64decode(right)
    last = right.rstrip("=")[-1]
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    stray = right[: len(right.rstrip("=")) - 1] + alphabet[alphabet.index(last) ^ 1] + "=="
    assert base64.b64decode(stray) == raw  # decoders agree, and yet it is refused
    for wrong in ("", "x", stray, right + "\n", raw.hex(), base64.b64encode(raw + b"\0").decode(), "=" * 88):
        if "\n" in wrong:
            continue  # no header can carry it
        assert gateway.post_bytes("captures", body, wrong).json["code"] == "signature_wrong"
    assert nothing_stored(session)


def test_a_cookie_or_token_of_a_person_opens_no_gateways_door(gateway, uow, client):
    from lims.core.permissions import Role
    from tests.support.accounts import make_account, sign_in

    sign_in(client, make_account(uow, *Role))
    for path in ("/api/captures", "/api/gateways/live"):
        answer = client.post(path, json={})
        assert (answer.status_code, answer.json["code"]) == (401, "gateway_unknown")


# -- what a person with the database's password could do -----------------------------


@pytest.fixture
def open_locks(session):
    """As the owner of the database, who takes the triggers away first."""

    def tell(statement: str, **values: object) -> None:
        session.rollback()
        connection = session.connection()
        if connection.dialect.name == "sqlite":
            found = connection.execute(text("SELECT name FROM sqlite_master WHERE type = 'trigger'"))
            for (name,) in found.all():
                connection.execute(text(f"DROP TRIGGER {name}"))
        else:
            for table in ("capture", "capture_batch"):
                connection.execute(text(f"ALTER TABLE {table} DISABLE TRIGGER USER"))
        connection.execute(text(statement), values)
        session.commit()

    return tell


def first_broken(session, tmp_path):
    session.rollback()
    return (verify_captures(session, FileStore(tmp_path)).broken or ["all hold"])[0]


def test_untouched_captures_hold(gateway, session, tmp_path):
    gateway.deliver([1, 2])
    gateway.deliver([1, 2, 3])
    outcome = verify_captures(session, FileStore(tmp_path))
    assert (outcome.broken, outcome.checked) == ([], "3 captures in 2 deliveries")


@pytest.mark.parametrize(
    ("statement", "named"),
    [
        ("UPDATE capture SET text = '99.0000' WHERE seq = 2", "capture 2 (no. 2): text"),
        ("UPDATE capture SET value = '99.0000' WHERE seq = 3", "capture 3 (no. 3): value"),
        ("UPDATE capture SET raw = :raw WHERE seq = 1", "capture 1 (no. 1): raw"),
        ("UPDATE capture SET seq = 9 WHERE seq = 3", "capture_batch 1: its capture no. 3 is missing"),
        ("DELETE FROM capture WHERE seq = 2", "capture_batch 1: its capture no. 2 is missing"),
        ("UPDATE capture_batch SET body = :raw", "capture_batch 1: the signature does not hold"),
        ("UPDATE capture_batch SET signature = 'x'", "capture_batch 1: the signature does not hold"),
    ],
)
def test_an_edit_past_the_application_is_found_and_named(
    gateway, session, open_locks, tmp_path, statement, named
):
    gateway.deliver()
    open_locks(statement, **({"raw": b"S S 9"} if ":raw" in statement else {}))
    assert first_broken(session, tmp_path).startswith(named)


def test_a_forged_delivery_signed_anew_is_found_by_its_key(gateway, session, open_locks, tmp_path):
    gateway.deliver()
    forger = Ed25519PrivateKey.generate()
    batch = gateway.batch()
    batch["captures"] = [
        sealed({**batch["captures"][0], "event": {**batch["captures"][0]["event"], "value": "9"}})
    ]
    body = canonical(batch)
    open_locks(
        "UPDATE capture_batch SET body = :body, signature = :signature, public_key = :key",
        body=body,
        signature=gateway.sign("captures", body, forger),
        key=forger.public_key().public_bytes_raw().hex(),
    )
    assert first_broken(session, tmp_path) == "capture_batch 1: its key was never enrolled"
