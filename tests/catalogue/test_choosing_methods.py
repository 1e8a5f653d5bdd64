"""Which method measures an item on a day, and why none does."""

from datetime import date

import pytest

from lims.catalogue.choose import method_for
from lims.catalogue.items import edit_item
from lims.catalogue.methods import retire_version
from lims.catalogue.overview import item_overview, measurable_items
from tests.catalogue.making import plain

TODAY = date(2026, 11, 22)


def test_the_preferred_method_is_taken_then_the_newest_standard(session, catalogue):
    item = catalogue.item("lead")
    for year, preferred in ((2010, True), (2017, True), (2023, False)):
        standard = catalogue.standard(f"GB 5-{year}", in_force_from=date(year, 1, 1))
        catalogue.release(catalogue.draft(catalogue.method(item, standard, preferred=preferred), plain()))
    assert method_for(session, item.id, TODAY).version.method.standard.code == "GB 5-2017"
    assert method_for(session, item.id, date(2012, 1, 1)).version.method.standard.code == "GB 5-2010"


def test_a_withdrawn_standard_measures_to_the_day_before(session, catalogue):
    item = catalogue.measured("lead", withdrawn_from=date(2026, 11, 22))
    assert method_for(session, item.id, date(2026, 11, 21)).version is not None
    assert method_for(session, item.id, TODAY).reason.code == "method_withdrawn"


def test_the_reason_names_the_standard_that_replaces_it(session, catalogue):
    new = catalogue.standard("GB 5-2026")
    item = catalogue.measured(
        "lead", code="GB 5-2010", withdrawn_from=date(2026, 1, 1), replaced_by_id=new.id
    )
    reason = method_for(session, item.id, TODAY).reason
    assert "GB 5-2026" in reason.zh
    assert "replaced by GB 5-2026" in reason.en


def test_each_other_reason_has_its_code(uow, session, catalogue):
    none = catalogue.item("no_method")
    early = catalogue.measured("early", in_force_from=date(2027, 1, 1))
    drafted = catalogue.item("drafted")
    catalogue.draft(catalogue.method(drafted), plain())
    retired = catalogue.measured("retired")
    version = method_for(session, retired.id, TODAY).version
    retire_version(uow, actor=catalogue.keeper, version_id=version.id, why="wrong factor")
    off = catalogue.measured("off")
    edit_item(
        uow,
        actor=catalogue.keeper,
        test_item_id=off.id,
        version=off.version,
        text=catalogue.item_text("off", active=False),
    )
    wanted = {
        none.id: "no_method",
        early.id: "method_not_in_force",
        drafted.id: "method_not_released",
        retired.id: "method_not_released",
        off.id: "item_inactive",
        987654: "item_unknown",
    }
    found = {ident: method_for(session, ident, TODAY).reason.code for ident in wanted}
    assert found == wanted


def test_what_we_can_measure_leaves_out_what_is_no_longer_offered(uow, session, catalogue):
    catalogue.measured("lead")
    catalogue.item("unmeasured")
    catalogue.item("gone", active=False)
    page = measurable_items(session, on=TODAY)
    assert [(row.item.code, row.choice.version is not None) for row in page.rows] == [
        ("lead", True),
        ("unmeasured", False),
    ]


def test_an_items_page_names_the_items_it_calculates_with(session, catalogue):
    moisture = catalogue.measured("moisture")
    aluminium = catalogue.measured("aluminium", plain("x / (1 - @moisture / 100)"))
    assert [row.code for row in item_overview(session, moisture.id, TODAY).needed_by] == ["aluminium"]
    assert [row.code for row in item_overview(session, aluminium.id, TODAY).needs] == ["moisture"]


@pytest.mark.parametrize(
    ("day", "now", "upcoming", "over"), [(date(2022, 1, 1), "0.5", 1, 0), (date(2026, 1, 1), "0.2", 0, 1)]
)
def test_an_items_page_sorts_limits_by_what_they_are_today(session, catalogue, day, now, upcoming, over):
    from decimal import Decimal

    item, food = catalogue.item("lead"), catalogue.category("food")
    catalogue.limit(item, food, valid_to=date(2024, 12, 31))
    catalogue.limit(item, food, high=Decimal("0.2"), valid_from=date(2025, 1, 1))
    group = item_overview(session, item.id, day).limits[0]
    assert (str(group.now.high), len(group.upcoming), len(group.over)) == (now, upcoming, over)
