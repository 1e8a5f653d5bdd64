"""Whether a device may measure on a day, and why not (ISO/IEC 17025 6.4.4, 6.4.6, 6.4.9)."""

from decimal import Decimal

import pytest

from lims.equipment.calibration import Currency, Sticker, currency, fitness, sticker, usable_by_class
from lims.equipment.models import EquipmentState

D = Decimal


def test_the_due_day_itself_still_counts(store):
    device = store.device()
    store.calibrate(device, 0)
    fit = fitness(store.uow.session, device, store.today)
    assert (fit.ok, fit.code, fit.due_on) == (True, "fit", store.today)


def test_one_day_past_the_due_day_is_refused_with_both_dates(store):
    device = store.device("TP-002")
    store.calibrate(device, 0)
    fit = fitness(store.uow.session, device, store.day(1))
    assert (fit.ok, fit.code) == (False, "calibration_overdue")
    assert fit.sentence.en == (
        "TP-002 Analytical balance: calibration was due on 2026-11-23; 2026-11-24 is 1 day(s) past it."
    )
    assert fit.sentence.zh == "TP-002 电子天平 的校准已于 2026-11-23 到期，2026-11-24 超期 1 天。"


def test_without_a_record_nothing_may_be_measured(store):
    fit = fitness(store.uow.session, store.device(), store.today)
    assert (fit.ok, fit.code, fit.due_on) == (False, "never_calibrated", None)


def test_a_calibration_proves_nothing_about_the_days_before_it(store):
    device = store.device()
    store.calibrate(device, 100, calibrated_on=store.day(-10))
    assert fitness(store.uow.session, device, store.day(-11)).code == "never_calibrated"
    assert fitness(store.uow.session, device, store.day(-10)).ok


def test_a_calibration_that_was_not_accepted_refuses_the_device(store):
    device = store.device()
    store.calibrate(device, 200)
    store.calibrate(device, 364, accepted=False, certificate_number="JL-BAD")
    fit = fitness(store.uow.session, device, store.today)
    assert (fit.ok, fit.code) == (False, "not_accepted")
    assert "JL-BAD" in fit.sentence.en


def test_the_day_before_the_bad_calibration_the_good_one_counts(store):
    device = store.device()
    store.calibrate(device, 200)
    store.calibrate(device, 364, accepted=False)
    assert fitness(store.uow.session, device, store.day(-1)).ok


@pytest.mark.parametrize(
    ("value", "unit", "code"),
    [
        ("0.01", "g", "fit"),
        ("220", "g", "fit"),
        ("10", "mg", "fit"),
        ("0.0099", "g", "outside_calibrated_range"),
        ("220.0001", "g", "outside_calibrated_range"),
        ("0.221", "kg", "outside_calibrated_range"),
        ("20", "mL", "range_unit"),
    ],
)
def test_a_value_must_lie_inside_the_calibrated_range(store, value, unit, code):
    device = store.device()
    store.calibrate(device, 100)
    fit = fitness(store.uow.session, device, store.today, D(value), unit)
    assert (fit.ok, fit.code) == (code == "fit", code)


def test_a_range_that_is_open_on_one_side(store):
    device = store.device()
    store.calibrate(device, 100, range_low=None)
    assert fitness(store.uow.session, device, store.today, D("0.0001"), "g").ok
    assert not fitness(store.uow.session, device, store.today, D("221"), "g").ok


def test_a_device_out_of_service_is_refused_with_its_reason_whatever_its_calibration(store):
    device = store.device()
    store.calibrate(device, 100)
    stopped = store.step(device, "stop", "跌落")
    fit = fitness(store.uow.session, stopped, store.today)
    assert (fit.ok, fit.code) == (False, "out_of_service")
    assert "跌落" in fit.sentence.zh


def test_a_limited_device_may_measure_and_says_its_limits(store):
    device = store.device()
    store.calibrate(device, 100)
    limited = store.step(device, "limit", "up to 100 g only")
    fit = fitness(store.uow.session, limited, store.today)
    assert (fit.ok, fit.code) == (True, "limited")
    assert "up to 100 g only" in fit.sentence.en


def test_usable_devices_of_classes_by_code(store):
    good, late = store.device("B"), store.device("A")
    first = store.device("C")
    store.calibrate(good, 10)
    store.calibrate(first, 10)
    store.calibrate(late, -1)
    store.step(first, "stop")
    found = usable_by_class(store.uow.session, ["balance", "oven"], store.today)
    assert {code: [d.code for d in devices] for code, devices in found.items()} == {
        "balance": ["B"],
        "oven": [],
    }


@pytest.mark.parametrize(
    ("accepted", "due_in", "expected"),
    [
        (True, 31, Currency.CURRENT),
        (True, 30, Currency.DUE_SOON),
        (True, 0, Currency.DUE_SOON),
        (True, -1, Currency.OVERDUE),
        (False, 100, Currency.NOT_ACCEPTED),
    ],
)
def test_how_a_calibration_stands(store, accepted, due_in, expected):
    assert currency(accepted, store.day(due_in), store.today) is expected


def test_no_calibration_at_all(store):
    assert currency(None, None, store.today) is Currency.NEVER


@pytest.mark.parametrize("state", list(EquipmentState))
@pytest.mark.parametrize("standing", list(Currency))
def test_the_label_is_green_or_yellow_only_where_the_device_may_measure(state, standing):
    shown = sticker(state, standing)
    usable = state is not EquipmentState.OUT_OF_SERVICE and standing in {Currency.CURRENT, Currency.DUE_SOON}
    assert (shown is not Sticker.RED) is usable
    if usable:
        assert (shown is Sticker.YELLOW) is (state is EquipmentState.LIMITED)
