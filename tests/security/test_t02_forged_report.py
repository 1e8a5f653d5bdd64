"""T02: a report that was edited is found out, and edited bytes are given to nobody."""

import random

import pytest
from flask.testing import FlaskClient
from sqlalchemy import text

from lims.certificates.verifying import verify_certificates
from lims.core.files import FileStore
from lims.core.permissions import Role
from lims.core.uow import UnitOfWork
from tests.support.accounts import make_account, sign_in
from tests.support.backends import Backend
from tests.support.reports import House, make_house

FLIPS = 600


@pytest.fixture
def house(uow: UnitOfWork) -> House:
    return make_house(uow)


@pytest.fixture
def store(database: Backend) -> FileStore:
    return FileStore(database.app.extensions["lims_settings"].files)


@pytest.fixture
def reader(client: FlaskClient, uow: UnitOfWork) -> FlaskClient:
    return sign_in(client, make_account(uow, Role.REVIEWER))


def broken(house: House, store: FileStore) -> list[str]:
    return verify_certificates(house.session, store).broken


def test_no_flipped_bit_of_a_stored_report_is_delivered(house, store):
    report = house.issued(house.order("moisture"), store.root)
    path = store.path(report.pdf_sha256)
    whole = path.read_bytes()
    chance = random.Random(20261123)
    delivered = 0
    for _n in range(FLIPS):
        place, bit = chance.randrange(len(whole)), 1 << chance.randrange(8)
        path.write_bytes(whole[:place] + bytes([whole[place] ^ bit]) + whole[place + 1 :])
        try:
            store.read(report.pdf_sha256)
            delivered += 1
        except OSError:
            continue
    path.write_bytes(whole)
    assert delivered == 0
    assert broken(house, store) == []


@pytest.mark.parametrize("tampering", ["append", "cut", "swap", "empty", "remove"])
def test_a_changed_file_is_named_and_not_given_out(house, store, reader, tampering):
    one = house.issued(house.order("moisture"), store.root)
    other = house.issued(house.order("plate_count"), store.root)
    path, whole = store.path(one.pdf_sha256), store.read(one.pdf_sha256)
    if tampering == "append":
        path.write_bytes(whole + b"\n%%EOF\n")
    elif tampering == "cut":
        path.write_bytes(whole[:-100])
    elif tampering == "swap":
        path.write_bytes(store.read(other.pdf_sha256))
    elif tampering == "empty":
        path.write_bytes(b"")
    else:
        path.unlink()
    found = broken(house, store)
    assert len(found) == 1
    assert found[0].startswith(f"certificate {one.id} ({one.number}): its file {one.pdf_sha256}")
    answer = reader.get(f"/api/certificates/{one.id}/file")
    assert answer.status_code in {404, 409}
    assert b"%PDF" not in answer.data
    assert reader.get(f"/api/certificates/{other.id}/file").status_code == 200


def test_a_report_made_elsewhere_has_no_place_here(house, store, database: Backend):
    """Somebody with the database, but without a signatory, cannot make a report that holds."""
    report = house.issued(house.order("moisture"), store.root)
    number = report.number
    house.session.rollback()
    columns = (
        "kind, order_id, customer_id, state, language, remarks_zh, remarks_en, photos, drafted_by, drafted_at,"
        " reviewed_by, reviewed_at, approved_by, approved_at, document, document_sha256, pdf_sha256, issued_on,"
        " issued_at, version, check_code"
    )
    with database.engine.begin() as connection:
        connection.execute(
            text(
                f"INSERT INTO certificate ({columns}, number) SELECT {columns}, 'BG2026-999999'"
                f" FROM certificate WHERE number = '{number}'"
            )
        )
    found = broken(house, store)
    assert found
    assert all("(BG2026-999999)" in one for one in found)
    assert any("did not sign" in one for one in found)
    assert any("number or check code differ" in one for one in found)
