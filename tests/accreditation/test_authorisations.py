"""Who may do a method and who may sign, on which days; granted by another, suspended with a reason."""

from datetime import timedelta

import pytest

from lims.accreditation import grants, matrix
from lims.accreditation.people import (
    Standing,
    authorised_by_method,
    authorised_people,
    may_sign,
    methods_of,
    signatories,
    standing_of,
)
from lims.core.clock import LAB_ZONE
from lims.core.errors import (
    Conflict,
    InvalidInput,
    NotFound,
    PermissionDenied,
    StaleVersion,
    TransitionRefused,
)
from lims.core.permissions import Role
from lims.core.uow import RequestKey
from lims.people.accounts import retire_account
from tests.support.accounts import actor_of, make_account
from tests.support.queries import statements_of


def names(house, on, code="moisture"):
    return {a.name_en for a in authorised_people(house.uow.session, house.method(code), on)}


def suspend(house, row, why="lapsed training"):
    return grants.suspend_authorisation(
        house.uow, actor=house.quality, authorisation_id=row.id, version=row.version, why=why
    )


def sign(house, account, field="food_chemistry", first=0, last=300):
    return grants.grant_signing(
        house.uow,
        actor=house.quality,
        account_id=account.id,
        field=field,
        valid_from=house.day(first),
        valid_to=house.day(last),
    )


def test_first_and_last_day_of_an_authorisation_count(house):
    house.authorise("novice", first=10, last=20)
    assert ["Zhao Novice" in names(house, house.day(n)) for n in (9, 10, 20, 21)] == [
        False,
        True,
        True,
        False,
    ]


def test_an_authorisation_is_for_one_method(house):
    house.authorise("novice", "moisture")
    session, novice = house.uow.session, house.lab.accounts["novice"].id
    assert methods_of(session, novice, house.today) == {house.method("moisture")}
    found = authorised_by_method(session, [house.method("moisture"), house.method("melamine")], house.today)
    assert novice in found[house.method("moisture")]
    assert novice not in found[house.method("melamine")]


def test_from_the_day_of_its_suspension_it_does_not_count(house, clock):
    row = house.authorise("novice")
    clock.advance(timedelta(days=3))
    suspended = suspend(house, row)
    assert suspended.suspended_why == "lapsed training"
    assert "Zhao Novice" in names(house, house.day(-1)), "the days before stay as they were"
    assert "Zhao Novice" not in names(house, house.today)
    assert standing_of(suspended, house.today) is Standing.SUSPENDED
    assert standing_of(suspended, house.day(-1)) is Standing.GRANTED


def test_a_suspension_late_in_the_evening_belongs_to_the_laboratory_s_day(house, clock):
    row = house.authorise("novice")
    clock.set(clock.now.astimezone(LAB_ZONE).replace(hour=23, minute=59))
    day = house.today
    suspend(house, row)
    assert "Zhao Novice" not in names(house, day)


def test_who_was_suspended_needs_a_new_grant(house):
    suspend(house, house.authorise("novice"))
    house.authorise("novice")
    assert "Zhao Novice" in names(house, house.today)


def test_a_suspension_needs_a_reason_and_happens_once(house):
    row = house.authorise("novice")
    with pytest.raises(InvalidInput) as refused:
        suspend(house, row, why="  ")
    assert refused.value.code == "reason_missing"
    suspended = suspend(house, row)
    with pytest.raises(TransitionRefused):
        suspend(house, suspended)


def test_a_stale_suspension_is_refused(house):
    row = house.authorise("novice")
    with pytest.raises(StaleVersion):
        grants.suspend_authorisation(
            house.uow, actor=house.quality, authorisation_id=row.id, version=row.version + 1, why="x"
        )


def test_nobody_authorises_himself(house):
    with pytest.raises(TransitionRefused) as refused:
        grants.grant_authorisation(
            house.uow,
            actor=house.quality,
            account_id=house.account.id,
            method_id=house.method(),
            valid_from=house.today,
            valid_to=house.day(10),
        )
    assert refused.value.code == "same_person"
    with pytest.raises(TransitionRefused) as refused:
        sign(house, house.account)
    assert refused.value.code == "same_person"


