"""The pages of the catalogue, as a quality manager and as an analyst see them."""

import re

import pytest

from lims.catalogue.choose import method_for
from lims.catalogue.items import all_items
from lims.catalogue.limits import limits_of_items
from lims.catalogue.methods import methods_of_item, versions_of
from lims.catalogue.models import VersionState
from lims.catalogue.packages import items_of, packages
from lims.catalogue.standards import standard
from lims.core.clock import local_date
from tests.catalogue.making import MOISTURE, plain


def fields(page: str) -> dict[str, str]:
    """Every input of a page with its value."""
    found: dict[str, str] = {}
    for tag in re.findall(r"<input[^>]*>", page):
        attributes = dict(re.findall(r'([\w-]+)="([^"]*)"', tag))
        if "name" in attributes:
            found[attributes["name"]] = attributes.get("value", "")
    return found


def test_a_test_item_walks_from_its_name_to_its_first_order(browser, catalogue, session, uow):
    """docs/how-to/test-item.md: item, method, formula, bench, release, limit."""
    standard_id, section = catalogue.standard("GB 5009.3-2016").id, catalogue.item_text("x").section_id
    item = {
        "code": "moisture",
        "name_zh": "水分",
        "name_en": "Moisture",
        "field": "food_chemistry",
        "section_id": section,
        "price": "60.00",
        "retest_allowed": "true",
        "active": "true",
    }
    answer = browser.post("/catalogue/items/new", data=item)
    assert answer.status_code == 302
    page = browser.get(answer.location).text
    assert "nobody can order this item" in page
    session.rollback()
    test_item_id = all_items(session)[0].id
    answer = browser.post(
        f"/catalogue/items/{test_item_id}/methods/new",
        data={"standard_id": standard_id, "clause": "第一法", "preferred": "true"},
    )
    session.rollback()
    method = methods_of_item(session, test_item_id)[0]
    assert answer.location == f"/catalogue/methods/{method.id}"
    answer = browser.post(f"/catalogue/methods/{method.id}/draft")
    editor = answer.location
    assert "Formula" in browser.get(editor).text
    draft = {
        "version": "1",
        "result_kind": "number",
        "unit": "g/100g",
        "formula": "100 * (m1 - m2) / (m1 - m0)",
        "round_to": "0.1",
        "conditions_required": "false",
        "equipment_classes": ["balance"],
    }
    for n, name in enumerate(("m0", "m1", "m2")):
        draft |= {
            f"inputs-{n}-name": name,
            f"inputs-{n}-label_zh": f"质量{n}",
            f"inputs-{n}-label_en": f"Mass {n}",
            f"inputs-{n}-unit": "g",
            f"inputs-{n}-replicates": "",
            f"inputs-{n}-device_only": "false",
        }
    draft["inputs-3-device_only"] = "false"  # an empty row is no input
    answer = browser.post(editor, data=draft)
    assert answer.status_code == 302, answer.text
    version = answer.location
    assert "a formula that nobody has checked" in browser.get(version).text
    tried = browser.post(
        f"{version}/try",
        data={"figures-m0": "28.4517", "figures-m1": "33.4629", "figures-m2": "32.4607"},
    ).text
    assert "125275/6264" in tried
    assert "20.0" in tried
    kept = {name: value for name, value in fields(tried).items() if name.startswith("figures-m")}
    kept |= {
        "version": fields(tried)["version"],
        "name": "GB 5009.3",
        "source": "by hand",
        "expected": "20.1",
    }
    assert browser.post(f"{version}/cases", data=kept | {"expected": ""}).status_code == 422
    assert browser.post(f"{version}/cases", data=kept).status_code == 302
    page = browser.get(version).text
    assert "Expected 20.1, got 20.0." in page
    assert "/release" not in page
    assert browser.post(re.search(r'action="(/catalogue/cases/\d+/drop)"', page)[1]).status_code == 302
    kept |= {"version": fields(browser.get(f"{version}/edit").text)["version"], "expected": "20.0"}
    assert browser.post(f"{version}/cases", data=kept).status_code == 302
    assert "Ready to be released" in browser.get(version).text
    session.rollback()
    row = versions_of(session, [method.id])[method.id][0]
    answer = browser.post(f"{version}/release", data={"version": row.version})
    assert answer.status_code == 302
    session.rollback()
    assert method_for(session, test_item_id, local_date(uow.now)).version.number == 1
    answer = browser.post(
        f"/catalogue/items/{test_item_id}/limits/new",
        data={
            "standard_id": standard_id,
            "category_id": "",
            "kind": "max",
            "high": "10.0",
            "unit": "g/100g",
            "valid_from": "2020-01-01",
            "comparison": "full_value",
        },
    )
    assert answer.status_code == 302, answer.text
    page = browser.get(f"/catalogue/items/{test_item_id}").text
    assert "≤10.0" in page
    assert "in use" in page


