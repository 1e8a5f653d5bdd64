"""The register's use cases: devices, their state, their classes, and the history that remains."""

import io

import pytest
from pypdf import PdfReader
from sqlalchemy import select

from lims.catalogue.models import MethodEquipment, MethodInput, MethodVersion
from lims.core.errors import (
    Conflict,
    InvalidInput,
    NotFound,
    PermissionDenied,
    StaleVersion,
    TransitionRefused,
)
from lims.core.permissions import Role
from lims.core.printing import labels_pdf
from lims.core.uow import RequestKey
from lims.equipment.demand import methods_needing
from lims.equipment.history import history_of
from lims.equipment.models import Equipment, EquipmentState
from lims.equipment.register import (
    EquipmentText,
    add_class,
    add_equipment,
    change_state,
    devices_by_class,
    edit_equipment,
    equipment_classes,
    rename_class,
    steps_from,
)
from lims.equipment.stickers import sticker_sheet
from tests.support.accounts import actor_of, make_account, section_named
from tests.support.laboratory import make_laboratory


def text_of(device: Equipment, **more: object) -> EquipmentText:
    return EquipmentText(**{name: getattr(device, name) for name in EquipmentText.__slots__} | more)


@pytest.mark.parametrize(
    ("code", "error"),
    [("tp-001", "code_taken"), ("TP-001", "code_taken"), ("TP 9", "bad_code"), ("TP\t9", "bad_code")],
)
def test_a_code_is_unique_in_either_case_and_can_be_scanned(store, code, error):
    store.device("TP-001")
    with pytest.raises((Conflict, InvalidInput)) as refused:
        store.device(code)
    assert refused.value.code == error
    assert "code" in refused.value.fields


def test_an_unknown_class_or_section_is_refused_at_its_field(store):
    with pytest.raises(InvalidInput) as refused:
        store.device(equipment_class="telescope")
    assert (refused.value.code, list(refused.value.fields)) == ("unknown_class", ["equipment_class"])
    with pytest.raises(InvalidInput) as refused:
        store.device(section_id=987654)
    assert (refused.value.code, list(refused.value.fields)) == ("unknown_section", ["section_id"])


def test_a_stale_edit_is_refused(store):
    device = store.device()
    version = device.version
    wanted = {"actor": store.manager, "equipment_id": device.id, "version": version}
    edit_equipment(store.uow, text=text_of(device, place="203"), **wanted)
    with pytest.raises(StaleVersion):
        edit_equipment(store.uow, text=text_of(device, place="204"), **wanted)
    assert store.uow.session.get(Equipment, device.id, populate_existing=True).place == "203"


def test_a_device_may_keep_its_own_code_when_it_is_edited(store):
    device = store.device("TP-001")
    edited = edit_equipment(
        store.uow,
        actor=store.manager,
        equipment_id=device.id,
        version=device.version,
        text=text_of(device, software="2.41"),
    )
    assert (edited.code, edited.software) == ("TP-001", "2.41")


STEPS = {
    EquipmentState.FIT: {"limit": EquipmentState.LIMITED, "stop": EquipmentState.OUT_OF_SERVICE},
    EquipmentState.LIMITED: {"release": EquipmentState.FIT, "stop": EquipmentState.OUT_OF_SERVICE},
    EquipmentState.OUT_OF_SERVICE: {"release": EquipmentState.FIT, "limit": EquipmentState.LIMITED},
}


@pytest.mark.parametrize("state", list(EquipmentState))
@pytest.mark.parametrize("step", ["release", "limit", "stop"])
def test_the_steps_between_states(store, state, step):
    device = store.device()
    if state is not EquipmentState.FIT:
        device = store.step(device, "limit" if state is EquipmentState.LIMITED else "stop")
    assert step in steps_from(device.state) or step not in STEPS[state]
    if step in STEPS[state]:
        assert store.step(device, step).state is STEPS[state][step]
    else:
        with pytest.raises(TransitionRefused):
            store.step(device, step)


@pytest.mark.parametrize(
    ("step", "reason", "code"), [("stop", "  ", "reason_missing"), ("burn", "x", "invalid_input")]
)
def test_a_change_of_state_needs_a_known_step_and_a_reason(store, step, reason, code):
    with pytest.raises(InvalidInput) as refused:
        store.step(store.device(), step, reason)
    assert refused.value.code == code


def test_the_history_says_who_changed_what_and_why(store):
    first, second = section_named(store.uow, "chemistry"), section_named(store.uow, "metrology")
    device = store.device(place="201", section_id=first.id)
    edit_equipment(
        store.uow,
        actor=store.manager,
        equipment_id=device.id,
        version=device.version,
        text=text_of(device, place="305", section_id=second.id),
    )
    store.step(device, "stop", "跌落,待检")
    added, moved, stopped = history_of(store.uow.session, device.id)
    assert added.verb == "equipment.add"
    assert (moved.before["place"], moved.after["place"]) == ("201", "305")
    assert moved.after["section_id"] == str(second.id)
    assert (stopped.verb, stopped.who, stopped.reason) == ("equipment.stop", "冯涛", "跌落,待检")


def test_only_those_who_keep_the_register_change_it(store, uow):
    device = store.device()
    actor = actor_of(make_account(uow, Role.SECTION_HEAD))
    with pytest.raises(PermissionDenied):
        add_equipment(uow, actor=actor, text=text_of(device, code="X"))
    with pytest.raises(PermissionDenied):
        change_state(uow, actor=actor, equipment_id=device.id, version=1, step="stop", reason="x")


