"""T03: a value that changes after the approval is refused by the database, or named by ``lims verify``."""

import hashlib

import orjson
import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DatabaseError

from lims.bench.inputs import Cell, enter_cells
from lims.bench.models import ResultVersion
from lims.certificates.models import Certificate
from lims.certificates.verifying import verify_certificates
from lims.core.errors import LimsError
from lims.core.files import FileStore
from lims.core.uow import UnitOfWork
from lims.core.verify import run_checks
from lims.intake.models import RequestedTest
from tests.support.backends import Backend
from tests.support.reports import House, make_house


@pytest.fixture
def house(uow: UnitOfWork) -> House:
    return make_house(uow)


@pytest.fixture
def store(database: Backend) -> FileStore:
    return FileStore(database.app.extensions["lims_settings"].files)


@pytest.fixture
def report(house: House, store: FileStore) -> Certificate:
    return house.issued(house.order("plate_count"), store.root)


def owner(database: Backend, *commands: str) -> None:
    """What the owner of the database can do: take the triggers off first."""
    with database.engine.begin() as connection:
        if database.name == "sqlite":
            names = connection.execute(
                text("SELECT name FROM sqlite_master WHERE type = 'trigger'")
            ).scalars()
            for name in list(names):
                connection.execute(text(f"DROP TRIGGER {name}"))
        else:
            connection.execute(text("SET session_replication_role = replica"))
        for command in commands:
            connection.execute(text(command))
        if database.name != "sqlite":
            connection.execute(text("SET session_replication_role = DEFAULT"))


def broken(house: House, store: FileStore) -> list[str]:
    return verify_certificates(house.session, store).broken


def test_the_analyst_cannot_change_a_value_that_was_approved(house, report):
    test = house.session.scalars(select(RequestedTest)).one().id
    sheet = house.session.scalars(text("SELECT id FROM worksheet")).first()
    with pytest.raises(LimsError):
        enter_cells(
            house.uow,
            actor=house.laboratory.actors["analyst"],
            worksheet_id=sheet,
            cells=[Cell(test, "count", 1, "1.0e2", None)],
        )
    house.session.rollback()
    assert house.session.scalars(select(ResultVersion)).all()[-1].reported.startswith("9.0×10^3")


@pytest.mark.parametrize(
    "command",
    [
        "UPDATE result_version SET reported = '1.0×10^2'",
        "UPDATE result_version SET verdict = 'fail'",
        "DELETE FROM result_version",
        "UPDATE input_value SET text = '1'",
        "UPDATE result SET verified_by = submitted_by",
    ],
)
def test_the_database_refuses_it_also_from_a_console(house, report, database: Backend, command):
    house.session.rollback()
    with pytest.raises(DatabaseError), database.engine.begin() as connection:
        connection.execute(text(command))


def test_the_owner_who_changes_a_value_is_found_by_row(house, store, report, database: Backend):
    version = house.session.scalars(select(ResultVersion)).all()[-1]
    notes = orjson.loads(version.explanation)
    notes["reported"]["values"][0]["figure"] = "1.0E+2"
    written = orjson.dumps(notes, option=orjson.OPT_SORT_KEYS).decode().replace("'", "''").replace(":", r"\:")
    number, name = version.id, f"certificate {report.id} ({report.number})"
    house.session.rollback()
    owner(database, f"UPDATE result_version SET explanation = '{written}' WHERE id = {number}")
    assert broken(house, store) == [
        f"{name}: the value printed for result_version {number} is not the stored one"
    ]


def test_the_owner_who_changes_the_verdict_is_found_by_row(house, store, report, database: Backend):
    version = house.session.scalars(select(ResultVersion)).all()[-1]
    notes = {**orjson.loads(version.explanation), "verdict": "fail"}
    written = orjson.dumps(notes, option=orjson.OPT_SORT_KEYS).decode().replace("'", "''").replace(":", r"\:")
    number = version.id
    house.session.rollback()
    owner(database, f"UPDATE result_version SET explanation = '{written}' WHERE id = {number}")
    assert [one.split(": ", 1)[1] for one in broken(house, store)] == [
        f"the verdict printed for result_version {number} is not the stored one"
    ]


def test_the_owner_who_changes_document_and_hash_lacks_the_signature(house, store, report, database: Backend):
    forged = report.document.replace("9.0×10³", "1.0×10²")
    assert forged != report.document
    digest, number = hashlib.sha256(forged.encode()).hexdigest(), report.id
    written = forged.replace("'", "''").replace(":", r"\:")
    house.session.rollback()
    owner(
        database,
        f"UPDATE certificate SET document = '{written}', document_sha256 = '{digest}' WHERE id = {number}",
    )
    found = broken(house, store)
    assert any("the signatory did not sign this document" in one for one in found)
    assert any("is not the stored one" in one for one in found)
    owner(database, f"UPDATE signature SET record_sha256 = '{digest}' WHERE meaning = 'approve'")
    assert broken(house, store) == [one for one in found if "did not sign" not in one]


def test_verify_of_the_command_line_names_the_first_broken_one_and_fails(house, store, report, app):
    runner = app.test_cli_runner()
    sound = runner.invoke(args=["lims", "verify"])
    assert sound.exit_code == 0, sound.output
    assert "certificates: 1 signed" in sound.output
    store.path(report.pdf_sha256).write_bytes(b"%PDF-1.7 forged")
    found = runner.invoke(args=["lims", "verify"])
    assert found.exit_code == 1
    assert f"certificate {report.id} ({report.number})" in found.output
    assert {name for name, _o in run_checks(house.session, store)} >= {"certificates", "audit chain"}