def test_a_draft_that_cannot_be_released_marks_the_place_in_the_formula(browser, catalogue):
    made = catalogue.draft(catalogue.method(catalogue.item("lead")), plain("x * wrong"))
    page = browser.get(f"/catalogue/versions/{made.id}").text
    assert "wrong is not an input. (character 5)" in page
    assert re.search(r'x \* <mark title="Here">w</mark>rong', page)
    assert "/release" not in page
    answer = browser.post(f"/catalogue/versions/{made.id}/release", data={"version": "1"})
    assert answer.status_code == 422
    assert "wrong is not an input" in answer.text


def test_the_bench_shows_what_was_typed_and_where_the_formula_failed(browser, catalogue):
    made = catalogue.draft(catalogue.method(catalogue.item("moisture")), MOISTURE)
    typed = {"figures-m0": "1.10", "figures-m1": "1.10", "figures-m2": "1.0"}
    answer = browser.post(f"/catalogue/versions/{made.id}/try", data=typed)
    assert answer.status_code == 422
    assert fields(answer.text)["figures-m0"] == "1.10"
    assert '<mark title="Here">1</mark>00 * (m1' in answer.text
    answer = browser.post(f"/catalogue/versions/{made.id}/try", data=typed | {"figures-m2": "1,0"})
    assert "has a comma" in answer.text


def test_nothing_typed_in_the_editor_is_lost(browser, catalogue):
    made = catalogue.draft(catalogue.method(catalogue.item("moisture")), MOISTURE)
    sent = {
        "version": "1",
        "result_kind": "number",
        "formula": "m1 +",
        "round_to": "a tenth",
        "lod": "0.10",
        "inputs-0-name": "m1",
        "inputs-0-label_zh": "",
        "inputs-0-unit": "mg",
    }
    answer = browser.post(f"/catalogue/versions/{made.id}/edit", data=sent)
    assert answer.status_code == 422
    kept = fields(answer.text)
    assert (kept["round_to"], kept["lod"], kept["inputs-0-unit"]) == ("a tenth", "0.10", "mg")
    assert "m1 +" in answer.text
    assert answer.text.count("Please fill this in.") == 2


def test_a_released_version_sends_its_editor_back(browser, catalogue, session):
    item = catalogue.measured("lead")
    version = versions_of(session, [methods_of_item(session, item.id)[0].id])
    number = next(iter(version.values()))[0].id
    answer = browser.get(f"/catalogue/versions/{number}/edit")
    assert answer.location == f"/catalogue/versions/{number}"
    page = browser.get(answer.location).text
    assert "never changes" in page
    answer = browser.post(f"/catalogue/versions/{number}/retire", data={"reason": ""})
    assert answer.status_code == 422
    assert browser.post(f"/catalogue/versions/{number}/retire", data={"reason": "wrong"}).status_code == 302
    session.expire_all()
    session.rollback()
    assert versions_of(session, list(version))[next(iter(version))][0].state is VersionState.RETIRED


def test_two_versions_stand_side_by_side_with_their_differences(browser, catalogue):
    first = catalogue.release(catalogue.draft(catalogue.method(catalogue.item("lead")), plain("x")))
    second = catalogue.draft(first.method, plain("2 * x"))
    page = browser.get(f"/catalogue/versions/{second.id}/compare").text
    assert re.search(r'<td class="diff-new mono">2 \* x</td>', page)
    assert page.count("</span>changed</span>") == 1
    assert browser.get(f"/catalogue/versions/{first.id}/compare").status_code == 404


def test_the_page_of_limits_answers_which_one_holds_and_why(browser, catalogue, session):
    item, food = catalogue.item("lead"), catalogue.category("food")
    catalogue.limit(item, food)
    ask = f"/catalogue/limits/which?test_item_id={item.id}"
    assert "no class was given" in browser.get(ask).text
    page = browser.get(f"{ask}&category_id={food.id}&produced_on=2021-05-05").text
    assert "≤0.5" in page
    assert "2021-05-05" in page
    assert (
        "not in force on that day" in browser.get(f"{ask}&category_id={food.id}&produced_on=2010-01-01").text
    )
    assert browser.get("/catalogue/limits/which?test_item_id=abc&on=yesterday").status_code == 200


