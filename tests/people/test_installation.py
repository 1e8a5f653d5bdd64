"""The first day of an installation, and what proves it sound: ``flask lims init`` and ``verify``."""

import re

import pytest
from sqlalchemy import select

from lims.core.audit import AuditEvent
from lims.core.calendar import DayKind, set_day
from lims.core.files import FileStore, keep_file
from lims.core.permissions import SYSTEM, Role
from lims.people.models import Account, Section
from lims.people.sign_in import Next, Visitor, give_one_time_code
from tests.core.test_unit_of_work import tamper
from tests.support.accounts import make_account

INIT = ["lims", "init", "--username", "Chief", "--name", "刘管理"]


@pytest.fixture
def run(app):
    """Run a command as from a shell."""
    return lambda *arguments: app.test_cli_runner().invoke(args=list(arguments))


def test_init_makes_the_first_administrator_and_prints_a_code_that_works(run, uow):
    done = run(*INIT)
    assert done.exit_code == 0, done.output
    code = re.search(r"One-time code: ([A-Z0-9-]{19})", done.output)[1]
    assert "/sign-in/first" in done.output
    account = uow.session.scalars(select(Account)).one()
    assert (account.username, account.password_hash) == ("chief", None)
    assert {row.role for row in account.roles} == {Role.ADMINISTRATOR}
    assert len(uow.session.scalars(select(Section)).all()) == 4
    entered = give_one_time_code(
        uow,
        username="chief",
        code=code,
        new_password="nine green pipettes",
        visitor=Visitor("10.0.0.7", "test"),
    )
    assert entered.next is Next.ENROL


def test_init_a_second_time_is_refused(run, session):
    run(*INIT)
    again = run("lims", "init", "--username", "intruder", "--name", "x")
    assert again.exit_code != 0
    assert "One-time code" not in again.output
    assert session.scalars(select(Account.username)).all() == ["chief"]


def test_init_refuses_a_user_name_that_is_none(run, session):
    assert run("lims", "init", "--username", "a b", "--name", "x").exit_code != 0
    assert session.scalars(select(Account)).all() == []


def test_the_only_administrator_is_helped_from_the_server(run, session, uow):
    account = make_account(uow, Role.ADMINISTRATOR, username="chief")
    done = run("lims", "reset-account", "Chief", "--reason", "phone fell into the sea")
    code = re.search(r"One-time code: ([A-Z0-9-]{19})", done.output)[1]
    visitor = Visitor("10.0.0.7", "test")
    entered = give_one_time_code(
        uow, username="chief", code=code, new_password="nine green pipettes", visitor=visitor
    )
    assert entered.next is Next.ENROL
    event = session.scalars(select(AuditEvent).where(AuditEvent.verb == "account.reset")).one()
    assert (event.actor_name, event.object_id) == ("system", str(account.id))
    assert event.reason == "phone fell into the sea"


@pytest.mark.parametrize(("name", "reason"), [("nobody", "x"), ("chief", " ")])
def test_a_reset_needs_a_person_and_a_reason(run, uow, name, reason):
    make_account(uow, Role.ADMINISTRATOR, username="chief")
    done = run("lims", "reset-account", name, "--reason", reason)
    assert done.exit_code != 0
    assert "One-time code" not in done.output


def test_codes_of_a_demonstration_are_not_shown_elsewhere(run):
    run(*INIT)
    done = run("lims", "demo-code", "chief")
    assert done.exit_code != 0
    assert not re.search(r"^\d{6}$", done.output, re.MULTILINE)


@pytest.fixture
def worked(uow, app):
    """Five events and a stored file."""
    from datetime import date

    for number in range(4):
        set_day(uow, actor=SYSTEM, day=date(2026, 1, number + 1), kind=DayKind.OFF, name=f"d{number}")
    store = FileStore(app.extensions["lims_settings"].files)
    with uow:
        name = keep_file(uow, store, b"the report", "application/pdf")
        uow.audit("file.keep", SYSTEM, ("stored_file", name))
        uow.commit()
    return store, name


def test_verify_says_what_it_checked(run, worked):
    done = run("lims", "verify")
    assert done.exit_code == 0, done.output
    assert "ok      audit chain: 5 events" in done.output
    assert "ok      stored files" in done.output


@pytest.mark.parametrize(
    ("statement", "named"),
    [
        ("UPDATE audit_event SET actor_name = 'somebody' WHERE seq = 3", "audit_event 3"),
        ("UPDATE audit_event SET before = '{}', after = '{}' WHERE seq = 4", "audit_event 4"),
        ("DELETE FROM audit_event WHERE seq = 2", "audit_event 2"),
        ("DELETE FROM audit_event WHERE seq = 5", "audit_event 5"),
    ],
)
def test_verify_names_the_first_broken_event(run, worked, session, statement, named):
    tamper(session, statement)
    done = run("lims", "verify")
    assert done.exit_code == 1
    assert f"BROKEN  audit chain: {named}" in done.output


def test_verify_names_an_event_that_was_slipped_in(run, worked, session):
    tamper(
        session,
        "INSERT INTO audit_event SELECT 6, at, actor_id, actor_name, session_id, ip, verb, object_type, "
        "object_id, before, after, reason, hash, 'f' FROM audit_event WHERE seq = 5",
    )
    done = run("lims", "verify")
    assert done.exit_code == 1
    assert "BROKEN  audit chain: audit_event 6" in done.output


def test_verify_names_a_damaged_file(run, worked):
    store, name = worked
    store.path(name).write_bytes(b"the report, improved")
    done = run("lims", "verify")
    assert done.exit_code == 1
    assert f"BROKEN  stored files: stored_file {name}: content does not match its hash" in done.output


def test_verify_names_a_missing_file(run, worked):
    store, name = worked
    store.path(name).unlink()
    done = run("lims", "verify")
    assert done.exit_code == 1
    assert f"stored_file {name}: missing" in done.output


def test_verify_changes_nothing(run, worked, session):
    before = session.scalars(select(AuditEvent.hash)).all()
    run("lims", "verify")
    session.rollback()
    assert session.scalars(select(AuditEvent.hash)).all() == before
