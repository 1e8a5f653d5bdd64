"""Limits: picked by day and class, superseded by dates, never edited."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DatabaseError

from lims.catalogue.limits import add_limit, end_limit, limit, limit_for, list_limits, supersede_limit
from lims.catalogue.models import LimitKind
from lims.core.errors import Conflict, InvalidInput, StaleVersion
from lims.core.uow import RequestKey

D = Decimal
TODAY = date(2026, 11, 22)


@pytest.fixture
def lead(catalogue):
    return catalogue.item("lead")


@pytest.fixture
def tree(catalogue):
    food = catalogue.category("food")
    return {"food": food, "bread": catalogue.category("bread", food), "tea": catalogue.category("tea", food)}


def test_the_day_of_production_decides_not_today(uow, session, catalogue, lead, tree):
    old = catalogue.limit(lead, tree["food"], high=D("0.5"))
    new = supersede_limit(
        uow,
        actor=catalogue.keeper,
        limit_id=old.id,
        version=old.version,
        text=catalogue.limit_text(lead, high=D("0.2"), valid_from=date(2023, 6, 30)),
    )
    picked = {
        day: limit_for(session, lead.id, tree["bread"].id, day, TODAY).limit.id
        for day in (date(2023, 6, 29), date(2023, 6, 30))
    }
    assert picked == {date(2023, 6, 29): old.id, date(2023, 6, 30): new.id}
    assert limit(session, old.id).valid_to == date(2023, 6, 29)
    assert new.category_id == tree["food"].id, "item and class are those of the old limit"


def test_without_a_production_date_the_day_of_registration_decides(session, catalogue, lead):
    catalogue.limit(lead, valid_to=date(2025, 1, 1))
    newer = catalogue.limit(lead, valid_from=date(2025, 1, 2))
    choice = limit_for(session, lead.id, None, None, TODAY)
    assert (choice.limit.id, choice.day) == (newer.id, TODAY)


def test_the_nearest_class_with_a_limit_wins(session, catalogue, lead, tree):
    catalogue.limit(lead, None, high=D("9"))
    of_food = catalogue.limit(lead, tree["food"], high=D("0.5"))
    of_bread = catalogue.limit(lead, tree["bread"], high=D("0.2"))
    found = {
        name: limit_for(session, lead.id, tree[name].id, TODAY, TODAY).limit.high for name in ("bread", "tea")
    }
    assert found == {"bread": of_bread.high, "tea": of_food.high}
    assert limit_for(session, lead.id, None, TODAY, TODAY).limit.high == D("9")


def test_each_reason_for_no_limit_has_its_name(session, catalogue, lead, tree):
    other = catalogue.category("cable")
    assert limit_for(session, lead.id, tree["food"].id, TODAY, TODAY).reason == "no_limit"
    catalogue.limit(lead, tree["food"], valid_from=date(2025, 1, 1))
    reasons = [
        limit_for(session, lead.id, None, TODAY, TODAY).reason,
        limit_for(session, lead.id, other.id, TODAY, TODAY).reason,
        limit_for(session, lead.id, tree["tea"].id, date(2024, 1, 1), TODAY).reason,
        limit_for(session, lead.id, tree["tea"].id, TODAY, TODAY).reason,
    ]
    assert reasons == ["category_unknown", "no_limit_for_category", "no_limit_on_date", "found"]


@pytest.mark.parametrize(
    ("begins", "ends", "refused"),
    [
        (date(2019, 1, 1), date(2019, 12, 31), False),
        (date(2019, 1, 1), date(2020, 1, 1), True),
        (date(2021, 1, 1), date(2021, 2, 1), True),
        (date(2022, 12, 31), None, True),
        (date(2023, 1, 1), None, False),
        (date(2019, 1, 1), None, True),
    ],
)
def test_two_limits_of_one_class_never_hold_on_the_same_day(
    uow, catalogue, lead, tree, begins, ends, refused
):
    catalogue.limit(lead, tree["food"], valid_from=date(2020, 1, 1), valid_to=date(2022, 12, 31))
    said = catalogue.limit_text(lead, tree["food"], valid_from=begins, valid_to=ends)
    if refused:
        with pytest.raises(Conflict) as conflict:
            add_limit(uow, actor=catalogue.keeper, text=said)
        assert conflict.value.code == "limit_overlap"
    else:
        assert add_limit(uow, actor=catalogue.keeper, text=said).id


def test_another_class_has_days_of_its_own(uow, catalogue, lead, tree):
    catalogue.limit(lead, tree["food"])
    assert catalogue.limit(lead, tree["bread"]).id
    assert catalogue.limit(lead, None).id


NONSENSE = [
    ({"kind": LimitKind.MAX, "high": None}, "limit_incomplete", {"high"}),
    ({"kind": LimitKind.MIN, "high": None}, "limit_incomplete", {"low"}),
    ({"kind": LimitKind.RANGE, "low": D("2"), "high": D("1")}, "limit_range", {"high"}),
    ({"kind": LimitKind.MAX, "low": D("0.1")}, "limit_figure_unused", {"low"}),
    ({"kind": LimitKind.NOT_PERMITTED}, "limit_figure_unused", {"high"}),
    ({"kind": LimitKind.PLAN, "high": None, "n": 5, "c": 2}, "limit_incomplete", {"m_small"}),
    (
        {"kind": LimitKind.PLAN, "high": None, "n": 5, "c": 6, "m_small": D(1)},
        "limit_plan",
        {"m_small"},
    ),
    (
        {"kind": LimitKind.PLAN, "high": None, "n": 5, "c": 2, "m_small": D(10), "m_large": D(1)},
        "limit_plan",
        {"m_small"},
    ),
    ({"valid_to": date(2019, 1, 1)}, "limit_order", {"valid_to"}),
    ({"standard": 987654}, "unknown_reference", {"standard_id"}),
]


@pytest.mark.parametrize(("said", "code", "fields"), NONSENSE)
def test_a_limit_says_what_its_kind_needs_and_nothing_else(uow, catalogue, lead, said, code, fields):
    with pytest.raises(InvalidInput) as refused:
        add_limit(uow, actor=catalogue.keeper, text=catalogue.limit_text(lead, **said))
    assert (refused.value.code, set(refused.value.fields)) == (code, fields)


@pytest.mark.parametrize(
    "said",
    [
        {"kind": LimitKind.MIN, "low": D("6.5"), "high": None},
        {"kind": LimitKind.RANGE, "low": D("6.5"), "high": D("8.5")},
        {"kind": LimitKind.NOT_PERMITTED, "high": None},
        {"kind": LimitKind.NOT_DETECTED, "high": None, "unit": "/25 g"},
        {"kind": LimitKind.PLAN, "high": None, "n": 5, "c": 2, "m_small": D("1E+4"), "m_large": D("1E+5")},
        {"kind": LimitKind.PLAN, "high": None, "n": 5, "c": 0, "m_small": D("0")},
    ],
)
def test_every_kind_of_limit_can_be_kept(session, catalogue, lead, said):
    made = catalogue.limit(lead, **said)
    assert limit_for(session, lead.id, None, TODAY, TODAY).limit.id == made.id


def test_a_new_limit_begins_after_the_old_one(uow, catalogue, lead):
    old = catalogue.limit(lead)
    with pytest.raises(InvalidInput) as refused:
        supersede_limit(
            uow,
            actor=catalogue.keeper,
            limit_id=old.id,
            version=old.version,
            text=catalogue.limit_text(lead, valid_from=old.valid_from),
        )
    assert refused.value.code == "limit_order"


def test_a_limit_superseded_by_somebody_else_meanwhile_is_not_superseded_again(uow, catalogue, lead):
    old = catalogue.limit(lead)
    step = {"actor": catalogue.keeper, "limit_id": old.id, "version": old.version}
    supersede_limit(uow, **step, text=catalogue.limit_text(lead, valid_from=date(2023, 1, 1)))
    with pytest.raises(StaleVersion):
        supersede_limit(uow, **step, text=catalogue.limit_text(lead, valid_from=date(2024, 1, 1)))


def test_a_limit_that_ended_is_not_revived(uow, catalogue, lead):
    row = catalogue.limit(lead, valid_to=date(2022, 1, 1))
    step = {"actor": catalogue.keeper, "limit_id": row.id}
    with pytest.raises(InvalidInput) as refused:
        end_limit(uow, **step, version=row.version, valid_to=date(2023, 1, 1))
    assert refused.value.code == "limit_ended"
    with pytest.raises(InvalidInput):
        end_limit(uow, **step, version=row.version, valid_to=date(2019, 1, 1))
    assert end_limit(uow, **step, version=row.version, valid_to=date(2021, 1, 1)).valid_to == date(2021, 1, 1)


@pytest.mark.parametrize(
    "attack",
    [
        "UPDATE spec_limit SET high = '9' WHERE id = {}",
        "UPDATE spec_limit SET valid_from = '2000-01-01' WHERE id = {}",
        "UPDATE spec_limit SET valid_to = NULL WHERE id = {}",
        "UPDATE spec_limit SET valid_to = '2040-01-01' WHERE id = {}",
        "UPDATE spec_limit SET standard_id = standard_id + 1 WHERE id = {}",
        "DELETE FROM spec_limit WHERE id = {}",
    ],
)
def test_the_database_itself_keeps_the_figures_of_a_limit(database, catalogue, lead, attack):
    row = catalogue.limit(lead, valid_to=date(2030, 1, 1))
    catalogue.uow.session.rollback()
    with database.engine.connect() as connection, pytest.raises(DatabaseError, match="never"):
        connection.execution_options(lims_write=True).execute(text(attack.format(row.id)))


def test_the_same_request_twice_adds_one_limit(uow, session, catalogue, lead):
    said, key = catalogue.limit_text(lead), RequestKey("k", "f" * 64)
    made = {add_limit(uow, actor=catalogue.keeper, text=said, request_key=key).id for _again in range(2)}
    assert len(made) == 1


def test_the_list_leaves_those_of_one_day(session, catalogue, lead):
    old = catalogue.limit(lead, valid_to=date(2022, 12, 31))
    new = catalogue.limit(lead, valid_from=date(2023, 1, 1))
    both = list_limits(session, test_item_id=lead.id).rows
    assert [row.id for row in both] == [new.id, old.id]
    one_day = list_limits(session, test_item_id=lead.id, in_force_on=date(2022, 12, 31)).rows
    assert [row.id for row in one_day] == [old.id]


def test_supersession_keeps_the_old_figures(uow, session, catalogue, lead):
    old = catalogue.limit(lead, high=D("0.50"))
    supersede_limit(
        uow,
        actor=catalogue.keeper,
        limit_id=old.id,
        version=old.version,
        text=replace(catalogue.limit_text(lead), high=D("0.2"), valid_from=date(2023, 1, 1)),
    )
    session.rollback()
    assert str(limit(session, old.id).high) == "0.50"
