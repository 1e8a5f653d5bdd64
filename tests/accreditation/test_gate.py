"""The gate: inside, or exactly which link is missing."""

from datetime import date

import pytest

from lims.accreditation.gate import MarkQuestion, check, check_many, marks_for, required_classes
from lims.accreditation.inquiry import inquire, unavailable
from lims.accreditation.models import Scheme
from lims.accreditation.scope import expire_scope
from lims.catalogue.models import Category, Method, StandardEdition
from lims.core.errors import NotFound
from lims.core.permissions import SYSTEM, Role
from lims.equipment.models import Equipment
from lims.equipment.register import change_state
from tests.support.accounts import actor_of, make_account
from tests.support.laboratory import make_calibration
from tests.support.queries import statements_of

BOTH = (Scheme.CMA, Scheme.CNAS)


def ask(house, code="moisture", category=None, on=None, person=None, version=None):
    return check(
        house.uow.session,
        method_version=version or house.version(code),
        category_id=house.lab.categories[category] if category else None,
        on=on or house.today,
        person_id=house.lab.accounts[person].id if person else None,
    )


def with_scope(house, code="moisture"):
    for scheme in BOTH:
        house.scope(scheme, code)


def stop_balance(house, step="stop"):
    keeper = actor_of(make_account(house.uow, Role.EQUIPMENT_MANAGER))
    device = house.uow.session.get_one(Equipment, house.lab.balance)
    change_state(
        house.uow, actor=keeper, equipment_id=device.id, version=device.version, step=step, reason="drift"
    )


def test_everything_in_place(house):
    with_scope(house)
    answer = ask(house, category="bakery", person="analyst")
    assert (answer.ok, answer.codes, answer.schemes) == (True, (), frozenset(BOTH))


# -- the method -----------------------------------------------------------------------


def test_a_withdrawn_standard_names_its_successor(house):
    with_scope(house)
    house.withdraw_standard(by="GB 5009.3-2026")
    answer = ask(house)
    assert (answer.ok, answer.codes) == (False, ("method_withdrawn",))
    assert "GB 5009.3-2026" in answer.missing[0].sentence.zh
    assert ask(house, on=house.day(-1)).ok, "the day before it still counts"


def test_a_standard_that_is_not_yet_in_force(house):
    with_scope(house)
    answer = ask(house, on=date(2009, 12, 31))
    assert "method_not_in_force" in answer.codes


def test_a_draft_may_not_be_used(house):
    with_scope(house)
    answer = ask(house, version=house.draft())
    assert (answer.ok, answer.codes) == (False, ("method_not_released",))
    assert "2" in answer.missing[0].sentence.en


# -- the scope ------------------------------------------------------------------------


def test_without_any_scope_the_work_is_blocked(house):
    answer = ask(house)
    assert (answer.ok, answer.codes) == (False, ("outside_scope", "outside_scope"))
    assert answer.schemes == frozenset()
    assert {link.scheme for link in answer.missing} == set(BOTH)


def test_one_scheme_is_enough_to_work_and_the_other_mark_is_lost(house):
    house.scope(Scheme.CMA)
    answer = ask(house)
    assert (answer.ok, answer.schemes) == (True, frozenset({Scheme.CMA}))
    (link,) = answer.missing
    assert (link.code, link.scheme, link.blocking) == ("outside_scope", Scheme.CNAS, False)


def test_the_last_day_of_a_scope_counts_and_the_next_does_not(house):
    for scheme in BOTH:
        house.scope(scheme, last=10)
    assert ask(house, on=house.day(10)).ok
    late = ask(house, on=house.day(11))
    assert (late.ok, late.codes) == (False, ("scope_expired", "scope_expired"))
    assert str(house.day(10)) in late.missing[0].sentence.en


def test_a_scope_that_was_ended_early(house):
    row = house.scope(Scheme.CMA)
    expire_scope(
        house.uow,
        actor=house.quality,
        scope_row_id=row.id,
        version=row.version,
        valid_to=house.today,
        why="suspended by the authority",
    )
    assert ask(house).ok
    assert not ask(house, on=house.day(1)).ok


def test_a_scope_that_begins_later(house):
    for scheme in BOTH:
        house.scope(scheme, first=5)
    answer = ask(house)
    assert (answer.ok, answer.codes) == (False, ("scope_not_yet", "scope_not_yet"))


