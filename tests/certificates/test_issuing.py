"""From the approval to the bytes: once, whatever is killed, whoever is first."""

import subprocess
import sys
import threading
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DatabaseError

from lims.certificates import issuing
from lims.certificates.issuing import issue, issue_again, set_in_type
from lims.certificates.models import Certificate
from lims.certificates.road import approve_certificate
from lims.certificates.states import CertificateState
from lims.core.audit import AuditEvent
from lims.core.errors import Conflict
from lims.core.files import FileStore, StoredFile
from lims.core.jobs import Job, JobState, claim, run_one
from lims.core.uow import UnitOfWork
from reports.document import from_json
from tests.support.backends import Backend
from tests.support.reports import BASE_URL, House

ROOT = Path(__file__).parents[2]

# Runs the very job up to the durable file and dies before any row says so.
KILLED = """
import os, signal, sys
from pathlib import Path
from sqlalchemy import create_engine
from sqlalchemy.orm import Session
import lims.tables
from lims.certificates.models import Certificate
from lims.certificates.issuing import issue
from lims.core.database import engine_options, prepare_sqlite
from lims.core.printing import renderer
from lims.core.files import FileStore
from lims.core.uow import UnitOfWork

class DyingStore(FileStore):
    def write(self, content):
        name = super().write(content)
        renderer().close()
        os.kill(os.getpid(), signal.SIGKILL)
        return name

url, folder, number = sys.argv[1:]
engine = create_engine(url, **engine_options(url))
if engine.dialect.name == "sqlite":
    prepare_sqlite(engine)
issue(UnitOfWork(Session(engine)), DyingStore(Path(folder)), int(number))
"""


def fresh(house: House, certificate_id: int) -> Certificate:
    return house.session.get_one(Certificate, certificate_id, populate_existing=True)