@pytest.mark.parametrize("role", [Role.SECTION_HEAD, Role.ADMINISTRATOR, Role.DIRECTOR, Role.ANALYST])
def test_only_the_quality_manager_authorises(house, uow, role):
    actor = actor_of(make_account(uow, role))
    with pytest.raises(PermissionDenied):
        grants.grant_authorisation(
            uow,
            actor=actor,
            account_id=house.lab.accounts["novice"].id,
            method_id=house.method(),
            valid_from=house.today,
            valid_to=house.day(1),
        )


def test_two_grants_for_the_same_days_would_outlive_a_suspension(house):
    house.authorise("novice", first=0, last=100)
    with pytest.raises(Conflict) as refused:
        house.authorise("novice", first=100, last=200)
    assert refused.value.code == "granted_already"
    assert "moisture" in refused.value.message
    house.authorise("novice", first=101, last=200)


def test_many_methods_are_granted_together_or_not_at_all(house):
    house.authorise("novice", "melamine")
    wanted = {
        "actor": house.quality,
        "account_id": house.lab.accounts["novice"].id,
        "valid_from": house.today,
        "valid_to": house.day(9),
    }
    ids = [house.method(code) for code in ("moisture", "aluminium", "melamine")]
    with pytest.raises(Conflict):
        grants.grant_authorisations(house.uow, method_ids=ids, **wanted)
    novice = house.lab.accounts["novice"].id
    assert methods_of(house.uow.session, novice, house.today) == {house.method("melamine")}
    rows = grants.grant_authorisations(house.uow, method_ids=ids[:2], **wanted)
    assert {row.method_id for row in rows} == set(ids[:2])


def test_the_same_request_twice_grants_once(house):
    key = RequestKey("k", "f" * 64)
    wanted = {
        "actor": house.quality,
        "account_id": house.lab.accounts["novice"].id,
        "method_ids": [house.method("moisture"), house.method("melamine")],
        "valid_from": house.today,
        "valid_to": house.day(9),
        "request_key": key,
    }
    first, second = (grants.grant_authorisations(house.uow, **wanted) for _ in range(2))
    assert [row.id for row in first] == [row.id for row in second]


@pytest.mark.parametrize(
    ("change", "code", "field"),
    [
        ({"valid_to": -1}, "bad_grant", "valid_to"),
        ({"valid_to": 3700}, "bad_grant", "valid_to"),
        ({"account_id": 987654}, "bad_grant", "account_id"),
        ({"method_ids": [987654]}, "unknown_method", "method_ids"),
        ({"method_ids": []}, "unknown_method", "method_ids"),
    ],
)
def test_a_grant_that_makes_no_sense_is_refused_at_its_field(house, change, code, field):
    wanted: dict = {
        "account_id": house.lab.accounts["novice"].id,
        "method_ids": [house.method()],
        "valid_from": house.today,
        "valid_to": house.day(9),
    }
    wanted |= {name: house.day(v) if name == "valid_to" else v for name, v in change.items()}
    with pytest.raises(InvalidInput) as refused:
        grants.grant_authorisations(house.uow, actor=house.quality, **wanted)
    assert (refused.value.code, list(refused.value.fields)) == (code, [field])


def test_who_has_left_may_do_nothing_and_is_granted_nothing(house, uow):
    house.authorise("novice")
    admin = actor_of(make_account(uow, Role.ADMINISTRATOR))
    retire_account(uow, actor=admin, account_id=house.lab.accounts["novice"].id, reason="left")
    assert "Zhao Novice" not in names(house, house.today)
    with pytest.raises(InvalidInput) as refused:
        house.authorise("novice", "melamine")
    assert "account_id" in refused.value.fields


# -- signing --------------------------------------------------------------------------


def test_a_signatory_signs_inside_the_granted_fields_only(house):
    account = house.lab.accounts["signatory"]
    sign(house, account, first=0, last=10)
    session = house.uow.session
    assert may_sign(session, account.id, ["food_chemistry"], house.day(10)).ok
    late = may_sign(session, account.id, ["food_chemistry"], house.day(11))
    assert (late.ok, late.missing) == (False, ("food_chemistry",))
    other = may_sign(session, account.id, ["food_chemistry", "electrical"], house.today)
    assert (other.ok, other.missing, other.sentence.code) == (False, ("electrical",), "field_not_granted")
    assert [a.id for a in signatories(session, ["food_chemistry"], house.today)] == [account.id]
    assert signatories(session, ["food_chemistry", "electrical"], house.today) == []