def test_a_scope_for_other_products_does_not_cover_this_one(house):
    for scheme in BOTH:
        house.scope(scheme, category="milk_powder")
    assert ask(house, category="milk_powder").ok
    answer = ask(house, category="bakery")
    assert (answer.ok, answer.codes) == (False, ("scope_other_class", "scope_other_class"))
    assert not ask(house).ok, "a scope for some products is no scope for every product"


def test_a_scope_covers_what_lies_below_its_class(house):
    bakery = house.lab.categories["bakery"]
    with house.uow as uow:  # the factory gave its classes numbers of their own
        moon_cake = uow.add(
            Category(
                id=50,
                parent_id=bakery,
                code="moon_cake",
                name_zh="月饼",
                name_en="Moon cake",
                level=2,
                path=f"/{bakery}/50/",
            )
        )
        uow.audit("test.category", SYSTEM, moon_cake)
        uow.commit()
    house.lab.categories["moon_cake"] = moon_cake.id
    for scheme in BOTH:
        house.scope(scheme, category="bakery")
    assert ask(house, category="moon_cake").ok


def test_a_renewed_scope_closes_the_gap(house):
    house.scope(Scheme.CMA, first=-300, last=-1)
    assert not ask(house).ok
    house.scope(Scheme.CMA, first=0, last=300)
    assert ask(house).ok


# -- people ---------------------------------------------------------------------------


def test_nobody_is_authorised(house):
    with_scope(house)
    house.nobody()
    answer = ask(house)
    assert (answer.ok, answer.codes) == (False, ("nobody_authorised",))


def test_this_person_is_not_authorised_though_others_are(house):
    with_scope(house)
    answer = ask(house, person="novice")
    assert (answer.ok, answer.codes) == (False, ("person_not_authorised",))
    assert answer.missing[0].sentence.en.startswith("Zhao Novice is not authorised")
    assert ask(house, person="analyst").ok


def test_a_person_who_does_not_exist(house):
    with pytest.raises(NotFound):
        check(
            house.uow.session,
            method_version=house.version(),
            category_id=None,
            on=house.today,
            person_id=987654,
        )


# -- equipment ------------------------------------------------------------------------


def test_the_only_balance_is_out_of_calibration(house):
    with_scope(house)
    due = house.day(200)
    assert ask(house, on=due).ok
    late = ask(house, on=house.day(201))
    assert (late.ok, late.codes) == (False, ("no_usable_equipment",))
    assert "Balance" in late.missing[0].sentence.en
    assert "天平" in late.missing[0].sentence.zh


def test_the_only_balance_is_out_of_service(house):
    with_scope(house)
    stop_balance(house)
    assert ask(house).codes == ("no_usable_equipment",)


def test_a_limited_balance_still_serves(house):
    with_scope(house)
    stop_balance(house, "limit")
    assert ask(house).ok


def test_a_class_without_any_device(house):
    with_scope(house)
    version = house.draft(equipment=("thermometer",))
    assert set(ask(house, version=version).codes) == {"method_not_released", "no_usable_equipment"}


def test_a_second_balance_in_calibration_is_enough(house):
    with_scope(house)
    stop_balance(house)
    with house.uow as uow:
        spare = uow.add(
            Equipment(code="LH-002", name_zh="天平", name_en="Balance", equipment_class="balance")
        )
        make_calibration(uow, spare.id, due_on=house.day(5))
        uow.audit("test.spare", SYSTEM, spare)
        uow.commit()
    assert ask(house).ok
    assert not ask(house, on=house.day(6)).ok


def test_a_method_needs_the_classes_it_names_and_those_of_readings_that_may_not_be_typed(house):
    assert required_classes(house.version("moisture")) == ["balance"]
    assert required_classes(house.version("aluminium")) == []


# -- many at once ---------------------------------------------------------------------


def test_all_that_is_missing_is_said_at_once(house):
    house.withdraw_standard()
    house.nobody()
    stop_balance(house)
    assert set(ask(house).codes) == {
        "method_withdrawn",
        "outside_scope",
        "nobody_authorised",
        "no_usable_equipment",
    }


def test_asking_about_many_costs_as_many_queries_as_asking_about_one(house, database):
    for code in house.lab.versions:
        house.scope(Scheme.CMA, code)
    session = house.uow.session

    def count(codes) -> int:
        session.expire_all()
        versions = [(house.version(code), house.lab.categories["bakery"]) for code in codes]
        for version, _category in versions:
            assert required_classes(version) is not None  # loaded before the count
        with statements_of(database.engine) as seen:
            check_many(session, versions, house.today)
        return len(seen)

    assert count(["moisture"]) == count(["moisture", "aluminium", "plate_count", "melamine"])


