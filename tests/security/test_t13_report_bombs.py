"""T13: a report that cannot be set ends in a sentence, soon, and the next one works."""

import time

import pytest

from lims.certificates.content import gather
from lims.certificates.issuing import set_in_type
from lims.certificates.models import Certificate
from lims.certificates.road import edit_draft
from lims.core.errors import Conflict
from lims.core.files import FileStore
from lims.core.permissions import Role
from lims.core.uow import UnitOfWork
from tests.support.accounts import make_account, sign_in
from tests.support.backends import Backend
from tests.support.reports import House, make_house


@pytest.fixture
def house(uow: UnitOfWork) -> House:
    return make_house(uow)


def test_a_text_that_cannot_be_set_is_refused_with_a_sentence(house, database: Backend):
    store = FileStore(database.app.extensions["lims_settings"].files)
    made = house.draft(house.order("moisture"))
    edited = edit_draft(
        house.uow,
        actor=house.clerk,
        certificate_id=made.id,
        version=made.version,
        language="zh",
        remarks_zh="W" * 1_000_000,
        remarks_en="",
    )
    document = gather(house.session, house.session.get_one(Certificate, edited.id)).document
    started = time.monotonic()
    with pytest.raises(Conflict, check=lambda e: e.code == "text_too_long"):
        set_in_type(document, store)
    assert time.monotonic() - started < 5
    other = house.draft(house.order("moisture"))
    sound = gather(house.session, house.session.get_one(Certificate, other.id)).document
    assert set_in_type(sound, store).startswith(b"%PDF-")


def test_faces_refuse_long_remarks_before_anything_is_stored(house, app, uow):
    browser = sign_in(app.test_client(), make_account(uow, Role.RECEPTION))
    made = house.draft(house.order("moisture"))
    number, body = made.id, {"version": made.version, "language": "zh", "remarks_zh": "W" * 2_001}
    refused = browser.put(f"/api/certificates/{number}", json=body, headers={"Accept": "application/json"})
    assert (refused.status_code, list(refused.json["fields"])) == (422, ["remarks_zh"])
    page = browser.post(f"/certificates/{number}/edit", data=body)
    assert page.status_code == 422
    assert house.session.get_one(Certificate, number, populate_existing=True).remarks_zh == ""


def test_a_word_of_two_thousand_letters_is_printed(house, database: Backend):
    """The longest remark that the faces let in, without a place to break."""
    made = house.draft(house.order("moisture"))
    edit_draft(
        house.uow,
        actor=house.clerk,
        certificate_id=made.id,
        version=made.version,
        language="zh",
        remarks_zh="W" * 2_000,
        remarks_en="",
    )
    document = gather(house.session, house.session.get_one(Certificate, made.id)).document
    store = FileStore(database.app.extensions["lims_settings"].files)
    assert set_in_type(document, store).startswith(b"%PDF-")
