"""Take a device's reading into a cell: the value keeps its capture, and the capture its bytes."""

from dataclasses import dataclass
from decimal import Decimal

from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.orm import Session

from lims.bench import compute
from lims.bench.capture.device_words import why_no_value
from lims.bench.capture.readings import Reading, reading_now, readings_of
from lims.bench.inputs import Cell, Desk, Origin, note_equipment, open_sheet, rows_of
from lims.bench.models import Capture, CaptureClaim, InputValue, Worksheet
from lims.bench.states import CaptureKind, InputSource
from lims.catalogue.models import MethodInput, MethodVersion
from lims.core.clock import local_date
from lims.core.errors import Conflict, InvalidInput
from lims.core.permissions import Actor, Permission
from lims.core.uow import UnitOfWork
from lims.equipment.calibration import fitness
from lims.equipment.models import Equipment
from lims.intake.internal import INTERNAL_CONTROL
from lims.intake.models import RequestedTest
from lims.metrology.errors import MetrologyError
from lims.metrology.numerals import write_numeral
from lims.metrology.units import convert_decimal, same_unit


def claim_capture(
    uow: UnitOfWork, *, actor: Actor, worksheet_id: int, capture_id: int, cell: Cell
) -> InputValue:
    """Make the capture the value of ``cell`` (its ``text`` is ignored) and compute what follows.

    The same claim again changes nothing. Refused (Conflict, with code): ``not_a_reading``, ``unstable``,
    ``already_claimed``, ``device_unknown``, ``wrong_device``, ``wrong_class``, those of
    ``equipment.calibration.fitness``, ``unit_missing``, ``unit_incompatible``.
    """
    actor.require(Permission.CAPTURE_CLAIM)
    with uow:
        row = claim_here(uow, actor, worksheet_id, capture_id, cell)
        uow.commit()
    return row


def claim_here(uow: UnitOfWork, actor: Actor, worksheet_id: int, capture_id: int, cell: Cell) -> InputValue:
    """``claim_capture`` inside the caller's unit of work."""
    actor.require(Permission.CAPTURE_CLAIM)
    place = find_place(uow, actor, worksheet_id, cell)
    capture = uow.get(Capture, capture_id)
    before = uow.session.scalar(select(InputValue).where(InputValue.capture_id == capture.id))
    if before is not None and _same_cell(before, cell):
        return before
    reading = reading_now(uow.session, capture)
    equipment = _usable(uow, capture, reading, place)
    text = in_unit(reading.text, reading.value, reading.unit, place.wanted)
    uow.add(
        CaptureClaim(
            capture_id=capture.id,
            requested_test_id=cell.test_id,
            claimed_by=actor.id,
            claimed_at=uow.now,
            reading_id=reading.reread.id if reading.reread else None,
        )
    )
    origin = Origin(InputSource.CAPTURE, capture.id, equipment.id)
    row = place.desk.put(Cell(cell.test_id, cell.name, cell.replicate, text, cell.reason), origin)
    assert row is not None  # a capture is always a new value
    place.desk.store()
    note_equipment(uow, actor, place.sheet.id, equipment.id)
    compute.recompute(uow, actor, [place.test], place.desk.benches)
    return row


def _same_cell(row: InputValue, cell: Cell) -> bool:
    return (row.requested_test_id, row.name, row.replicate) == (cell.test_id, cell.name, cell.replicate)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a reading shall go: an open cell of one's own worksheet, locked for this transaction."""

    sheet: Worksheet
    test: RequestedTest
    wanted: MethodInput
    desk: Desk

    @property
    def is_control(self) -> bool:
        """The cell belongs to a control of the laboratory itself (a blind one passes for a sample)."""
        return self.desk.benches.of(self.test.sample_id).order.business_type.code == INTERNAL_CONTROL


def find_place(uow: UnitOfWork, actor: Actor, worksheet_id: int, cell: Cell) -> Place:
    """Raises NotFound, PermissionDenied, TransitionRefused, InvalidInput (``unknown_input``)."""
    sheet = open_sheet(uow, worksheet_id, actor)
    test = rows_of(uow, sheet, {cell.test_id})[cell.test_id]
    version = uow.get(MethodVersion, sheet.method_version_id, lock=False)
    wanted = next((i for i in version.inputs if i.name == cell.name), None)
    if wanted is None:
        raise InvalidInput(_("The method has no such input."), code="unknown_input")
    return Place(sheet, test, wanted, Desk(uow, actor, version, {test.id: test}))