def test_a_limit_is_superseded_and_the_old_one_stays(browser, catalogue, session):
    item = catalogue.item("lead")
    old = catalogue.limit(item)
    page = browser.get(f"/catalogue/limits/{old.id}/supersede").text
    sent = {
        "version": fields(page)["version"],
        "standard_id": old.standard_id,
        "kind": "max",
        "high": "0.2",
        "unit": "mg/kg",
        "valid_from": "2019-01-01",
        "comparison": "full_value",
    }
    refused = browser.post(f"/catalogue/limits/{old.id}/supersede", data=sent)
    assert refused.status_code == 422
    assert "must begin after 2020-01-01" in refused.text
    done = browser.post(f"/catalogue/limits/{old.id}/supersede", data=sent | {"valid_from": "2026-01-01"})
    assert done.status_code == 302
    session.rollback()
    assert [str(row.high) for row in limits_of_items(session, [item.id])] == ["0.2", "0.5"]
    ended = browser.post(f"/catalogue/limits/{old.id}/end", data={"version": "2", "valid_to": "2027-01-01"})
    assert ended.status_code == 422


def test_a_withdrawn_standard_names_what_rests_on_it(browser, catalogue, session):
    item = catalogue.measured("lead")
    row = methods_of_item(session, item.id)[0].standard
    new = catalogue.standard("GB 5-2026")
    answer = browser.post(
        f"/catalogue/standards/{row.id}/withdraw",
        data={
            "version": row.version,
            "withdrawn_from": "2026-01-01",
            "replaced_by_id": new.id,
            "why": "SAMR 2026-5",
        },
    )
    assert answer.status_code == 302
    page = browser.get(answer.location).text
    assert "no other method in force" in page
    assert "GB 5-2026" in page
    session.rollback()
    session.expire_all()
    assert standard(session, row.id).replaced_by_id == new.id
    assert "Cannot be ordered today." in browser.get(f"/catalogue/items/{item.id}").text
    home = browser.get("/").text
    assert re.search(r'href="/catalogue/methods\?watch=standard_withdrawn">.*?>1<', home, re.S)
    listed = browser.get("/catalogue/methods?watch=standard_withdrawn").text
    assert f"/catalogue/items/{item.id}" in listed


def test_a_package_takes_codes_and_names_in_the_order_of_its_places(browser, catalogue, session):
    for code in ("lead", "tin"):
        catalogue.item(code)
    sent = {
        "code": "metals",
        "name_zh": "金属",
        "name_en": "Metals",
        "category_id": "",
        "active": "true",
        "rows-0-place": "2",
        "rows-0-item": "lead",
        "rows-1-place": "1",
        "rows-1-item": "Item tin",
        "rows-2-place": "",
        "rows-2-item": "gold",
    }
    refused = browser.post("/catalogue/packages/new", data=sent)
    assert refused.status_code == 422
    assert "No test item is called this." in refused.text
    assert fields(refused.text)["rows-2-item"] == "gold"
    del sent["rows-2-item"]
    assert browser.post("/catalogue/packages/new", data=sent).status_code == 302
    session.rollback()
    made = packages(session)[0]
    assert [row.code for row in items_of(session, made.id)] == ["tin", "lead"]
    editor = browser.get(f"/catalogue/packages/{made.id}/edit").text
    assert fields(editor)["rows-0-item"] == "tin"


def test_prices_are_saved_together_and_come_back_to_the_same_filter(browser, catalogue, session):
    lead = catalogue.item("lead")
    catalogue.item("tin")
    page = browser.get("/catalogue/prices?q=lead").text
    assert "tin" not in fields(page).values()
    sent = {"prices-0-test_item_id": lead.id, "prices-0-version": "1", "prices-0-price": "75.555"}
    refused = browser.post("/catalogue/prices?q=lead", data=sent)
    assert refused.status_code == 422
    assert fields(refused.text)["prices-0-price"] == "75.555"
    done = browser.post("/catalogue/prices?q=lead", data=sent | {"prices-0-price": "75.50"})
    assert done.location == "/catalogue/prices?q=lead"
    session.rollback()
    session.expire_all()
    assert str(all_items(session)[0].price) == "75.50"


