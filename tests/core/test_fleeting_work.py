"""Work that a power cut may take back holds no record, and the next ordinary commit waits for the disk again."""

import pytest
from sqlalchemy import text

from lims.core.jobs import ServiceBeat
from lims.core.permissions import SYSTEM
from lims.core.uow import RecordInFleetingWork
from lims.people.models import Section


def durability(uow) -> str:
    """What this transaction does at its commit."""
    if uow.session.get_bind().dialect.name == "sqlite":
        return {1: "fleeting", 2: "durable"}[uow.session.scalar(text("PRAGMA synchronous"))]
    return {"off": "fleeting"}.get(uow.session.scalar(text("SHOW synchronous_commit")), "durable")


def test_fleeting_work_does_not_wait_for_the_disk_and_ordinary_work_does(uow):
    with uow.fleeting():
        assert durability(uow) == "fleeting"
        uow.add(ServiceBeat(name="x", at=uow.now))
        uow.commit()
    with uow:
        ordinary = durability(uow)
    if uow.session.get_bind().dialect.name == "sqlite":
        assert ordinary == "durable"  # the private PostgreSQL of tests never waits
    assert uow.session.get(ServiceBeat, "x") is not None


def test_a_record_is_refused_in_fleeting_work(uow):
    with uow.fleeting():
        row = uow.add(Section(code="c", name_zh="室", name_en="c"))
        uow.audit("section.create", SYSTEM, row)
        with pytest.raises(RecordInFleetingWork):
            uow.commit()
    with uow.fleeting():
        uow.audit("x.y", SYSTEM, ("x", 1))
        with pytest.raises(RecordInFleetingWork):
            uow.commit()
    assert uow.session.query(Section).count() == 0


def test_it_is_ordinary_again_afterwards(uow):
    with uow.fleeting():
        uow.commit()
    with uow:
        row = uow.add(Section(code="c", name_zh="室", name_en="c"))
        uow.audit("section.create", SYSTEM, row)
        uow.commit()
    assert uow.session.get(Section, row.id) is not None
