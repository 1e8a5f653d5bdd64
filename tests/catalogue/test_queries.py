"""Lists and the page of an item cost the same however much there is."""

from datetime import date
from decimal import Decimal

import pytest

from lims.catalogue.packages import PackageText, create_package
from tests.catalogue.making import plain
from tests.support.queries import statements_of

LISTS = [
    "/catalogue",
    "/catalogue/items",
    "/catalogue/methods",
    "/catalogue/limits",
    "/catalogue/standards",
    "/catalogue/packages",
    "/catalogue/categories",
    "/catalogue/prices",
    "/api/test-items",
    "/api/test-items/measurable",
    "/api/limits",
    "/api/packages",
    "/api/standards",
    "/api/categories/find?q=class",
]
MOST = 24  # of a page with its frame: session, navigation counts, the list and its count


def grow(catalogue, uow, start: int, count: int) -> None:
    ids = []
    for n in range(start, start + count):
        item = catalogue.measured(f"item{n}", plain("x") if n == 0 else plain("x + @item0"))
        catalogue.limit(item, catalogue.category(f"c{n}"))
        ids.append(item.id)
    text = PackageText(f"package{start}", "套餐", "Package", ids)
    create_package(uow, actor=catalogue.keeper, text=text)


@pytest.mark.parametrize("path", LISTS)
def test_a_list_costs_the_same_with_more_rows(browser, database, catalogue, uow, path):
    grow(catalogue, uow, 0, 2)
    browser.get(path)
    with statements_of(database.engine) as few:
        assert browser.get(path).status_code == 200
    grow(catalogue, uow, 2, 6)
    with statements_of(database.engine) as many:
        assert browser.get(path).status_code == 200
    assert len(many) <= len(few), "\n".join(many)
    assert len(many) <= MOST, "\n".join(many)


def test_the_page_of_an_item_costs_the_same_with_more_of_everything(
    browser, database, catalogue, uow, session
):
    item = catalogue.measured("item0", plain("x"))
    address = f"/catalogue/items/{item.id}"
    grow(catalogue, uow, 1, 1)
    catalogue.limit(item)
    browser.get(address)
    with statements_of(database.engine) as few:
        assert browser.get(address).status_code == 200
    grow(catalogue, uow, 2, 3)
    for n in range(4):
        method = catalogue.method(item)
        first = catalogue.release(catalogue.draft(method, plain("x")))
        catalogue.release(catalogue.draft(first.method))
        catalogue.limit(item, catalogue.category(f"class{n}"))
    catalogue.limit(item, None, valid_from=date(2010, 1, 1), valid_to=date(2011, 1, 1), high=Decimal(1))
    text = PackageText("more", "套餐", "Package", [item.id])
    create_package(uow, actor=catalogue.keeper, text=text)
    with statements_of(database.engine) as many:
        page = browser.get(address).text
    assert "class3" in page
    assert len(many) <= len(few) + 2, "\n".join(
        many
    )  # packages and classes are asked for once there are some


def test_the_page_of_a_standard_costs_the_same_with_more_methods(browser, database, catalogue):
    standard = catalogue.standard("GB 1-2026")

    def rest_on(code: str) -> None:
        item = catalogue.item(code)
        catalogue.release(catalogue.draft(catalogue.method(item, standard), plain("x")))
        catalogue.limit(item, standard=standard.id)

    rest_on("lead")
    address = f"/catalogue/standards/{standard.id}"
    browser.get(address)
    with statements_of(database.engine) as few:
        browser.get(address)
    for code in ("tin", "zinc", "iron"):
        rest_on(code)
    with statements_of(database.engine) as many:
        assert "zinc" in browser.get(address).text
    assert len(many) <= len(few), "\n".join(many)