def test_a_stale_page_is_refused_and_shows_what_was_typed(browser, catalogue):
    food = catalogue.category("food")
    sent = {"code": "food", "name_zh": "食品", "name_en": "Food", "version": food.version}
    assert browser.post(f"/catalogue/categories/{food.id}", data=sent).status_code == 302
    again = browser.post(f"/catalogue/categories/{food.id}", data=sent | {"name_en": "Foods"})
    assert again.status_code == 409
    assert "Somebody else changed this" in again.text
    assert 'value="Foods"' in again.text


def test_a_page_sent_twice_makes_one_row(browser, catalogue, session):
    sent = {"code": "GB 9-2026", "title_zh": "题", "title_en": "Title", "request_key": "the-same-key"}
    first, second = (browser.post("/catalogue/standards/new", data=sent) for _ in range(2))
    assert first.location == second.location


EVERY_PAGE = [
    "",
    "/items",
    "/items/{item}",
    "/methods",
    "/methods/{method}",
    "/versions/{version}",
    "/limits",
    "/limits/{limit}",
    "/limits/which",
    "/standards",
    "/standards/{standard}",
    "/categories",
    "/categories/{category}",
    "/packages",
    "/packages/{package}",
    "/business-types",
    "/business-types/{type}",
    "/prices",
]
FORMS = [
    "/items/new",
    "/items/{item}/edit",
    "/items/{item}/methods/new",
    "/items/{item}/limits/new",
    "/limits/{limit}/supersede",
    "/standards/new",
    "/standards/{standard}/edit",
    "/packages/new",
    "/packages/{package}/edit",
    "/business-types/new",
    "/business-types/{type}/edit",
]


@pytest.fixture
def rows(catalogue, session, uow) -> dict[str, int]:
    from lims.catalogue.business import BusinessTypeText, create_business_type
    from lims.catalogue.models import Payer
    from lims.catalogue.packages import PackageText, create_package

    item, food = catalogue.measured("moisture", MOISTURE), catalogue.category("food")
    method = methods_of_item(session, item.id)[0]
    limit = catalogue.limit(item, food)
    package = create_package(
        uow, actor=catalogue.keeper, text=PackageText("basic", "常规", "Basic", [item.id], food.id)
    )
    kind = create_business_type(
        uow,
        actor=catalogue.keeper,
        text=BusinessTypeText("commissioned", "委托检验", "Commissioned", Payer.CUSTOMER, 10),
    )
    return {
        "item": item.id,
        "method": method.id,
        "version": versions_of(session, [method.id])[method.id][0].id,
        "limit": limit.id,
        "standard": method.standard_id,
        "category": food.id,
        "package": package.id,
        "type": kind.id,
    }


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_page_opens_in_both_languages_and_offers_a_reader_no_change(reader, browser, rows, language):
    for path in EVERY_PAGE:
        address = f"/catalogue{path.format(**rows)}?lang={language}"
        page = reader.get(address)
        assert page.status_code == 200, address
        main = page.text.split("<main", 1)[1]
        assert 'method="post"' not in main.replace(f"/catalogue/versions/{rows['version']}/try", "") or (
            "/versions/" in path or path == "/prices"
        ), address
        # Anybody may say that something is wrong with what a page shows.
        assert "/new" not in main.replace("/nonconformities/new", ""), address
        assert "/edit" not in main, address
        assert browser.get(address).status_code == 200, address


def test_forms_open_for_the_keeper_only(reader, browser, rows):
    for path in FORMS:
        address = f"/catalogue{path.format(**rows)}"
        assert browser.get(address).status_code == 200, address
        assert reader.get(address).status_code == 403, address


@pytest.mark.parametrize("path", ["/items", "/methods", "/limits", "/standards"])
def test_lists_can_be_saved_as_files_without_markup(browser, rows, path):
    csv = browser.get(f"/catalogue{path}?export=csv")
    assert csv.status_code == 200
    assert "<" not in csv.text.replace("≤", "")
    assert browser.get(f"/catalogue{path}?export=xlsx").status_code == 200


def test_chinese_pages_hold_no_english_sentence(browser, rows):
    """A sample: what stands on the item's page in Chinese."""
    page = browser.get(f"/catalogue/items/{rows['item']}?lang=zh").text
    for words in ("Test methods", "Limits by product class", "in force", "until superseded", "Signing field"):
        assert words not in page
    assert "各产品类别的限量" in page
