"""The product tree, packages and business types."""

from dataclasses import replace

import pytest

from lims.catalogue.business import BusinessTypeText, create_business_type, edit_business_type
from lims.catalogue.categories import (
    ancestors_of,
    belonging_to,
    category,
    list_categories,
    rename_category,
)
from lims.catalogue.models import Payer
from lims.catalogue.packages import (
    PackageText,
    contents_of,
    create_package,
    edit_package,
    items_named,
    items_of,
    package,
)
from lims.core.errors import Conflict, InvalidInput, StaleVersion


def test_a_class_knows_the_classes_above_and_below_it(session, catalogue):
    food = catalogue.category("food")
    bread = catalogue.category("bread", food)
    bun = catalogue.category("bun", bread)
    assert [row.code for row in ancestors_of(session, [bun])[bun.id]] == ["food", "bread"]
    shown = belonging_to(session, bread.id)
    assert ([row.code for row in shown.above], [row.code for row in shown.below]) == (["food"], ["bun"])
    assert [row.code for row in list_categories(session, parent_id=food.id).rows] == ["bread"]


def test_the_tree_has_eight_levels(catalogue):
    row = None
    for level in range(8):
        row = catalogue.category(f"c{level}", row)
    with pytest.raises(InvalidInput) as refused:
        catalogue.category("c9", row)
    assert refused.value.code == "category_too_deep"


def test_two_people_do_not_rename_a_class_at_once(uow, session, catalogue):
    food = catalogue.category("food")
    step = {"actor": catalogue.keeper, "category_id": food.id, "version": food.version}
    rename_category(uow, **step, code="food", name_zh="食品", name_en="Food")
    with pytest.raises(StaleVersion):
        rename_category(uow, **step, code="food", name_zh="食物", name_en="Food")
    assert category(session, food.id).name_zh == "食品"


def test_a_class_code_is_used_once(uow, catalogue):
    catalogue.category("food")
    tea = catalogue.category("tea")
    with pytest.raises(Conflict):
        catalogue.category("food")
    with pytest.raises(Conflict) as refused:
        rename_category(
            uow,
            actor=catalogue.keeper,
            category_id=tea.id,
            version=tea.version,
            code="food",
            name_zh="a",
            name_en="b",
        )
    assert refused.value.code == "code_taken"


@pytest.fixture
def items(catalogue):
    return [catalogue.item(code) for code in ("lead", "tin", "zinc")]


def test_a_package_keeps_the_order_of_its_items(uow, session, catalogue, items):
    lead, tin, zinc = items
    text = PackageText("metals", "金属", "Metals", [zinc.id, lead.id])
    made = create_package(uow, actor=catalogue.keeper, text=text)
    assert [row.code for row in items_of(session, made.id)] == ["zinc", "lead"]
    edited = edit_package(
        uow,
        actor=catalogue.keeper,
        package_id=made.id,
        version=made.version,
        text=replace(text, item_ids=[lead.id, tin.id, zinc.id]),
    )
    assert edited.version == 2, "a changed list is a changed package"
    assert [row.code for row in items_of(session, made.id)] == ["lead", "tin", "zinc"]
    shown = contents_of(session, [package(session, made.id)])[0]
    assert str(shown.price) == "180.00"


def test_an_item_no_longer_offered_stays_in_the_package_and_out_of_orders(uow, session, catalogue, items):
    from lims.catalogue.items import edit_item

    lead, tin, _zinc = items
    text = PackageText("metals", "金属", "Metals", [lead.id, tin.id])
    made = create_package(uow, actor=catalogue.keeper, text=text)
    off = catalogue.item_text("tin", active=False)
    edit_item(uow, actor=catalogue.keeper, test_item_id=tin.id, version=tin.version, text=off)
    assert [row.code for row in items_of(session, made.id)] == ["lead"]
    shown = contents_of(session, [package(session, made.id)])[0]
    assert ([row.code for row in shown.items], str(shown.price)) == (["lead", "tin"], "60.00")


@pytest.mark.parametrize("chosen", [[], [0, 0], [987654]])
def test_a_package_holds_items_that_are_there_each_once(uow, catalogue, items, chosen):
    ids = [items[n].id if n < 3 else n for n in chosen]
    with pytest.raises(InvalidInput) as refused:
        create_package(uow, actor=catalogue.keeper, text=PackageText("m", "金属", "Metals", ids))
    assert refused.value.code == "package_items"


def test_items_of_a_package_are_written_by_code_or_name(session, items):
    assert items_named(session, ["tin", "lead项", "Item zinc"]) == [items[1].id, items[0].id, items[2].id]
    with pytest.raises(InvalidInput) as refused:
        items_named(session, ["tin", "gold"])
    assert list(refused.value.fields) == ["rows.1.item"]


TYPE = BusinessTypeText("commissioned", "委托检验", "Commissioned", Payer.CUSTOMER, 10)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"working_days": 0}, "working_days"),
        ({"working_days": 366}, "working_days"),
        ({"retention_days": -1}, "retention_days"),
        ({"backup_sample": True}, "backup_needs_form"),
    ],
)
def test_a_business_type_is_possible(uow, catalogue, change, code):
    with pytest.raises(InvalidInput) as refused:
        create_business_type(uow, actor=catalogue.keeper, text=replace(TYPE, **change))
    assert refused.value.code == code


def test_a_business_type_changes_and_its_code_is_used_once(uow, catalogue):
    made = create_business_type(uow, actor=catalogue.keeper, text=TYPE)
    edited = edit_business_type(
        uow,
        actor=catalogue.keeper,
        business_type_id=made.id,
        version=made.version,
        text=replace(TYPE, working_days=15),
    )
    assert edited.working_days == 15
    with pytest.raises(Conflict):
        create_business_type(uow, actor=catalogue.keeper, text=TYPE)
