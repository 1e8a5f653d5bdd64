"""The ground the other tests stand on."""

from pathlib import Path

import pytest
from sqlalchemy import select, text

from lims.core.permissions import SYSTEM
from lims.people.models import Section
from tests.support.postgres import PrivatePostgres


def add_section(uow):
    with uow:
        row = uow.add(Section(code="chemistry", name_zh="化学室", name_en="Chemistry"))
        uow.audit("section.add", SYSTEM, row)
        uow.commit()


@pytest.mark.parametrize("turn", [1, 2])
def test_every_test_starts_with_an_empty_database(session, uow, turn):
    assert session.execute(select(Section)).all() == []
    add_section(uow)
    assert session.execute(select(Section.code)).scalars().all() == ["chemistry"]


@pytest.mark.parametrize("turn", [1, 2])
def test_every_test_starts_at_the_same_instant(clock, turn):
    assert clock().isoformat() == "2026-11-23T02:00:00+00:00"
    clock.advance(hours=3)


def test_the_name_says_which_database_it_is(database, session):
    assert session.get_bind().dialect.name == database.name


def test_a_second_session_sees_what_the_first_committed(uow, new_session):
    add_section(uow)
    with new_session() as other:
        assert other.execute(select(Section.code)).scalar_one() == "chemistry"


def test_the_private_server_goes_with_its_owner():
    server = PrivatePostgres()
    server.start()
    folder = server.folder
    server.stop()
    assert not Path(folder).exists()


def test_chinese_sorts_and_compares_the_same_on_both(session):
    assert session.execute(text("SELECT CASE WHEN '一' < '丁' THEN 1 ELSE 0 END")).scalar() == 1
