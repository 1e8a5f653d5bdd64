"""The register as a list: one query, every filter, the most urgent first."""

import pytest

from lims.equipment.calibration import Currency, Sticker
from lims.equipment.listing import Due, count_due, find_by_code, list_equipment
from lims.equipment.models import EquipmentState
from lims.equipment.records import record_calibration
from tests.support.accounts import section_named
from tests.support.queries import statements_of


@pytest.fixture
def shelf(store):
    """A: valid, B: due soon, C: overdue, D: never, E: not accepted, F: out of service and overdue, G: limited."""
    devices = {code: store.device(code) for code in "ABCDEFG"}
    for code, due in {"A": 200, "B": 30, "C": -1, "F": -50, "G": 100}.items():
        store.calibrate(devices[code], due)
    store.calibrate(devices["E"], 300)
    store.calibrate(devices["E"], 364, accepted=False)
    store.step(devices["F"], "stop")
    store.step(devices["G"], "limit")
    return store


def codes(page) -> str:
    return "".join(line.code for line in page.rows)


def test_each_line_says_how_the_device_stands(shelf):
    page = list_equipment(shelf.uow.session, on=shelf.today)
    assert {line.code: (line.sticker, line.currency) for line in page.rows} == {
        "A": (Sticker.GREEN, Currency.CURRENT),
        "B": (Sticker.GREEN, Currency.DUE_SOON),
        "C": (Sticker.RED, Currency.OVERDUE),
        "D": (Sticker.RED, Currency.NEVER),
        "E": (Sticker.RED, Currency.NOT_ACCEPTED),
        "F": (Sticker.RED, Currency.OVERDUE),
        "G": (Sticker.YELLOW, Currency.CURRENT),
    }


def test_overdue_is_what_is_in_use_and_must_not_measure(shelf):
    session = shelf.uow.session
    assert codes(list_equipment(session, on=shelf.today, due=Due.OVERDUE)) == "CDE"
    assert count_due(session, Due.OVERDUE, shelf.today).count == 3


def test_due_soon_is_what_still_may_measure_for_thirty_days_at_most(shelf):
    session = shelf.uow.session
    assert codes(list_equipment(session, on=shelf.today, due=Due.SOON)) == "B"
    assert codes(list_equipment(session, on=shelf.day(-1), due=Due.SOON)) == "C"
    assert count_due(session, Due.SOON, shelf.today).count == 1


def test_the_most_urgent_come_first_and_what_is_out_of_service_last(shelf):
    page = list_equipment(shelf.uow.session, on=shelf.today, late=True)
    assert codes(page) == "DECBGAF"


@pytest.mark.parametrize("late", [False, True])
def test_pages_show_every_device_once_in_both_directions(shelf, late):
    session, seen, cursor = shelf.uow.session, "", None
    while True:
        page = list_equipment(session, on=shelf.today, late=late, cursor=cursor, size=3)
        seen += codes(page)
        if page.after is None:
            break
        cursor = page.after
    assert seen == ("DECBGAF" if late else "ABCDEFG")
    back = list_equipment(session, on=shelf.today, late=late, cursor=page.before, size=3)
    assert codes(back) == seen[3:6]


def test_a_corrected_record_does_not_count_in_the_list(shelf):
    device = find_by_code(shelf.uow.session, "A")
    wrong = shelf.calibrate(device, 364)
    record_calibration(
        shelf.uow,
        actor=shelf.manager,
        equipment_id=device.id,
        text=shelf.text(shelf.day(-3), calibrated_on=shelf.day(-200)),
        replaces_id=wrong.id,
    )
    line = next(r for r in list_equipment(shelf.uow.session, on=shelf.today).rows if r.code == "A")
    assert (line.due_on, line.currency) == (shelf.day(200), Currency.CURRENT)


def test_filters_narrow_the_list(store):
    chemistry = section_named(store.uow, "chemistry")
    store.device("TP-1", serial="B_100", place="201", section_id=chemistry.id)
    store.device("GZ-1", equipment_class="oven", model="DHG")
    session, on = store.uow.session, store.today
    assert [r.code for r in list_equipment(session, on=on, words="b_1").rows] == ["TP-1"]
    assert list_equipment(session, on=on, words="%").rows == []
    assert [r.code for r in list_equipment(session, on=on, words="dhg").rows] == ["GZ-1"]
    assert [r.code for r in list_equipment(session, on=on, equipment_class="oven").rows] == ["GZ-1"]
    assert [r.code for r in list_equipment(session, on=on, section_id=chemistry.id).rows] == ["TP-1"]
    assert len(list_equipment(session, on=on, state=EquipmentState.FIT).rows) == 2
    assert list_equipment(session, on=on, state=EquipmentState.LIMITED).rows == []


def test_a_page_costs_one_query_however_many_devices_and_records(shelf, database):
    for _ in range(4):
        shelf.calibrate(find_by_code(shelf.uow.session, "A"), 200)
    with statements_of(database.engine) as seen:
        list_equipment(shelf.uow.session, on=shelf.today)
    assert len([one for one in seen if one.startswith("SELECT")]) == 1


def test_a_code_is_found_as_scanners_and_people_write_it(store):
    device = store.device("TP-001")
    assert find_by_code(store.uow.session, "tp-001").id == device.id
    assert find_by_code(store.uow.session, "TP-0011") is None
