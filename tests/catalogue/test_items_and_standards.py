"""Test items, their prices, standards and what rests on them."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from lims.catalogue.items import NewPrice, change_prices, create_item, edit_item, item, list_items
from lims.catalogue.overview import resting_on
from lims.catalogue.search import search_categories, search_items
from lims.catalogue.standards import (
    StandardText,
    create_standard,
    edit_standard,
    list_standards,
    replaces,
    withdraw_standard,
)
from lims.core.errors import Conflict, InvalidInput, PermissionDenied, StaleVersion
from lims.core.permissions import Role
from lims.core.uow import RequestKey
from tests.catalogue.making import plain
from tests.support.accounts import actor_of, make_account

TODAY = date(2026, 11, 22)


def test_an_analyst_reads_the_catalogue_and_does_not_change_it(uow, catalogue):
    analyst = actor_of(make_account(uow, Role.ANALYST))
    with pytest.raises(PermissionDenied):
        create_item(uow, actor=analyst, text=catalogue.item_text("lead"))


@pytest.mark.parametrize("code", ["Lead", "1lead", "", "a b", "铅", "a" * 61])
def test_a_code_is_a_name_that_formulas_can_read(uow, catalogue, code):
    with pytest.raises(InvalidInput) as refused:
        create_item(uow, actor=catalogue.keeper, text=catalogue.item_text(code))
    assert (refused.value.code, list(refused.value.fields)) == ("bad_item", ["code"])


def test_a_code_is_used_once_and_the_refusal_stands_at_its_field(uow, catalogue):
    catalogue.item("lead")
    with pytest.raises(Conflict) as refused:
        catalogue.item("lead")
    assert (refused.value.code, list(refused.value.fields)) == ("code_taken", ["code"])


def test_the_code_of_an_item_never_changes(uow, catalogue):
    row = catalogue.item("lead")
    with pytest.raises(InvalidInput, match="never changes"):
        edit_item(
            uow,
            actor=catalogue.keeper,
            test_item_id=row.id,
            version=row.version,
            text=catalogue.item_text("plumbum"),
        )


def test_a_section_that_is_gone_is_a_fault_at_its_field(uow, catalogue):
    text = replace(catalogue.item_text("lead"), section_id=987654)
    with pytest.raises(InvalidInput) as refused:
        create_item(uow, actor=catalogue.keeper, text=text)
    assert list(refused.value.fields) == ["section_id"]


def test_the_same_request_twice_makes_one_item(uow, catalogue, session):
    key = RequestKey("k1", "f" * 64)
    made = [
        create_item(uow, actor=catalogue.keeper, text=catalogue.item_text("lead"), request_key=key).id
        for _again in range(2)
    ]
    assert made[0] == made[1]
    assert len(list_items(session).rows) == 1


@pytest.mark.parametrize("words", ["lea", "lead项", "Item lead", "LEAD"])
def test_items_are_found_by_code_and_by_both_names(session, catalogue, words):
    catalogue.item("lead")
    catalogue.item("moisture")
    assert [row.code for row in list_items(session, words=words).rows] == ["lead"]


@pytest.mark.parametrize("words", ["%", "_", "\\"])
def test_signs_that_mean_something_to_the_database_are_only_signs(session, catalogue, words):
    catalogue.item("lead")
    assert list_items(session, words=words).rows == []


def test_who_looks_for_an_item_gets_the_best_match_first(session, catalogue):
    for code in ("lead_migration", "lead", "total_lead"):
        catalogue.item(code)
    assert next(row.code for row in search_items(session, "lead")) == "lead"
    assert len(search_items(session, "lead")) == 3


def test_product_classes_are_found_by_code_and_name(session, catalogue):
    food = catalogue.category("food")
    catalogue.category("food.bread", food)
    assert [row.code for row in search_categories(session, "Class food.bread")] == ["food.bread"]
    assert [row.code for row in search_categories(session, "bread类")] == ["food.bread"]
    assert [row.code for row in search_categories(session, "")] == ["food", "food.bread"]


def test_prices_change_together_or_not_at_all(uow, session, catalogue):
    lead, tin = catalogue.item("lead"), catalogue.item("tin")
    with pytest.raises(InvalidInput) as refused:
        change_prices(
            uow,
            actor=catalogue.keeper,
            prices=[NewPrice(lead.id, 1, Decimal("70")), NewPrice(tin.id, 1, Decimal("0.001"))],
        )
    assert list(refused.value.fields) == ["prices.1.price"]
    with pytest.raises(StaleVersion):
        change_prices(
            uow,
            actor=catalogue.keeper,
            prices=[NewPrice(lead.id, 1, Decimal("70")), NewPrice(tin.id, 7, Decimal("80"))],
        )
    session.rollback()
    assert item(session, lead.id).price == Decimal("60.00")
    done = change_prices(
        uow,
        actor=catalogue.keeper,
        prices=[NewPrice(lead.id, 1, Decimal("70")), NewPrice(tin.id, 1, Decimal("60.00"))],
    )
    assert done == 1
    assert item(session, lead.id).price == Decimal("70.00")


def test_standards_are_listed_by_what_they_are_today(session, catalogue):
    catalogue.standard("GB 1-2010", withdrawn_from=date(2026, 11, 22))
    catalogue.standard("GB 1-2026", in_force_from=date(2026, 11, 22))
    catalogue.standard("GB 1-2027", in_force_from=date(2027, 6, 1))
    found = {
        status: [row.code for row in list_standards(session, status=status, on=TODAY).rows]
        for status in ("withdrawn", "in_force", "upcoming")
    }
    assert found == {"withdrawn": ["GB 1-2010"], "in_force": ["GB 1-2026"], "upcoming": ["GB 1-2027"]}


def test_a_standard_is_not_withdrawn_before_it_begins_and_does_not_replace_itself(uow, catalogue):
    row = catalogue.standard("GB 1-2026", in_force_from=date(2026, 6, 1))
    withdraw = {"actor": catalogue.keeper, "standard_id": row.id, "version": row.version}
    with pytest.raises(InvalidInput) as refused:
        withdraw_standard(uow, **withdraw, withdrawn_from=date(2026, 5, 31))
    assert refused.value.code == "standard_dates"
    with pytest.raises(InvalidInput) as refused:
        withdraw_standard(uow, **withdraw, withdrawn_from=date(2027, 1, 1), replaced_by_id=row.id)
    assert refused.value.code == "standard_successor"


def test_a_number_of_a_standard_is_used_once(uow, catalogue):
    catalogue.standard("GB 1-2026")
    other = catalogue.standard("GB 2-2026")
    text = StandardText("GB 1-2026", "题", "Title")
    with pytest.raises(Conflict):
        create_standard(uow, actor=catalogue.keeper, text=text)
    with pytest.raises(Conflict) as refused:
        edit_standard(uow, actor=catalogue.keeper, standard_id=other.id, version=1, text=text)
    assert refused.value.code == "code_taken"


def test_what_rests_on_a_withdrawn_standard_is_named(uow, session, catalogue):
    old, new = catalogue.standard("GB 5-2010"), catalogue.standard("GB 5-2026")
    alone, twice = catalogue.item("alone"), catalogue.item("twice")
    for row, standard in ((alone, old), (twice, old), (twice, new)):
        catalogue.release(catalogue.draft(catalogue.method(row, standard), plain()))
    catalogue.limit(alone, standard=old.id)
    row = withdraw_standard(
        uow,
        actor=catalogue.keeper,
        standard_id=old.id,
        version=old.version,
        withdrawn_from=date(2026, 10, 1),
        replaced_by_id=new.id,
        why="2026 年第 5 号公告",
    )
    found = resting_on(session, row, TODAY)
    assert {method.test_item.code for method in found.methods} == {"alone", "twice"}
    assert [item.code for _limit, item in found.limits] == ["alone"]
    assert [item.code for item in found.left_without] == ["alone"]
    assert [one.code for one in replaces(session, new.id)] == ["GB 5-2010"]
