"""Entering: what may be typed, what a device gave, what follows from it, and that nothing is overwritten."""

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DatabaseError

from lims.bench.inputs import Cell, enter_cells
from lims.bench.models import InputValue, ResultVersion
from lims.bench.states import InputSource
from lims.catalogue.models import MethodVersion
from lims.core.errors import Conflict, InvalidInput, NotFound, PermissionDenied
from lims.intake.states import SampleState, TestState
from tests.support.backends import ON_SQLITE


def values(bench, test):
    return list(
        bench.session.scalars(
            select(InputValue).where(InputValue.requested_test_id == test).order_by(InputValue.id)
        )
    )


def test_a_weighing_cannot_be_typed_where_the_method_wants_the_device(bench):
    test = bench.tests("moisture")[0]["moisture"]
    sheet = bench.sheet(test)
    with pytest.raises(InvalidInput) as refused:
        bench.enter(sheet, test, {"m0": "28.4517"})
    assert refused.value.code == "typed_not_allowed"
    assert list(refused.value.fields) == [f"{test}:m0:1"]
    assert values(bench, test) == []


def test_a_typed_value_is_marked_as_typed_and_begins_test_and_sample(bench):
    _sheet, test = bench.entered("sulfur_dioxide", {"found": "12"}, category="rice_noodles")
    assert [(v.text, v.source) for v in values(bench, test)] == [("12", InputSource.TYPED)]
    assert bench.state(test) is TestState.IN_PROGRESS
    from lims.intake.models import RequestedTest, Sample

    sample_id = bench.session.get_one(RequestedTest, test).sample_id
    assert bench.session.get_one(Sample, sample_id).state is SampleState.IN_TEST


def test_words_are_no_figure(bench):
    test = bench.tests("sulfur_dioxide", category="rice_noodles")[0]["sulfur_dioxide"]
    sheet = bench.sheet(test)
    with pytest.raises(InvalidInput) as refused:
        bench.enter(sheet, test, {"found": "about ten"})
    assert refused.value.code == "number_unreadable"


def test_a_value_outside_what_is_possible_is_refused(bench):
    test = bench.tests("aluminium")[0]["aluminium"]
    sheet = bench.sheet(test)
    with pytest.raises(InvalidInput) as refused:
        bench.enter(sheet, test, {"as_is": "-3"})
    assert refused.value.code == "value_out_of_range"


def test_one_wrong_cell_of_a_paste_keeps_all_of_it_out_and_names_every_fault(bench):
    tests = [t["sulfur_dioxide"] for t in bench.tests("sulfur_dioxide", samples=3)]
    sheet = bench.sheet(*tests)
    cells = [Cell(n, "found", 1, text) for n, text in zip(tests, ("12", "x", "y"), strict=True)]
    with pytest.raises(InvalidInput) as refused:
        enter_cells(bench.uow, actor=bench.laboratory.analyst, worksheet_id=sheet, cells=cells)
    assert set(refused.value.fields) == {f"{tests[1]}:found:1", f"{tests[2]}:found:1"}
    assert values(bench, tests[0]) == []


def test_the_same_value_again_changes_nothing(bench):
    sheet, test = bench.entered("sulfur_dioxide", {"found": "12"}, category="rice_noodles")
    assert bench.enter(sheet, test, {"found": "12"}) == []
    assert len(values(bench, test)) == 1


def test_a_cleared_value_takes_the_result_away_and_keeps_the_old_one_readable(bench):
    sheet, test = bench.entered("sulfur_dioxide", {"found": "12"}, category="rice_noodles")
    bench.enter(sheet, test, {"found": ""})
    assert bench.version(test).reported == ""
    assert [v.text for v in values(bench, test)] == ["12", ""]
    with pytest.raises(Conflict) as refused:
        bench.submit(test)
    assert refused.value.code == "no_value"


def test_a_devices_reading_is_replaced_only_with_a_reason(bench):
    test = bench.tests("moisture")[0]["moisture"]
    sheet = bench.sheet(test)
    bench.claim(sheet, test, "m0", "28.4517")
    with pytest.raises(InvalidInput) as refused:
        bench.claim(sheet, test, "m0", "28.4519")
    assert refused.value.code == "reason_needed"
    bench.claim(sheet, test, "m0", "28.4519", reason="称量皿有灰")
    assert [(v.text, v.reason) for v in values(bench, test)] == [
        ("28.4517", None),
        ("28.4519", "称量皿有灰"),
    ]


