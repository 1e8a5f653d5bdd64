"""Take a device's reading into a cell: the value keeps its capture, and the capture its bytes."""

from flask_babel import gettext as _
from sqlalchemy import select

from lims.bench import compute
from lims.bench.inputs import Cell, Desk, Origin, note_equipment, open_sheet, rows_of
from lims.bench.models import Capture, CaptureClaim, InputValue
from lims.bench.states import CaptureKind, InputSource
from lims.catalogue.models import MethodInput, MethodVersion
from lims.core.clock import local_date
from lims.core.errors import Conflict, InvalidInput
from lims.core.permissions import Actor, Permission
from lims.core.uow import UnitOfWork
from lims.equipment.calibration import fitness
from lims.equipment.models import Equipment
from lims.metrology.errors import MetrologyError
from lims.metrology.numerals import write_numeral
from lims.metrology.units import convert_decimal, same_unit


def claim_capture(
    uow: UnitOfWork, *, actor: Actor, worksheet_id: int, capture_id: int, cell: Cell
) -> InputValue:
    """Make the capture the value of ``cell`` (its ``text`` is ignored) and compute what follows.

    Refused (Conflict, with code): ``not_a_reading``, ``unstable``, ``already_claimed``,
    ``device_unknown``, ``wrong_device``, ``wrong_class``, those of ``equipment.calibration.fitness``,
    ``unit_missing``, ``unit_incompatible``.
    """
    actor.require(Permission.CAPTURE_CLAIM)
    with uow:
        sheet = open_sheet(uow, worksheet_id, actor)
        test = rows_of(uow, sheet, {cell.test_id})[cell.test_id]
        version = uow.get(MethodVersion, sheet.method_version_id, lock=False)
        wanted = next((i for i in version.inputs if i.name == cell.name), None)
        if wanted is None:
            raise InvalidInput(_("The method has no such input."), code="unknown_input")
        capture = uow.get(Capture, capture_id)
        equipment = _usable(uow, capture, wanted)
        text = _in_unit(capture, wanted)
        uow.add(
            CaptureClaim(
                capture_id=capture.id, requested_test_id=test.id, claimed_by=actor.id, claimed_at=uow.now
            )
        )
        desk = Desk(uow, actor, version, {test.id: test})
        origin = Origin(InputSource.CAPTURE, capture.id, equipment.id)
        row = desk.put(Cell(test.id, cell.name, cell.replicate, text, cell.reason), origin)
        assert row is not None  # a capture is always a new value
        desk.store()
        note_equipment(uow, actor, sheet.id, equipment.id)
        compute.recompute(uow, actor, [test])
        uow.commit()
    return row


def _usable(uow: UnitOfWork, capture: Capture, wanted: MethodInput) -> Equipment:
    """The equipment behind the capture, if its reading may be used. Raises Conflict."""
    if capture.kind is not CaptureKind.READING or capture.value is None:
        raise Conflict(_("The device gave no value."), code="not_a_reading")
    if capture.stable is False:
        raise Conflict(_("The reading was not stable."), code="unstable")
    if uow.session.scalar(select(CaptureClaim.id).where(CaptureClaim.capture_id == capture.id)) is not None:
        raise Conflict(_("This reading is the value of another cell already."), code="already_claimed")
    if capture.equipment_id is None:
        raise Conflict(_("The device is not bound to equipment of the register."), code="device_unknown")
    if "wrong_device" in capture.flags.split():
        raise Conflict(_("The device says it is another than the register holds."), code="wrong_device")
    equipment = uow.get(Equipment, capture.equipment_id, lock=False)
    if wanted.equipment_class is not None and equipment.equipment_class != wanted.equipment_class:
        raise Conflict(_("The method asks for another class of equipment here."), code="wrong_class")
    fit = fitness(uow.session, equipment, local_date(uow.now), capture.value, capture.unit)
    if not fit.ok:
        raise Conflict(str(fit.sentence), code=fit.code)
    return equipment


def _in_unit(capture: Capture, wanted: MethodInput) -> str:
    """The printed digits, in the unit of the input. A missing unit is missing, never assumed."""
    if not wanted.unit:
        return capture.text or str(capture.value)
    if not capture.unit:
        raise Conflict(_("The device sent no unit."), code="unit_missing")
    if same_unit(capture.unit, wanted.unit):
        return capture.text or str(capture.value)
    assert capture.value is not None
    try:
        return write_numeral(convert_decimal(capture.value, capture.unit, wanted.unit))
    except MetrologyError as fault:
        raise Conflict(_(fault.template, **fault.facts), code=fault.code) from fault