# -- marks ----------------------------------------------------------------------------


def marks(house, *codes, category="bakery"):
    questions = [
        MarkQuestion(n, house.method(code), house.lab.categories[category]) for n, code in enumerate(codes)
    ]
    return marks_for(house.uow.session, questions, house.today)


def test_a_report_carries_a_mark_only_when_every_item_is_in_its_scope(house):
    for code in ("moisture", "aluminium"):
        house.scope(Scheme.CMA, code)
    house.scope(Scheme.CNAS, "moisture")
    found = marks(house, "moisture", "aluminium")
    assert found.granted == (Scheme.CMA,)
    assert found.covered(0) == frozenset(BOTH)
    assert found.covered(1) == frozenset({Scheme.CMA})
    refused = found.whole[Scheme.CNAS]
    assert not refused.granted
    assert "Aluminium" in refused.sentence.en
    assert "铝" in refused.sentence.zh


def test_the_same_reason_is_said_once(house):
    house.scope(Scheme.CMA, "moisture")
    questions = [MarkQuestion(n, house.method("moisture"), None) for n in range(3)]
    sentence = marks_for(house.uow.session, questions, house.today).whole[Scheme.CNAS].sentence
    assert sentence.en.count("Moisture") == 1


def test_an_empty_report_carries_no_mark(house):
    found = marks_for(house.uow.session, [], house.today)
    assert found.granted == ()
    assert found.whole[Scheme.CMA].sentence.code == "whole_empty"


def test_marks_follow_the_day(house):
    house.scope(Scheme.CMA, "moisture", last=10)
    question = [MarkQuestion(1, house.method("moisture"), None)]
    assert marks_for(house.uow.session, question, house.day(10)).granted == (Scheme.CMA,)
    assert marks_for(house.uow.session, question, house.day(11)).granted == ()


# -- the inquiry ----------------------------------------------------------------------


def test_an_inquiry_shows_who_and_what_stands_behind_the_answer(house):
    with_scope(house)
    answer = inquire(house.uow.session, method_id=house.method(), on=house.today)
    assert answer.ok
    assert {person.name_en for person in answer.people} == {"Li Chemistry", "Wang Chemistry"}
    assert {code: [d.code for d in found] for code, found in answer.usable.items()} == {"balance": ["LH-001"]}


def test_an_inquiry_uses_the_released_version_though_a_draft_is_newer(house):
    with_scope(house)
    house.draft()
    answer = inquire(house.uow.session, method_id=house.method(), on=house.today)
    assert (answer.version.number, answer.ok) == (1, True)


def test_a_method_without_any_version(house):
    with house.uow as uow:
        standard = uow.add(
            StandardEdition(code="GB 1-2026", title_zh="x", title_en="x", in_force_from=house.today)
        )
        method = uow.add(Method(test_item_id=house.lab.items["moisture"], standard_id=standard.id))
        uow.audit("test.method", SYSTEM, method)
        uow.commit()
    answer = inquire(house.uow.session, method_id=method.id, on=house.today)
    assert (answer.ok, [link.code for link in answer.missing]) == (False, ["method_without_version"])


@pytest.mark.parametrize("what", ["method_id", "category_id", "person_id"])
def test_an_inquiry_about_what_does_not_exist(house, what):
    question = {"method_id": house.method(), "on": house.today} | {what: 987654}
    with pytest.raises(NotFound):
        inquire(house.uow.session, **question)


def test_items_that_cannot_be_done_say_every_reason(house):
    for code in house.lab.versions:
        house.scope(Scheme.CMA, code)
    session = house.uow.session
    assert unavailable(session, house.today) == []
    stop_balance(house)
    (found,) = unavailable(session, house.today)
    assert (found.item.code, [r.code for r in found.reasons]) == ("moisture", ["no_usable_equipment"])
    house.withdraw_standard("aluminium")
    codes = {one.item.code: [r.code for r in one.reasons] for one in unavailable(session, house.today)}
    assert codes["aluminium"] == ["method_withdrawn"]
    assert [one.item.code for one in unavailable(session, house.day(301))] == sorted(house.lab.versions)


def test_a_scope_for_some_products_does_not_make_an_item_unavailable(house):
    for code in house.lab.versions:
        house.scope(Scheme.CMA, code, category="bakery")
    assert unavailable(house.uow.session, house.today) == []