def test_the_same_request_twice_adds_one_device(store):
    key = RequestKey("k", "f" * 64)
    text = EquipmentText("TP-9", "天平", "Balance", "balance")
    rows = [add_equipment(store.uow, actor=store.manager, text=text, request_key=key) for _ in range(2)]
    assert rows[0].id == rows[1].id


# -- classes -------------------------------------------------------------------------


@pytest.mark.parametrize("code", ["Balance", "2fast", "a b", "", "天平", "x" * 61])
def test_a_class_code_is_a_name_that_methods_can_keep(store, code):
    with pytest.raises(InvalidInput) as refused:
        add_class(store.uow, actor=store.manager, code=code, name_zh="类", name_en="Class")
    assert refused.value.code == "bad_code"


def test_a_class_is_renamed_and_its_code_stays(store):
    row = equipment_classes(store.uow.session)[0]
    rename_class(
        store.uow, actor=store.manager, class_id=row.id, version=row.version, name_zh="天平", name_en="Scales"
    )
    found = equipment_classes(store.uow.session)[0]
    assert (found.code, found.name_en) == ("balance", "Scales")
    with pytest.raises(StaleVersion):
        rename_class(
            store.uow, actor=store.manager, class_id=row.id, version=1, name_zh="又", name_en="Again"
        )


def test_a_class_of_this_code_exists(store):
    with pytest.raises(Conflict) as refused:
        store.classes("balance")
    assert refused.value.code == "code_taken"


def test_devices_are_counted_by_class(store):
    store.device()
    store.device()
    assert devices_by_class(store.uow.session) == {"balance": 2}


def test_a_class_that_is_not_there(store):
    with pytest.raises(NotFound):
        rename_class(store.uow, actor=store.manager, class_id=98765, version=1, name_zh="x", name_en="x")


# -- what needs a class ---------------------------------------------------------------


def test_methods_that_read_from_a_class_or_name_it(uow):
    laboratory = make_laboratory(uow)
    needs = methods_needing(uow.session, "balance")
    assert [(n.item_code, n.standard, list(n.inputs)) for n in needs] == [
        ("moisture", "GB 5009.3-2016", ["m0", "m1", "m2"])
    ]
    assert methods_needing(uow.session, "oven") == []
    version = uow.session.get_one(MethodVersion, laboratory.versions["moisture"])
    assert needs[0].method_id == version.method_id


def test_a_draft_or_an_older_version_stops_nothing(uow):
    laboratory = make_laboratory(uow)
    old = uow.session.get_one(MethodVersion, laboratory.versions["moisture"])
    with uow:
        newer = MethodVersion(
            method_id=old.method_id,
            number=2,
            created_at=uow.now,
            result_kind=old.result_kind,
            unit=old.unit,
            formula="x",
        )
        newer.inputs = [MethodInput(position=1, name="x", label_zh="x", label_en="x", unit="g")]
        newer.equipment = [MethodEquipment(equipment_class="oven")]
        uow.add(newer)
        uow.audit("test.draft", laboratory.analyst, newer)
        uow.commit()
    assert [n.item_code for n in methods_needing(uow.session, "balance")] == ["moisture"]
    assert methods_needing(uow.session, "oven") == []
    with uow:
        uow.get(MethodVersion, newer.id).released_at = uow.now
        uow.audit("test.release", laboratory.analyst, newer)
        uow.commit()
    assert methods_needing(uow.session, "balance") == []
    assert [n.item_code for n in methods_needing(uow.session, "oven")] == ["moisture"]


# -- the label -----------------------------------------------------------------------


def test_the_label_says_code_state_and_days(store):
    device = store.device("TP-001", model="XS205", serial="B12")
    store.calibrate(device, 30)
    sheet = sticker_sheet(store.uow.session, device, store.today)
    (label,) = sheet.labels
    assert (label.code, label.heading, label.badge) == ("TP-001", "电子天平", "合格 FIT")
    assert label.lines == ("校准 2025-12-24", "至 2026-12-23", "XS205")
    assert sticker_sheet(store.uow.session, device, store.day(31)).labels[0].badge == "停用 DO NOT USE"


def test_the_label_of_a_limited_device_says_its_limits(store):
    device = store.device()
    store.calibrate(device, 30)
    limited = store.step(device, "limit", "100 g 以下")
    (label,) = sticker_sheet(store.uow.session, limited, store.today).labels
    assert label.badge == "准用 LIMITED"
    assert label.lines[-1] == "100 g 以下"


def test_everything_on_the_label_is_printed(store):
    """The longest of each: nothing may be cut off at the label's edge."""
    device = store.device("TP-2026-0001-A", model="XS205DU-LONG", serial="B1")
    store.calibrate(device, 30)
    limited = store.step(device, "limit", "仅用于一百克以下的称量,其余不得使用。")
    for on in (store.today, store.day(31)):
        sheet = sticker_sheet(store.uow.session, limited, on)
        pdf = PdfReader(io.BytesIO(labels_pdf(sheet)))
        assert len(pdf.pages) == 1
        printed = "".join(pdf.pages[0].extract_text().split())
        for text in (*sheet.labels[0].lines, sheet.labels[0].badge, sheet.labels[0].code):
            assert "".join(text.split()) in printed


def test_a_device_that_was_added_is_fit_by_state_and_may_not_measure(store):
    device = store.device()
    assert device.state is EquipmentState.FIT
    assert sticker_sheet(store.uow.session, device, store.today).labels[0].badge == "停用 DO NOT USE"
    assert store.uow.session.scalars(select(Equipment)).all() == [device]
