"""Methods: drafted, tried, released, never changed again."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DatabaseError

from lims.catalogue.compare import Change, compare_versions, pair_to_compare
from lims.catalogue.formulas import FormulaRefused
from lims.catalogue.method_text import InputText, text_of
from lims.catalogue.methods import (
    draft_version,
    edit_method,
    edit_version,
    method_version,
    release_version,
    retire_version,
)
from lims.catalogue.models import ResultKind, VersionState
from lims.catalogue.readiness import readiness_of, try_stored
from lims.core.errors import Conflict, InvalidInput, NotFound, StaleVersion, TransitionRefused
from lims.metrology.values import BelowQuantification, NotDetected, Number
from tests.catalogue.making import MOISTURE, plain


@pytest.fixture
def draft(catalogue):
    return catalogue.draft(catalogue.method(catalogue.item("moisture")), MOISTURE)


def test_a_released_version_is_the_one_in_use_and_retires_the_one_before(uow, session, catalogue, draft):
    first = catalogue.release(draft)
    second = catalogue.release(catalogue.draft(first.method))
    assert (second.number, text_of(second).formula) == (2, MOISTURE.formula)
    states = [method_version(session, one.id).state for one in (first, second)]
    assert states == [VersionState.RETIRED, VersionState.IN_USE]


def test_a_method_has_one_draft_at_a_time(uow, catalogue, draft):
    with pytest.raises(TransitionRefused) as refused:
        draft_version(uow, actor=catalogue.keeper, method_id=draft.method_id)
    assert refused.value.code == "draft_open"


def test_a_released_version_is_neither_edited_nor_released_again(uow, catalogue, draft):
    made = catalogue.release(draft)
    with pytest.raises(TransitionRefused) as refused:
        edit_version(uow, actor=catalogue.keeper, version_id=made.id, version=made.version, text=MOISTURE)
    assert refused.value.code == "version_released"
    with pytest.raises(TransitionRefused):
        catalogue.release(made)


RAW = [
    "UPDATE method_version SET formula = 'm0' WHERE id = {}",
    "UPDATE method_version SET round_to = NULL WHERE id = {}",
    "UPDATE method_version SET released_at = NULL WHERE id = {}",
    "DELETE FROM method_version WHERE id = {}",
    "UPDATE method_input SET typed = NOT typed WHERE method_version_id = {}",
    "DELETE FROM method_input WHERE method_version_id = {}",
    "INSERT INTO method_input (method_version_id, position, name, label_zh, label_en, unit, replicates, typed) "
    "VALUES ({}, 9, 'x', 'x', 'x', 'g', 1, true)",
    "DELETE FROM method_equipment WHERE method_version_id = {}",
    "UPDATE method_case SET expected = '1' WHERE method_version_id = {}",
    "DELETE FROM method_case WHERE method_version_id = {}",
    "INSERT INTO method_equipment (method_version_id, equipment_class) VALUES ({}, 'x')",
]


@pytest.mark.parametrize("attack", RAW)
def test_the_database_itself_refuses_to_change_a_released_version(database, catalogue, draft, attack):
    made = catalogue.release(draft)
    catalogue.uow.session.rollback()
    with database.engine.connect() as connection, pytest.raises(DatabaseError, match="never"):
        connection.execution_options(lims_write=True).execute(text(attack.format(made.id)))


def test_the_database_lets_a_draft_change_and_a_version_retire_once(database, uow, catalogue, draft):
    changed = replace(MOISTURE, inputs=MOISTURE.inputs[:1], formula="m0", equipment_classes=[])
    row = edit_version(uow, actor=catalogue.keeper, version_id=draft.id, version=draft.version, text=changed)
    assert (len(row.inputs), row.version) == (1, 2)
    made = catalogue.release(row)
    retire_version(uow, actor=catalogue.keeper, version_id=made.id, why="superseded")
    uow.session.rollback()
    with database.engine.connect() as connection, pytest.raises(DatabaseError, match="never"):
        connection.execution_options(lims_write=True).execute(
            text("UPDATE method_version SET retired_at = NULL WHERE id = :id"), {"id": made.id}
        )


def test_two_people_do_not_overwrite_each_others_draft(uow, catalogue, draft):
    save = {"actor": catalogue.keeper, "version_id": draft.id, "version": draft.version}
    edit_version(uow, **save, text=replace(MOISTURE, unit="%"))
    with pytest.raises(StaleVersion):
        edit_version(uow, **save, text=replace(MOISTURE, unit="g/kg"))


def test_changed_inputs_alone_are_a_changed_draft(uow, catalogue, draft):
    save = {"actor": catalogue.keeper, "version_id": draft.id, "version": draft.version}
    edit_version(
        uow, **save, text=replace(MOISTURE, inputs=[*MOISTURE.inputs, InputText("m3", "a", "b", "g")])
    )
    with pytest.raises(StaleVersion):
        release_version(uow, **save)


INCOMPLETE = [
    (plain(""), {"formula"}),
    (plain("x", round_to=Decimal("0.1"), significant=3), {"significant"}),
    (plain("x", round_to=Decimal("0.3")), {"round_to"}),
    (plain("x", round_to=Decimal("-1")), {"round_to"}),
    (plain("x", lod=Decimal("2"), loq=Decimal("1")), {"loq"}),
    (plain("x", range_low=Decimal("2"), range_high=Decimal("1")), {"range_high"}),
    (replace(plain("x"), result_kind=ResultKind.TEXT), {"formula"}),
    (replace(plain("x"), inputs=[InputText("1x", "a", "b", "g")]), {"inputs.0.name"}),
    (replace(plain("x"), inputs=[InputText("x", "a", "b", "g", typed=False)]), {"inputs.0.equipment_class"}),
    (plain("x + "), {"formula"}),
    (plain("y"), {"formula"}),
    (plain("x + @nothing"), {"formula"}),
    (plain("mean(x, x"), {"formula"}),
]


@pytest.mark.parametrize(("said", "fields"), INCOMPLETE)
def test_a_draft_may_be_incomplete_and_says_what_it_lacks(session, catalogue, said, fields):
    made = catalogue.draft(catalogue.method(catalogue.item("lead")), said)
    assert set(readiness_of(session, made).faults) == fields
    with pytest.raises(InvalidInput) as refused:
        catalogue.release(made)
    assert set(refused.value.fields) == fields


def test_a_fault_of_the_formula_names_its_place(session, catalogue):
    made = catalogue.draft(catalogue.method(catalogue.item("lead")), plain("x * (x + wrong)"))
    found = readiness_of(session, made)
    assert found.position == 9
    assert "(character 10)" in found.faults["formula"][0]


def test_a_formula_that_needs_itself_through_others_is_refused(session, catalogue):
    """lead needs tin, so tin must not need lead, neither straight nor through zinc."""
    catalogue.item("lead")
    catalogue.measured("zinc", plain("x + @lead"))
    catalogue.measured("tin", plain("x + @zinc"))
    lead = next(row for row in _items(session) if row.code == "lead")
    made = catalogue.draft(catalogue.method(lead), plain("x / @tin"))
    with pytest.raises(FormulaRefused) as refused:
        catalogue.release(made)
    assert refused.value.code == "formula_circle"
    assert "formula" in readiness_of(session, made).faults


def _items(session):
    from lims.catalogue.items import all_items

    return all_items(session)


def test_an_input_has_its_name_alone(uow, catalogue):
    method = catalogue.method(catalogue.item("lead"))
    twice = replace(plain("x"), inputs=[InputText("x", "a", "b", "g"), InputText("x", "c", "d", "g")])
    with pytest.raises(InvalidInput) as refused:
        draft_version(uow, actor=catalogue.keeper, method_id=method.id, text=twice)
    assert refused.value.code == "input_twice"


def test_an_item_has_one_method_by_a_standard_and_clause(uow, catalogue):
    row, standard = catalogue.item("lead"), catalogue.standard()
    catalogue.method(row, standard, clause="第一法")
    other = catalogue.method(row, standard, clause="第二法")
    with pytest.raises(Conflict) as refused:
        catalogue.method(row, standard, clause="第一法")
    assert refused.value.code == "method_twice"
    with pytest.raises(Conflict):
        edit_method(
            uow, actor=catalogue.keeper, method_id=other.id, version=1, clause="第一法", preferred=True
        )


def test_only_a_version_in_use_retires(uow, catalogue, draft):
    with pytest.raises(TransitionRefused) as refused:
        retire_version(uow, actor=catalogue.keeper, version_id=draft.id, why="x")
    assert refused.value.code == "version_not_in_use"


# -- the bench -----------------------------------------------------------------------


def test_the_bench_shows_steps_the_exact_value_and_the_reported_one(session, draft):
    """1.0022 of 5.0112: 125275/6264 = 19.99920..., to 0.1: 20.0."""
    trial = try_stored(session, draft.id, {"m0": "28.4517", "m1": "33.4629", "m2": "32.4607"})
    assert trial.evaluation.exact == Fraction(125275, 6264)
    assert trial.reported == Decimal("20.0")
    assert str(trial.reported) == "20.0"
    assert trial.outcome == Number(Decimal("20.0"), "g/100g")
    assert [step.expression for step in trial.evaluation.steps][-1] == MOISTURE.formula


@pytest.mark.parametrize(
    ("typed", "outcome"),
    [
        ("0.4", NotDetected(Decimal("0.5"), "mg/kg")),
        ("1.4", BelowQuantification(Decimal("1.5"), "mg/kg")),
        ("1.54", Number(Decimal("1.5"), "mg/kg")),
    ],
)
def test_the_bench_reports_below_the_methods_limits_as_the_report_would(session, catalogue, typed, outcome):
    said = plain("x", round_to=Decimal("0.1"), lod=Decimal("0.5"), loq=Decimal("1.5"))
    made = catalogue.draft(catalogue.method(catalogue.item("lead")), said)
    assert try_stored(session, made.id, {"x": typed}).outcome == outcome


def test_the_bench_takes_replicates_apart_by_commas_of_both_kinds(session, catalogue):
    said = replace(plain("mean(x)"), inputs=[InputText("x", "值", "Value", "g", replicates=3)])
    made = catalogue.draft(catalogue.method(catalogue.item("lead")), said)
    assert try_stored(session, made.id, {"x": "1.0, 2.0,3.0"}).evaluation.value == Decimal("2")


def test_the_bench_takes_the_result_of_another_item(session, catalogue):
    catalogue.item("moisture")
    made = catalogue.draft(catalogue.method(catalogue.item("aluminium")), plain("x / (1 - @moisture / 100)"))
    assert readiness_of(session, made).items == ("moisture",)
    assert try_stored(session, made.id, {"x": "90", "@moisture": "25"}).reported == Decimal("120")


def test_the_bench_names_the_figure_it_cannot_read(session, draft):
    with pytest.raises(InvalidInput) as refused:
        try_stored(session, draft.id, {"m0": "28.4517", "m1": "33,4629", "m2": "abc"})
    assert set(refused.value.fields) == {"figures.m1", "figures.m2"}


def test_the_bench_names_the_place_where_the_formula_fails(session, draft):
    with pytest.raises(FormulaRefused) as refused:
        try_stored(session, draft.id, {"m0": "1", "m1": "1", "m2": "1"})
    assert (refused.value.code, refused.value.position) == ("formula_division_by_zero", 0)


# -- comparison ----------------------------------------------------------------------


def test_a_comparison_marks_every_difference_and_only_those(session, uow, catalogue, draft):
    first = catalogue.release(draft)
    inputs = [replace(MOISTURE.inputs[0], low=Decimal("10")), *MOISTURE.inputs[1:]]
    said = replace(
        MOISTURE,
        round_to=Decimal("0.10"),
        inputs=[*inputs[:2], InputText("m3", "复称", "Again", "g")],
        equipment_classes=["balance"],
    )
    second = catalogue.draft(first.method, said)
    lines = {line.field: line.change for line in compare_versions(*pair_to_compare(session, second.id, None))}
    assert {field for field, change in lines.items() if change is not Change.SAME} == {
        "round_to",  # 0.10 says another interval than 0.1
        "input.m0.low",
        "input.m2",
        "input.m3",
        "equipment.drying_oven",
        "case.example 2",  # of the released one; the new text has none
    }
    assert lines["input.m2"] is Change.REMOVED
    assert lines["input.m3"] is Change.ADDED


def test_the_first_version_has_nothing_to_be_compared_with(session, draft):
    with pytest.raises(NotFound):
        pair_to_compare(session, draft.id, None)


def test_versions_of_different_items_are_not_compared(session, catalogue, draft):
    other = catalogue.draft(catalogue.method(catalogue.item("lead")), plain())
    with pytest.raises(InvalidInput):
        pair_to_compare(session, draft.id, other.id)


def test_the_trail_keeps_the_whole_version_that_was_released(session, catalogue, draft):
    from lims.core.audit import AuditEvent

    catalogue.release(draft)
    session.rollback()
    event = session.query(AuditEvent).filter_by(verb="method_version.release").one()
    assert MOISTURE.formula in event.after
    assert "drying_oven" in event.after
    assert event.at == datetime.fromisoformat(event.at.isoformat()).astimezone(UTC)
