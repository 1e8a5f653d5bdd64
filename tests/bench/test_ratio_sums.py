"""Preservatives of one function: their shares add up, and the sum is a test of its own with a verdict."""

from datetime import date
from decimal import Decimal as D

import orjson
import pytest

from lims.accreditation.models import Authorisation
from lims.bench.explain import compute_again
from lims.catalogue.limits import LimitText, add_limit
from lims.catalogue.models import LimitKind, Method, MethodVersion, ResultKind, StandardEdition, TestItem
from lims.core.errors import InvalidInput
from lims.core.permissions import SYSTEM, Role
from lims.metrology.ratio_sums import NotDetectedAs
from tests.support.accounts import actor_of, make_account


@pytest.fixture
def preservatives(uow, laboratory):
    """An item whose value is the sum of the shares of melamine and aluminium, of milk powder."""
    with uow:
        any_item = uow.get(TestItem, laboratory.items["melamine"])
        item = uow.add(
            TestItem(
                code="preservatives",
                name_zh="防腐剂各自用量占其最大使用量的比例之和",
                name_en="Preservatives, sum of shares",
                field=any_item.field,
                section_id=any_item.section_id,
                price=D(0),
            )
        )
        edition = uow.add(StandardEdition(code="GB 2760-2024 A", title_zh="x", title_en="x"))
        method = uow.add(Method(test_item_id=item.id, standard_id=edition.id))
        version = MethodVersion(
            method_id=method.id,
            number=1,
            result_kind=ResultKind.RATIOS,
            unit="",
            formula="",
            round_to=D("0.01"),
            created_at=uow.now,
            released_at=uow.now,
        )
        uow.add(version)
        uow.add(
            Authorisation(
                account_id=laboratory.analyst.id,
                method_id=method.id,
                valid_from=date(2020, 1, 1),
                valid_to=date(2040, 1, 1),
            )
        )
        uow.audit("test_item.add", SYSTEM, item)
        uow.commit()
    laboratory.items["preservatives"], laboratory.versions["preservatives"] = item.id, version.id
    return item


def keeper_of(uow):
    return actor_of(make_account(uow, Role.QUALITY_MANAGER))


def lay_down(uow, laboratory, item, policy=NotDetectedAs.ZERO, **more):
    """The sum for bakery wares, and a maximum of 2.5 mg/kg melamine in them."""
    said = {
        "standard_id": uow.session.query(StandardEdition).filter_by(code="GB 2760-2024 A").one().id,
        "category_id": laboratory.categories["bakery"],
        "valid_from": date(2015, 1, 1),
    }
    own = LimitText(
        test_item_id=laboratory.items["melamine"], kind=LimitKind.MAX, unit="mg/kg", high=D("2.5"), **said
    )
    add_limit(uow, actor=keeper_of(uow), text=own)
    shared = {
        "high": D(1),
        "not_detected": policy,
        "members": [laboratory.items["melamine"], laboratory.items["aluminium"]],
    }
    text = LimitText(test_item_id=item.id, kind=LimitKind.RATIO_SUM, unit="", **said, **(shared | more))
    return add_limit(uow, actor=keeper_of(uow), text=text)


def measured(bench, order: list[str], melamine: str) -> int:
    """Tests of one sample, put on worksheets in ``order``; aluminium is 20.0 mg/kg (of 100), moisture 20.0."""
    tests = bench.tests("moisture", "aluminium", "melamine", "preservatives")[0]
    for code in order:
        sheet = bench.sheet(tests[code])
        if code == "moisture":
            bench.weigh(sheet, tests[code], "10", "20", "18")
        elif code == "aluminium":
            bench.enter(sheet, tests[code], {"as_is": "16"})
        elif code == "melamine":
            bench.enter(sheet, tests[code], {"found": melamine})
    return tests["preservatives"]


FIRST = ["preservatives", "moisture", "aluminium", "melamine"]


@pytest.mark.parametrize("order", [FIRST, [*FIRST[1:], FIRST[0]]], ids=["sum first", "sum last"])
def test_the_shares_add_up_as_soon_as_all_members_have_results(uow, laboratory, bench, preservatives, order):
    """2.4 of 2.5 is 0.96, 20 of 100 is 0.2: 1.16 is more than 1, though each keeps its own limit."""
    lay_down(uow, laboratory, preservatives)
    version = bench.version(measured(bench, order, "2.4"))
    assert (version.reported, version.verdict.value) == ("1.16", "fail")
    notes = orjson.loads(version.explanation)
    assert [(one["item"], one["ratio"]) for one in notes["ratios"]["shares"]] == [
        ("melamine", "0.96"),
        ("aluminium", "0.2"),
    ]
    assert compute_again(bench.session, version) == (True, "1.16")


@pytest.mark.parametrize(("policy", "sum_", "verdict"), [("zero", "0.20", "pass"), ("limit", "0.40", "pass")])
def test_a_member_that_is_not_detected_counts_by_the_limits_policy(
    uow, laboratory, bench, preservatives, browser_of, policy, sum_, verdict
):
    """Melamine 0.1 lies below its detection limit of 0.5: nothing, or 0.5 of 2.5."""
    lay_down(uow, laboratory, preservatives, NotDetectedAs(policy))
    version = bench.version(measured(bench, FIRST, "0.1"))
    assert (version.reported, version.verdict.value) == (sum_, verdict)
    page = browser_of("reviewer").get(f"/explain/{version.id}")
    assert page.status_code == 200
    assert "三聚氰胺" in page.text


def test_without_a_member_there_is_no_sum(uow, laboratory, bench, preservatives):
    lay_down(uow, laboratory, preservatives)
    tests = bench.tests("melamine", "preservatives")[0]
    for code in ("melamine", "preservatives"):
        sheet = bench.sheet(tests[code])
        if code == "melamine":
            bench.enter(sheet, tests[code], {"found": "2.4"})
    assert bench.version(tests["preservatives"]) is None


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"members": []}, "members"),
        ({"not_detected": None}, "not_detected"),
        ({"high": None}, "high"),
        ({"low": D(1)}, "low"),
    ],
)
def test_a_sum_names_its_members_its_bound_and_its_policy(uow, laboratory, preservatives, said, field):
    with pytest.raises(InvalidInput) as refused:
        lay_down(uow, laboratory, preservatives, **said)
    assert field in refused.value.fields
