"""Two editions of a standard in a transition: what is agreed, what may begin, and how an order is carried over."""

from datetime import date, timedelta

import pytest
from sqlalchemy import select

from lims.accreditation.gate import check
from lims.accreditation.grants import grant_authorisations
from lims.accreditation.models import Scheme
from lims.accreditation.scope import ScopeText, add_scope
from lims.bench.assignments import assign_tests
from lims.bench.worksheets import open_worksheet
from lims.catalogue.choose import method_for
from lims.catalogue.limits import limit_for
from lims.catalogue.models import BusinessType, Limit, MethodVersion, StandardEdition
from lims.catalogue.revising import revise_method
from lims.catalogue.standards import StandardText, create_standard, withdraw_standard
from lims.catalogue.touched import TouchedKind, by_kind, touched_by
from lims.core.clock import local_date
from lims.core.errors import Conflict, InvalidInput, TransitionRefused
from lims.core.permissions import Role
from lims.intake.editions import carry_over, old_editions
from lims.intake.models import RequestedTest, Sample
from tests.catalogue.making import Catalogue
from tests.intake.desk import desk
from tests.support.accounts import actor_of, make_account
from tests.support.laboratory import make_laboratory
from tests.support.orders import make_tests


@pytest.fixture
def laboratory(uow):
    return make_laboratory(uow)


@pytest.fixture
def keeper(uow):
    return actor_of(make_account(uow, Role.QUALITY_MANAGER))


@pytest.fixture
def aluminium(uow, laboratory):
    """One test of aluminium that nobody has; its number."""
    return make_tests(uow, laboratory, "aluminium")[0]["aluminium"]


def standard_of(session, laboratory) -> StandardEdition:
    session.rollback()
    return session.get_one(MethodVersion, laboratory.versions["aluminium"]).method.standard


@pytest.fixture
def replaced(uow, session, laboratory, keeper):
    """The edition of aluminium's method is replaced from a day on; ``until``: of its transition."""

    def replace(from_day: date, until: date | None = None) -> StandardEdition:
        old = standard_of(session, laboratory)
        new = create_standard(
            uow, actor=keeper, text=StandardText("GB 5009.182-2026", "新版", "New edition", from_day)
        )
        withdraw_standard(
            uow,
            actor=keeper,
            standard_id=old.id,
            version=old.version,
            withdrawn_from=from_day,
            replaced_by_id=new.id,
            transition_until=until,
        )
        session.rollback()
        return new

    return replace


@pytest.fixture
def revised(uow, session, laboratory, keeper):
    """The method goes on under the new edition and is released."""

    def revise() -> MethodVersion:
        old = session.get_one(MethodVersion, laboratory.versions["aluminium"])
        made = revise_method(uow, actor=keeper, method_id=old.method_id)
        draft = session.scalars(select(MethodVersion).where(MethodVersion.method_id == made.id)).one()
        Catalogue(uow, keeper).release(draft)
        session.rollback()
        return session.get_one(MethodVersion, draft.id)

    return revise


@pytest.fixture
def granted(uow, laboratory, keeper):
    """A method comes into the scope, and the analyst may do it."""

    def grant(method_id: int) -> None:
        days = {
            "valid_from": local_date(uow.now),
            "valid_to": local_date(uow.now) + timedelta(days=300),
        }
        add_scope(uow, actor=keeper, text=ScopeText(Scheme.CMA, method_id, **days))
        person = laboratory.accounts["analyst"].id
        grant_authorisations(uow, actor=keeper, account_id=person, method_ids=[method_id], **days)

    return grant


def order_of(session, test_id: int) -> int:
    session.rollback()
    test = session.get_one(RequestedTest, test_id)
    return session.get_one(Sample, test.sample_id).order_id


def test_in_a_transition_the_new_edition_serves_and_the_old_one_is_noted(
    uow, session, laboratory, replaced, revised
):
    today = local_date(uow.now)
    replaced(today, today + timedelta(days=30))
    item = laboratory.items["aluminium"]
    old = session.get_one(MethodVersion, laboratory.versions["aluminium"])
    assert method_for(session, item, today).version == old
    noted = {
        link.code: link.blocking
        for link in check(session, method_version=old, category_id=None, on=today).missing
    }
    assert noted["method_in_transition"] is False
    new = revised()
    assert method_for(session, item, today).version == new
    after = check(session, method_version=old, category_id=None, on=today + timedelta(days=31))
    over = next(link for link in after.missing if link.code == "method_transition_over")
    assert over.blocking
    assert "GB 5009.182-2026" in over.sentence.en