def test_items_that_need_a_changed_item_are_computed_again(bench):
    tests = bench.tests("moisture", "aluminium")[0]
    sheet, other = bench.sheet(tests["moisture"]), bench.sheet(tests["aluminium"])
    bench.weigh(sheet, tests["moisture"], "28.4517", "33.4629", "32.4607")
    bench.enter(other, tests["aluminium"], {"as_is": "80.4"})
    bench.claim(sheet, tests["moisture"], "m2", "32.6607", reason="恒重未到")
    dry = bench.version(tests["aluminium"])
    assert (dry.number, dry.reported) == (2, "95.7")


def test_only_who_has_the_test_enters_values(bench, laboratory):
    test = bench.tests("sulfur_dioxide")[0]["sulfur_dioxide"]
    sheet = bench.sheet(test)
    with pytest.raises(PermissionDenied, match="another analyst"):
        bench.enter(sheet, test, {"found": "12"}, actor=laboratory.second_analyst)


def test_a_test_that_is_not_on_the_sheet_is_not_found(bench):
    first, second = (t["sulfur_dioxide"] for t in bench.tests("sulfur_dioxide", samples=2))
    sheet = bench.sheet(first)
    with pytest.raises(NotFound):
        bench.enter(sheet, second, {"found": "12"})


def test_who_lost_the_authorisation_enters_nothing_more(bench, laboratory, uow, session):
    from lims.accreditation.models import Authorisation
    from lims.core.permissions import SYSTEM

    sheet, test = bench.entered("sulfur_dioxide", {"found": "12"}, category="rice_noodles")
    with uow:
        for row in session.scalars(
            select(Authorisation).where(Authorisation.account_id == laboratory.analyst.id)
        ):
            row.suspended_at, row.suspended_why = uow.now, "考核不合格"
            uow.audit("authorisation.suspend", SYSTEM, row)
        uow.commit()
    with pytest.raises(PermissionDenied) as refused:
        bench.enter(sheet, test, {"found": "13"})
    assert refused.value.code == "not_authorised"


def test_a_result_keeps_the_method_version_it_was_registered_with(bench, laboratory, uow, session):
    from lims.core.permissions import SYSTEM

    sheet, test = bench.entered("sulfur_dioxide", {"found": "12"}, category="rice_noodles")
    old = session.get_one(MethodVersion, laboratory.versions["sulfur_dioxide"])
    with uow:
        newer = MethodVersion(
            method_id=old.method_id,
            number=2,
            result_kind=old.result_kind,
            unit=old.unit,
            formula="found * 2",
            created_at=uow.now,
            released_at=uow.now,
        )
        uow.add(newer)
        uow.audit("method.release", SYSTEM, newer)
        uow.commit()
    bench.enter(sheet, test, {"found": "14"})
    assert (bench.version(test).reported, bench.version(test).method_version_id) == ("14", old.id)


@pytest.mark.parametrize("table", ["input_value", "result_version"])
@pytest.mark.parametrize("change", ["DELETE FROM {}", "UPDATE {} SET unit = 'kg'"])
def test_the_database_itself_refuses_to_change_what_was_recorded(bench, database, table, change):
    bench.entered("sulfur_dioxide", {"found": "12"}, category="rice_noodles")
    with database.engine.connect() as connection, pytest.raises(DatabaseError, match="never"):
        connection.execution_options(lims_write=True).execute(text(change.format(table)))


@ON_SQLITE
def test_a_grid_of_96_rows_is_saved_with_a_bounded_number_of_queries(bench, laboratory, count_queries):
    """Twelve times as many samples ask the database nothing more; they only write more rows.

    Writes cannot be fewer than rows: every versioned row that changes is an UPDATE of its own, because it
    names the version that was read (SQLite also wants one INSERT for each row whose number comes back).
    """
    small = [t["plate_count"] for t in bench.tests("plate_count", samples=8)]
    large = [t["plate_count"] for t in bench.tests("plate_count", samples=96)]
    asked, written = {}, {}
    for tests in (small, large):
        sheet = bench.sheet(*tests)
        cells = [Cell(n, "count", r, f"{8000 + n + r}") for n in tests for r in range(1, 6)]
        with count_queries() as seen:
            changed = enter_cells(bench.uow, actor=laboratory.analyst, worksheet_id=sheet, cells=cells)
        assert len(changed) == len(tests)
        writes = [s for s in seen if s.startswith(("INSERT", "UPDATE"))]
        asked[len(tests)], written[len(tests)] = len(seen) - len(writes), len(writes)
    assert asked[96] == asked[8]
    # Of one sample: five values, its result, the result's version; the states of test, sample and result.
    assert written[96] <= 96 * 10 + 5
    assert bench.session.query(ResultVersion).count() == 104
