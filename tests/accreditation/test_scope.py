"""The granted scope: lines with dates, ended and never deleted."""

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DatabaseError

from lims.accreditation.models import Scheme
from lims.accreditation.scope import (
    ScopeStanding,
    ScopeText,
    add_scope,
    edit_scope,
    expire_scope,
    list_scope,
    methods_in_scope,
    one_line,
)
from lims.core.errors import Conflict, InvalidInput, NotFound, PermissionDenied, StaleVersion
from lims.core.permissions import Role
from lims.core.uow import RequestKey
from tests.support.accounts import actor_of, make_account
from tests.support.queries import statements_of


def listed(house, **wanted):
    return [line.item_code for line in list_scope(house.uow.session, on=house.today, **wanted).rows]


@pytest.fixture
def lines(house):
    """moisture: current; melamine: ended; aluminium: later, for pastry only."""
    house.scope(Scheme.CMA, "moisture")
    house.scope(Scheme.CNAS, "melamine", first=-300, last=-1)
    house.scope(Scheme.CMA, "aluminium", first=1, category="bakery")
    return house


def test_lines_stand_by_item_with_how_they_stand_today(lines):
    page = list_scope(lines.uow.session, on=lines.today)
    assert [(r.item_code, r.standing, r.category_en) for r in page.rows] == [
        ("aluminium", ScopeStanding.UPCOMING, "Pastry"),
        ("melamine", ScopeStanding.ENDED, None),
        ("moisture", ScopeStanding.CURRENT, None),
    ]


def test_filters(lines):
    assert listed(lines, standing=ScopeStanding.CURRENT) == ["moisture"]
    assert listed(lines, standing=ScopeStanding.ENDED) == ["melamine"]
    assert listed(lines, standing=ScopeStanding.UPCOMING) == ["aluminium"]
    assert listed(lines, scheme=Scheme.CNAS) == ["melamine"]
    assert listed(lines, words="22388") == ["melamine"]
    assert listed(lines, words="水分") == ["moisture"]
    assert listed(lines, words="_") == []
    assert listed(lines, method_id=lines.method("aluminium")) == ["aluminium"]


def test_pages(lines):
    first = list_scope(lines.uow.session, on=lines.today, size=2)
    second = list_scope(lines.uow.session, on=lines.today, size=2, cursor=first.after)
    assert [r.item_code for r in (*first.rows, *second.rows)] == ["aluminium", "melamine", "moisture"]


def test_a_list_is_one_query(lines, database):
    lines.uow.session.rollback()
    with statements_of(database.engine) as seen:
        list_scope(lines.uow.session, on=lines.today)
    assert len([one for one in seen if one.startswith("SELECT")]) == 1


def test_the_same_line_twice_would_outlive_its_end(house):
    house.scope(Scheme.CMA, first=0, last=100)
    with pytest.raises(Conflict) as refused:
        house.scope(Scheme.CMA, first=100, last=200)
    assert refused.value.code == "scope_overlap"
    house.scope(Scheme.CMA, first=101, last=200)
    house.scope(Scheme.CNAS, first=0, last=100)
    house.scope(Scheme.CMA, first=0, last=100, category="bakery")


def test_an_edit_may_not_make_two_lines_one(house):
    house.scope(Scheme.CMA, first=0, last=100)
    later = house.scope(Scheme.CMA, first=101, last=200)
    wanted = {"actor": house.quality, "scope_row_id": later.id, "version": later.version}
    with pytest.raises(Conflict) as refused:
        edit_scope(house.uow, valid_from=house.day(50), valid_to=house.day(200), **wanted)
    assert refused.value.code == "scope_overlap"
    edited = edit_scope(
        house.uow, valid_from=house.day(110), valid_to=house.day(300), restriction="仅限固体", **wanted
    )
    assert (edited.valid_to, edited.restriction) == (house.day(300), "仅限固体")
    with pytest.raises(StaleVersion):
        edit_scope(house.uow, valid_from=house.day(110), valid_to=house.day(310), **wanted)


def test_a_grant_ends_inside_its_days_with_a_reason_in_the_trail(house):
    row = house.scope(Scheme.CMA, first=-10, last=10)
    wanted = {"actor": house.quality, "scope_row_id": row.id, "why": "附表变更"}
    for offset in (-11, 11):
        with pytest.raises(InvalidInput) as refused:
            expire_scope(house.uow, version=row.version, valid_to=house.day(offset), **wanted)
        assert refused.value.code == "scope_dates"
    ended = expire_scope(house.uow, version=row.version, valid_to=house.day(-1), **wanted)
    assert one_line(house.uow.session, ended.id, house.today).standing is ScopeStanding.ENDED
    assert methods_in_scope(house.uow.session, house.today) == {}
    assert methods_in_scope(house.uow.session, house.day(-1)) == {house.method(): frozenset({Scheme.CMA})}
    with house.uow.session.get_bind().connect() as connection:
        events = connection.execute(text("SELECT reason FROM audit_event WHERE verb = 'scope.expire'"))
        assert [row.reason for row in events] == ["附表变更"]


def test_a_line_is_never_deleted(house, database):
    house.scope()
    with database.engine.connect() as connection, pytest.raises(DatabaseError, match="recorded is never"):
        connection.execute(text("DELETE FROM scope_row"))


@pytest.mark.parametrize(
    ("change", "code", "field"),
    [
        ({"valid_to": -1}, "scope_dates", "valid_to"),
        ({"method_id": 987654}, "unknown_method", "method_id"),
        ({"category_id": 987654}, "unknown_category", "category_id"),
    ],
)
def test_a_line_that_makes_no_sense_is_refused_at_its_field(house, change, code, field):
    wanted: dict = {"scheme": Scheme.CMA, "method_id": house.method()}
    wanted |= {"valid_from": house.today, "valid_to": house.day(10)}
    wanted |= {name: house.day(v) if name == "valid_to" else v for name, v in change.items()}
    with pytest.raises(InvalidInput) as refused:
        add_scope(house.uow, actor=house.quality, text=ScopeText(**wanted))
    assert (refused.value.code, list(refused.value.fields)) == (code, [field])


def test_only_the_quality_manager_edits_the_scope(house, uow):
    row = house.scope()
    actor = actor_of(make_account(uow, Role.ADMINISTRATOR))
    with pytest.raises(PermissionDenied):
        expire_scope(uow, actor=actor, scope_row_id=row.id, version=1, valid_to=house.today, why="x")


def test_the_same_request_twice_adds_one_line(house):
    text_ = ScopeText(Scheme.CMA, house.method(), house.today, house.day(10))
    key = RequestKey("k", "f" * 64)
    rows = [add_scope(house.uow, actor=house.quality, text=text_, request_key=key) for _ in range(2)]
    assert rows[0].id == rows[1].id


def test_a_line_that_is_not_there(house):
    with pytest.raises(NotFound):
        one_line(house.uow.session, 987654, house.today)