def test_a_job_killed_between_the_file_and_the_row_issues_once_when_it_runs_again(
    house, database: Backend, files, clock
):
    signed = house.approve(house.reviewed(house.order("moisture"))).id
    house.session.rollback()
    claimed = claim(UnitOfWork(house.session, clock), "first worker")
    assert claimed.payload == {"certificate_id": signed}
    died = subprocess.run(
        [sys.executable, "-c", KILLED, database.url, str(files), str(signed)],
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    assert died.returncode == -9, died.stderr.decode()
    left = fresh(house, signed)
    assert (left.state, left.pdf_sha256) == (CertificateState.APPROVED, None)
    kept = [p for p in files.rglob("*") if p.is_file()]
    assert len(kept) == 1  # the bytes are there, and nothing names them

    settings = database.app.extensions["lims_settings"]
    assert not run_one(database.new_session, "second worker", clock, settings)  # the lease still holds
    clock.advance(timedelta(minutes=2))
    assert run_one(database.new_session, "second worker", clock, settings)
    done = fresh(house, signed)
    assert done.state is CertificateState.ISSUED
    assert [p for p in files.rglob("*") if p.is_file()] == kept  # the same document gives the same bytes
    issued = house.session.scalars(select(AuditEvent).where(AuditEvent.verb == "certificate.issue")).all()
    assert len(issued) == 1


def test_the_job_run_twice_issues_once_and_keeps_the_bytes(house, files, store):
    report = house.issued(house.order("moisture"), files)
    first, at = report.pdf_sha256, report.issued_at
    assert issue(house.uow, store, report.id) == first
    again = fresh(house, report.id)
    assert (again.pdf_sha256, again.issued_at) == (first, at)
    assert house.session.scalars(select(StoredFile)).all()[0].sha256 == first


def test_two_workers_at_once_issue_once(house, database: Backend, files, clock):
    signed = house.approve(house.reviewed(house.order("moisture"))).id
    house.session.rollback()
    names: list[str] = []

    def work() -> None:
        session = database.new_session()
        try:
            names.append(issue(UnitOfWork(session, clock), FileStore(files), signed))
        finally:
            session.close()

    threads = [threading.Thread(target=work) for _n in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(names) == 2
    assert names[0] == names[1] == fresh(house, signed).pdf_sha256
    events = house.session.scalars(select(AuditEvent).where(AuditEvent.verb == "certificate.issue")).all()
    assert len(events) == 1


def test_numbers_are_unique_when_many_approve_at_once(house, database: Backend, clock):
    seen = [(r.id, r.version) for r in [house.reviewed(house.order("moisture")) for _n in range(6)]]
    signatory = house.signatory
    house.session.rollback()
    numbers: list[str] = []
    faults: list[BaseException] = []

    def approve(certificate_id: int, version: int) -> None:
        session = database.new_session()
        try:
            made = approve_certificate(
                UnitOfWork(session, clock),
                actor=signatory,
                certificate_id=certificate_id,
                version=version,
                proof="password+totp",
                reason="agreed",
                base_url=BASE_URL,
            )
            numbers.append(made.number)
        except BaseException as fault:
            faults.append(fault)
        finally:
            session.close()

    threads = [threading.Thread(target=approve, args=pair) for pair in seen]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
    assert sorted(numbers) == [f"BG2026-{n:06d}" for n in range(1, 7)]


def test_a_certificate_number_asked_for_twice_at_once_is_given_once(house, database: Backend, clock):
    report = house.reviewed(house.order("moisture"))
    pair, signatory = (report.id, report.version), house.signatory
    house.session.rollback()
    outcomes: list[object] = []

    def approve() -> None:
        session = database.new_session()
        try:
            made = approve_certificate(
                UnitOfWork(session, clock),
                actor=signatory,
                certificate_id=pair[0],
                version=pair[1],
                proof="password+totp",
                reason="agreed",
                base_url=BASE_URL,
            )
            outcomes.append(made.number)
        except Exception as refused:  # which refusal depends on who was first
            outcomes.append(refused)
        finally:
            session.close()

    threads = [threading.Thread(target=approve) for _n in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(type(o).__name__ for o in outcomes) == ["StaleVersion", "StaleVersion", "str"]


def test_a_file_that_cannot_be_made_is_asked_for_again_or_withdrawn(house, database: Backend, clock):
    """A letter that no font has: the job is given up after its tries, and the number stays accounted for."""
    order = house.order("moisture", name="样品\U0001faf7")
    signed = house.approve(house.reviewed(order)).id
    settings = database.app.extensions["lims_settings"]
    with pytest.raises(Conflict) as refused:
        issue(UnitOfWork(house.session, clock), FileStore(settings.files), signed)
    assert refused.value.code == "glyph_missing"
    with pytest.raises(Conflict, check=lambda e: e.code == "still_trying"):
        issue_again(house.uow, actor=house.signatory, certificate_id=signed)
    for _n in range(8):
        run_one(database.new_session, "worker", clock, settings)
        clock.advance(minutes=10)
    job = house.session.scalars(select(Job)).one()
    assert job.state is JobState.FAILED
    assert "U+1FAF7" in job.error
    issue_again(house.uow, actor=house.signatory, certificate_id=signed)
    keys = house.session.scalars(select(Job.key).order_by(Job.id)).all()
    assert keys == [f"{issuing.KIND}:{signed}", f"{issuing.KIND}:{signed}:2"]
    assert fresh(house, signed).number == "BG2026-000001"


def test_the_database_itself_refuses_to_change_or_delete_what_was_issued(house, files, database: Backend):
    report = house.issued(house.order("moisture"), files).id
    house.session.rollback()
    commands = [
        f"UPDATE certificate SET document = '{{}}' WHERE id = {report}",
        f"UPDATE certificate SET number = 'BG2026-000009' WHERE id = {report}",
        f"UPDATE certificate SET pdf_sha256 = NULL WHERE id = {report}",
        f"UPDATE certificate SET check_code = 'AAAA' WHERE id = {report}",
        f"UPDATE certificate SET approved_by = NULL WHERE id = {report}",
        f"DELETE FROM certificate WHERE id = {report}",
        f"UPDATE certificate_item SET position = 9 WHERE certificate_id = {report}",
        f"DELETE FROM certificate_item WHERE certificate_id = {report}",
        f"UPDATE signature SET name = 'x' WHERE certificate_id = {report}",
        f"DELETE FROM signature WHERE certificate_id = {report}",
        "UPDATE stored_file SET size = 1",
        "DELETE FROM stored_file",
        "UPDATE result_version SET reported = '1'",
    ]
    allowed = []
    for command in commands:
        with database.engine.connect() as connection:
            try:
                connection.execute(text(command))
                connection.commit()
                allowed.append(command)
            except DatabaseError:
                connection.rollback()
    assert allowed == []


def test_what_was_frozen_sets_to_the_same_bytes_again(house, files, store):
    report = house.issued(house.order(samples=2), files)
    assert set_in_type(from_json(report.document.encode()), store) == store.read(report.pdf_sha256)