def _usable(uow: UnitOfWork, capture: Capture, reading: Reading, place: Place) -> Equipment:
    """The equipment behind the capture, if its reading may be used. Raises Conflict."""
    if reading.kind is not CaptureKind.READING or reading.value is None:
        raise Conflict(why_no_value(reading.code), code="not_a_reading")
    if reading.stable is False:
        raise Conflict(_("The reading was not stable."), code="unstable")
    if uow.session.scalar(select(CaptureClaim.id).where(CaptureClaim.capture_id == capture.id)) is not None:
        raise Conflict(_("This reading is the value of another cell already."), code="already_claimed")
    if capture.equipment_id is None:
        raise Conflict(_("The device is not bound to equipment of the register."), code="device_unknown")
    if "wrong_device" in capture.flags.split():
        raise Conflict(_("The device says it is another than the register holds."), code="wrong_device")
    equipment = uow.get(Equipment, capture.equipment_id, lock=False)
    check_class(equipment, place.wanted)
    check_fit(uow, equipment, reading.value, reading.unit, control=place.is_control)
    return equipment


def could_fill(name: str, unit: str | None, wanted: MethodInput) -> bool:
    """Whether a value that a device states beside others can be the one this input waits for: by name where
    the device and the method use the same, by unit otherwise."""
    if name.casefold() == wanted.name.casefold():
        return True
    if not wanted.unit or not unit:
        return not wanted.unit and not unit
    try:
        convert_decimal(Decimal(0), unit, wanted.unit)
    except MetrologyError:
        return False
    return True


def value_for(session: Session, capture_id: int, test_id: int, input_name: str) -> int:
    """The one value of a frame of several that this input waits for (its capture id). Raises Conflict
    (``several_values``) where none or more than one could be meant."""
    frame = session.get_one(Capture, capture_id)
    same_frame = (Capture.gateway_id, Capture.epoch, Capture.seq)
    parts = session.scalars(
        select(Capture)
        .where(*(column == getattr(frame, column.key) for column in same_frame))
        .order_by(Capture.part)
    ).all()
    if len(parts) == 1:
        return frame.id
    inputs = select(MethodInput).join(
        RequestedTest, RequestedTest.method_version_id == MethodInput.method_version_id
    )
    wanted = session.scalar(inputs.where(RequestedTest.id == test_id, MethodInput.name == input_name))
    now = readings_of(session, parts)
    readings = {number: one for number, one in now.items() if one.kind is CaptureKind.READING}
    fitting = [n for n, p in readings.items() if wanted is not None and could_fill(p.name, p.unit, wanted)]
    named = [n for n in fitting if readings[n].name.casefold() == input_name.casefold()]
    chosen = named or fitting
    if len(chosen) != 1:
        raise Conflict(why_no_value("several_values"), code="several_values")
    return chosen[0]


def check_class(equipment: Equipment, wanted: MethodInput) -> None:
    if wanted.equipment_class is not None and equipment.equipment_class != wanted.equipment_class:
        raise Conflict(_("The method asks for another class of equipment here."), code="wrong_class")


def check_fit(
    uow: UnitOfWork, equipment: Equipment, value: Decimal | None, unit: str | None, *, control: bool = False
) -> None:
    """In service, in calibration today, and ``value`` inside the calibrated range.

    ``control``: a control sample may show how a device measures whose calibration has run out.
    """
    fit = fitness(uow.session, equipment, local_date(uow.now), value, unit)
    if not fit.ok and not (control and fit.code != "out_of_service"):
        raise Conflict(str(fit.sentence), code=fit.code)


def in_unit(text: str | None, value: Decimal | None, unit: str | None, wanted: MethodInput) -> str:
    """The printed digits, in the unit of the input. A missing unit is missing, never assumed."""
    printed = text or str(value)
    if not wanted.unit:
        return printed
    if not unit:
        raise Conflict(_("The device sent no unit."), code="unit_missing")
    if same_unit(unit, wanted.unit):
        return printed
    assert value is not None
    try:
        return write_numeral(convert_decimal(value, unit, wanted.unit))
    except MetrologyError as fault:
        raise Conflict(_(fault.template, **fault.facts), code=fault.code) from fault
