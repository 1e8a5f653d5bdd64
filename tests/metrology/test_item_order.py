"""Items that need other items of the same sample."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lims.metrology.dependency import ItemsInCircle, affected_by, computing_order

BAKERY = {"aluminium_dry": {"moisture"}, "moisture": (), "sugar_dry": {"moisture", "sugar"}, "sugar": ()}


def test_an_item_is_computed_after_what_it_needs_and_else_by_name():
    assert computing_order(BAKERY) == ("moisture", "sugar", "aluminium_dry", "sugar_dry")
    assert computing_order({"dry": ["moisture"]}) == ("moisture", "dry")
    assert computing_order({}) == ()


def test_a_changed_item_touches_only_what_needs_it_however_far():
    assert affected_by("moisture", BAKERY) == ("aluminium_dry", "sugar_dry")
    assert affected_by("sugar", BAKERY) == ("sugar_dry",)
    assert affected_by("a", {"b": ["a"], "c": ["b"], "d": []}) == ("b", "c")


@pytest.mark.parametrize("needs", [{"a": ["a"]}, {"a": ["b"], "b": ["c"], "c": ["a"]}])
def test_items_that_need_each_other_are_refused_and_named(needs):
    with pytest.raises(ItemsInCircle) as refusal:
        computing_order(needs)
    assert refusal.value.code == "formula_circle"
    assert refusal.value.circle[0] == refusal.value.circle[-1]
    assert set(refusal.value.circle) == set(needs)


@given(st.dictionaries(st.integers(0, 20), st.sets(st.integers(0, 20), max_size=4), max_size=12))
def test_every_order_puts_needs_first_whatever_the_order_of_the_mapping(numbered):
    needs = {f"i{item:02}": {f"i{n:02}" for n in need if n < item} for item, need in numbered.items()}
    order = computing_order(needs)
    assert len(order) == len(set(order))
    assert all(order.index(need) < order.index(item) for item in needs for need in needs[item])
    assert computing_order(dict(reversed(needs.items()))) == order