def test_signing_is_suspended_with_a_reason_that_is_kept(house):
    account = house.lab.accounts["signatory"]
    row = sign(house, account)
    suspended = grants.suspend_signing(
        house.uow, actor=house.quality, grant_id=row.id, version=row.version, why="left the section"
    )
    assert suspended.suspended_why == "left the section"
    assert not may_sign(house.uow.session, account.id, ["food_chemistry"], house.today).ok
    sign(house, account)
    assert may_sign(house.uow.session, account.id, ["food_chemistry"], house.today).ok


def test_a_field_that_no_test_item_has_is_refused(house):
    with pytest.raises(InvalidInput) as refused:
        sign(house, house.lab.accounts["signatory"], field="astrology")
    assert refused.value.code == "unknown_field"


def test_a_second_signing_grant_for_the_same_days_is_refused(house):
    sign(house, house.lab.accounts["signatory"])
    with pytest.raises(Conflict) as refused:
        sign(house, house.lab.accounts["signatory"], first=10)
    assert refused.value.code == "granted_already"


# -- looking at them ------------------------------------------------------------------


def test_the_matrix_of_a_section(house):
    row = house.authorise("novice", first=5)
    shown = matrix.authorisation_matrix(house.uow.session, house.lab.section, house.today)
    assert [m.item_code for m in shown.methods] == sorted(house.lab.versions)
    people = {p.name_en: p.id for p in shown.people}
    assert {"Li Chemistry", "Wang Chemistry", "Zhao Novice", "Zhou Head"} == set(people)
    cell = shown.cells[house.method(), people["Zhao Novice"]]
    assert (cell.row.id, cell.standing) == (row.id, Standing.UPCOMING)
    assert shown.cells[house.method(), people["Li Chemistry"]].standing is Standing.GRANTED
    assert (house.method("melamine"), people["Zhao Novice"]) not in shown.cells


def test_a_cell_shows_the_grant_that_counts_that_day(house):
    first = house.authorise("novice", first=0, last=10)
    suspend(house, first)
    second = house.authorise("novice", first=0, last=20)
    novice = house.lab.accounts["novice"].id

    def cell(on):
        shown = matrix.authorisation_matrix(house.uow.session, house.lab.section, on)
        return shown.cells[house.method(), novice]

    assert (cell(house.today).row.id, cell(house.today).standing) == (second.id, Standing.GRANTED)
    assert cell(house.day(21)).standing is Standing.SUSPENDED


def test_the_matrix_costs_three_queries_however_large(house, database):
    for code in ("moisture", "melamine"):
        house.authorise("novice", code)
    house.uow.session.rollback()
    with statements_of(database.engine) as seen:
        matrix.authorisation_matrix(house.uow.session, house.lab.section, house.today)
    assert len([one for one in seen if one.startswith("SELECT")]) == 3


def test_what_a_person_may_do_puts_what_counts_first(house):
    ended = house.authorise("novice", "aluminium", first=-20, last=-10)
    house.authorise("novice", "moisture")
    suspend(house, house.authorise("novice", "melamine"))
    sign(house, house.lab.accounts["novice"])
    rights = matrix.rights_of(house.uow.session, house.lab.accounts["novice"].id, house.today)
    assert [(h.method.item_code, h.standing) for h in rights.methods] == [
        ("moisture", Standing.GRANTED),
        ("melamine", Standing.SUSPENDED),
        ("aluminium", Standing.ENDED),
    ]
    assert rights.methods[-1].row.id == ended.id
    assert rights.methods[0].by_en == "Xu Hui"
    assert [(h.row.field, h.standing) for h in rights.signing] == [("food_chemistry", Standing.GRANTED)]
    earlier = matrix.rights_of(house.uow.session, house.lab.accounts["novice"].id, house.day(-15))
    assert earlier.methods[0].method.item_code == "aluminium"
    with pytest.raises(NotFound):
        matrix.rights_of(house.uow.session, 987654, house.today)