def test_within_the_transition_reception_may_agree_the_old_edition(
    app, uow, session, laboratory, replaced, revised
):
    today = local_date(uow.now)
    replaced(today, today + timedelta(days=30))
    new, old = revised(), session.get_one(MethodVersion, laboratory.versions["aluminium"])
    item, kind = laboratory.items["aluminium"], session.scalars(select(BusinessType)).first()
    browser, wish = desk(app, uow), f"{item}-{old.method_id}"
    page = browser.get("/orders/new").text
    assert f'value="{wish}"' in page
    assert f'value="{item}-{new.method_id}"' not in page  # the usual one needs no choice

    def sent(**more):
        form = {"request_key": str(more), "business_type_id": str(kind.id), "asks": [f"i{item}"]}
        form |= {"customer": "甲", "new_customer-name": f"甲{more}", "samples-0-name": "挂面", **more}
        return browser.post("/orders/new", data=form)

    def ordered(**more) -> int:
        answer = sent(**more)
        assert answer.status_code == 302, answer.text
        session.rollback()
        order_id = int(answer.location.rsplit("/", 1)[1])
        return session.scalars(
            select(RequestedTest.method_id).join(Sample).where(Sample.order_id == order_id)
        ).one()

    assert (ordered(), ordered(methods=[wish])) == (new.method_id, old.method_id)
    assert browser.post("/orders/new", data={"methods": ["1-x"]}).status_code == 422
    # Nothing that was agreed is left out unsaid.
    for idle, said in (
        ([wish, f"{item}-{new.method_id}"], "Agree one method for each test item."),
        (
            [wish, f"{laboratory.items['moisture']}-1"],
            "A method is agreed for a test item that nobody asks for.",
        ),
    ):
        refused = sent(methods=idle)
        assert (refused.status_code, said in refused.text) == (422, True)


def test_after_the_transition_what_was_agreed_by_the_old_edition_no_longer_begins(
    uow, session, laboratory, replaced, aluminium
):
    today = local_date(uow.now)
    replaced(today - timedelta(days=10), today - timedelta(days=1))
    head, analyst = laboratory.head, laboratory.accounts["analyst"].id
    with pytest.raises(TransitionRefused, match=r"GB 5009\.182-2026") as refused:
        assign_tests(uow, actor=head, test_ids=[aluminium], assignee_id=analyst)
    assert refused.value.code == "method_transition_over"


def test_within_the_transition_it_is_done_as_agreed(uow, session, laboratory, replaced, aluminium):
    today = local_date(uow.now)
    replaced(today - timedelta(days=10), today)
    assign_tests(
        uow, actor=laboratory.head, test_ids=[aluminium], assignee_id=laboratory.accounts["analyst"].id
    )
    sheet = open_worksheet(uow, actor=laboratory.analyst, test_ids=[aluminium])
    assert sheet.method_version_id == laboratory.versions["aluminium"]


def test_an_order_is_carried_over_once_the_new_edition_is_ready(
    uow, session, laboratory, replaced, revised, granted, aluminium
):
    today = local_date(uow.now)
    replaced(today)
    order = order_of(session, aluminium)
    reception = laboratory.reception
    with pytest.raises(Conflict) as nothing:
        carry_over(uow, actor=reception, order_id=order, reason="告知客户")
    assert nothing.value.code == "nothing_to_carry"
    new = revised()
    with pytest.raises(Conflict) as unready:
        carry_over(uow, actor=reception, order_id=order, reason="告知客户")
    assert unready.value.code == "new_edition_not_ready"
    with pytest.raises(InvalidInput):
        carry_over(uow, actor=reception, order_id=order, reason=" ")
    session.rollback()
    (line,) = old_editions(session, order, today)
    assert (line.must, line.new) == (True, new)
    granted(new.method_id)
    (test,) = carry_over(uow, actor=reception, order_id=order, reason="告知客户")
    assert test.method_version_id == new.id
    assert old_editions(session, order, today) == []
    assign_tests(
        uow, actor=laboratory.head, test_ids=[aluminium], assignee_id=laboratory.accounts["analyst"].id
    )


def test_a_limit_follows_the_day_of_production_and_no_withdrawn_edition_judges(
    uow, session, laboratory, keeper, replaced
):
    today = local_date(uow.now)
    limit = session.get_one(Limit, laboratory.limits["aluminium"])
    item, category = limit.test_item_id, limit.category_id
    new = replaced(today)
    withdraw_standard(
        uow,
        actor=keeper,
        standard_id=limit.standard_id,
        version=session.get_one(StandardEdition, limit.standard_id).version,
        withdrawn_from=today,
        replaced_by_id=new.id,
        transition_until=today + timedelta(days=9),
    )
    session.rollback()

    def found(produced: date) -> tuple[str, int | None]:
        choice = limit_for(session, item, category, produced, today + timedelta(days=60))
        return choice.reason, choice.limit.id if choice.limit else None

    assert found(today - timedelta(days=1)) == ("found", limit.id)
    assert found(today + timedelta(days=9)) == ("found", limit.id)
    assert found(today + timedelta(days=10)) == ("limit_withdrawn", None)


def test_open_orders_and_worksheets_hang_on_the_standard(uow, session, laboratory, aluminium):
    today = local_date(uow.now)
    assign_tests(
        uow, actor=laboratory.head, test_ids=[aluminium], assignee_id=laboratory.accounts["analyst"].id
    )
    sheet = open_worksheet(uow, actor=laboratory.analyst, test_ids=[aluminium])
    standard = standard_of(session, laboratory)
    touched = by_kind(touched_by(session, [standard.id], today)[standard.id])
    assert [one.values for one in touched[TouchedKind.ORDER]] == [{"order_id": order_of(session, aluminium)}]
    assert [one.values for one in touched[TouchedKind.WORKSHEET]] == [{"worksheet_id": sheet.id}]
