"""Space takes it: a person asks a device for a reading, and it goes into the cell it was asked for.

Asked on the page, fetched by the gateway with its next live post, answered by a capture that carries the
request's id, settled as soon as that capture is stored (or by the page that waits, whichever comes first).
"""

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from flask_babel import force_locale, get_locale
from flask_babel import gettext as _
from sqlalchemy import select, update

from lims.bench.capture.claims import (
    Place,
    check_class,
    check_fit,
    claim_here,
    could_fill,
    find_place,
    in_unit,
    value_for,
)
from lims.bench.capture.device_words import why_no_value
from lims.bench.inputs import Cell, Origin
from lims.bench.models import Capture, TakeRequest
from lims.bench.sheet_view import RowAnswer, answer_of, load_row
from lims.bench.states import InputSource
from lims.catalogue.models import MethodInput
from lims.core.errors import Conflict, InvalidInput, LimsError, NotFound
from lims.core.permissions import Actor, Permission
from lims.core.uow import RequestKey, UnitOfWork
from lims.equipment.heartbeat import CommandResult
from lims.equipment.live import DeviceNow, devices_now
from lims.equipment.models import Device
from lims.people.actors import actor_of_account

VERBS = ("tare", "zero", "setup")
# Not begun by then: not carried out at all. Then so long for the device, and a little for the way back.
BEGIN_WITHIN = timedelta(seconds=5)
DEVICE_TIMEOUT = timedelta(seconds=15)
ON_THE_WAY = timedelta(seconds=3)
FRESH_S = 3.0


@dataclass(frozen=True, slots=True)
class Command:
    """What the gateway is told to do."""

    id: str
    device: str
    verb: str
    expires_in_ms: int
    timeout_ms: int
    argument: str = ""


@dataclass(frozen=True, slots=True)
class TakeAnswer:
    """``state``: waiting, done or refused; ``row``: what the page shows once a reading is in its cell."""

    id: str
    state: str
    code: str | None = None
    sentence: str | None = None
    value: str | None = None
    unit: str | None = None
    row: RowAnswer | None = None


# -- asking --------------------------------------------------------------------------


def ask_reading(
    uow: UnitOfWork,
    *,
    actor: Actor,
    worksheet_id: int,
    device_id: int,
    cell: Cell,
    key: RequestKey | None = None,
) -> TakeRequest:
    """Ask for a stable reading for ``cell``. The same ``key`` again is the same request.

    Refused before the device is troubled, with code and sentence: what ``claims.find_place`` refuses,
    ``gateway_away``, ``device_silent``, ``wrong_device``, ``device_unknown``, ``wrong_class``, the codes of
    ``fitness``, ``unstable``, ``overload``, ``underload``, ``value_out_of_range``, ``reason_needed``,
    ``device_busy``.
    """
    actor.require(Permission.CAPTURE_CLAIM)
    with uow.fleeting():
        before = _asked_before(uow, actor, key)
        if before is not None:
            return before
        place = find_place(uow, actor, worksheet_id, cell)
        now = device_now(uow, device_id)
        _check_device(uow, now, place)
        _check_cell(uow, now, place, cell)
        _refuse_busy(uow, actor, device_id)
        take = _new(uow, actor, device_id, "take", key)
        take.worksheet_id, take.requested_test_id = worksheet_id, cell.test_id
        take.input_name, take.replicate, take.reason = cell.name, cell.replicate, cell.reason
        uow.add(take)
        uow.commit()
    return take


def send_command(
    uow: UnitOfWork,
    *,
    actor: Actor,
    device_id: int,
    verb: str,
    argument: str = "",
    key: RequestKey | None = None,
) -> TakeRequest:
    """Tare, zero or set up a device (``argument``: key of the set-up). Refused as ``ask_reading`` refuses a device;
    also where the device has no such command (``no_such_command``) or set-up (``no_such_setup``)."""
    actor.require(Permission.CAPTURE_CLAIM)
    if verb not in VERBS:
        raise InvalidInput(
            _("A device can be told to tare, to zero, or to be set up."), code="no_such_command"
        )
    with uow.fleeting():
        before = _asked_before(uow, actor, key)
        if before is not None:
            return before
        now = device_now(uow, device_id)
        _refuse(now)
        if verb != "setup" and now.can(verb) is False:
            raise Conflict(why_no_value("no_such_command"), code="no_such_command")
        if verb == "setup" and argument not in {one.key for one in now.setups}:
            raise Conflict(_("Choose what the device shall be set up to."), code="no_such_setup")
        _refuse_busy(uow, actor, device_id)
        take = _new(uow, actor, device_id, verb, key)
        take.argument = argument
        uow.add(take)
        uow.commit()
    return take


def device_now(uow: UnitOfWork, device_id: int) -> DeviceNow:
    found = devices_now(uow.session, uow.now, ids={device_id})
    if not found:
        raise NotFound(_("There is no such device."))
    return found[0]


def _refuse(now: DeviceNow) -> None:
    refusal = now.refusal()
    if refusal is not None:
        raise Conflict(refusal[1], code=refusal[0])


def _check_device(uow: UnitOfWork, now: DeviceNow, place: Place) -> None:
    _refuse(now)
    equipment = now.device.equipment
    assert equipment is not None  # unbound was refused
    check_class(equipment, place.wanted)
    value, unit = _figure(now, uow.now, place.wanted)
    check_fit(uow, equipment, value, unit if value is not None else None, control=place.is_control)


def _figure(now: DeviceNow, at: datetime, wanted: MethodInput) -> tuple[Decimal | None, str | None]:
    """Number and unit on the device's display; none where it is old, or where several could be meant."""
    age = now.age_s(at)
    if age is None or age > FRESH_S:
        return None, None
    shown = [one for one in now.figures if one.text is not None]
    if len(shown) > 1:
        shown = [one for one in shown if could_fill(one.name, one.unit, wanted)]
    if len(shown) != 1:
        return None, None
    return Decimal(shown[0].text or ""), shown[0].unit


def _check_cell(uow: UnitOfWork, now: DeviceNow, place: Place, cell: Cell) -> None:
    """As if the figure on the display were the reading: what would be refused then is refused now."""
    live, age = now.live, now.age_s(uow.now)
    if live is not None and age is not None and age <= FRESH_S:
        if live.kind in ("overload", "underload"):
            raise Conflict(why_no_value(live.kind), code=live.kind)
        if live.text is not None and live.stable is False:
            raise Conflict(_("The figure is not stable yet: wait for the mark."), code="unstable")
    figure, unit = _figure(now, uow.now, place.wanted)
    text = in_unit(str(figure), figure, unit, place.wanted) if figure is not None else "0"
    wanted = Cell(cell.test_id, cell.name, cell.replicate, text, cell.reason)
    place.desk.put(wanted, Origin(InputSource.CAPTURE, capture_id=0))  # stored only with a capture


def _refuse_busy(uow: UnitOfWork, actor: Actor, device_id: int) -> None:
    """One order at a time: a second one would be answered with the first one's load."""
    open_now = select(TakeRequest.asked_by).where(
        TakeRequest.device_id == device_id,
        TakeRequest.settled_at.is_(None),
        TakeRequest.answered_at.is_(None),
        TakeRequest.asked_at > uow.now - BEGIN_WITHIN - DEVICE_TIMEOUT - ON_THE_WAY,
    )
    person = uow.session.execute(open_now.limit(1)).first()
    if person is not None:
        raise Conflict(
            _("Your last reading is still under way.")
            if person[0] == actor.id
            else _("The device is taking a reading for somebody else."),
            code="device_busy",
        )


def _take_id(actor: Actor, key: RequestKey | None) -> str:
    """The same for the same key and content; its first half is that of the key alone."""
    if key is None:
        return secrets.token_hex(16)
    owner = hashlib.sha256(f"{actor.kind}:{actor.id}\0{key.key}".encode()).hexdigest()
    return owner[:32] + key.fingerprint[:16]


def _asked_before(uow: UnitOfWork, actor: Actor, key: RequestKey | None) -> TakeRequest | None:
    if key is None:
        return None
    wanted = _take_id(actor, key)
    same_key = select(TakeRequest).where(TakeRequest.id.startswith(wanted[:32])).limit(1)
    before = uow.session.scalar(same_key)
    if before is not None and before.id != wanted:
        raise Conflict(_("This key was used for another request already."), code="idempotency_mismatch")
    return before


def _new(uow: UnitOfWork, actor: Actor, device_id: int, verb: str, key: RequestKey | None) -> TakeRequest:
    return TakeRequest(
        id=_take_id(actor, key),
        device_id=device_id,
        command=verb,
        asked_by=actor.id,
        asked_at=uow.now,
        expires_at=uow.now + BEGIN_WITHIN,
        language=str(get_locale() or "zh_CN"),
    )


# -- with the gateway (inside the unit of work of a live post) -----------------------


def note_progress(
    uow: UnitOfWork, gateway_id: int, seen: Sequence[str], results: Sequence[CommandResult]
) -> list[str]:
    """What the gateway says of its commands. Returns the ids of those that ended without a capture."""
    mine = select(Device.id).where(Device.gateway_id == gateway_id)
    if seen:
        fresh = TakeRequest.id.in_(seen) & TakeRequest.device_id.in_(mine) & TakeRequest.seen_at.is_(None)
        uow.session.execute(update(TakeRequest).where(fresh).values(seen_at=uow.now))
    ended = {r.id: r for r in results if r.outcome == "refused" or r.outcome == "done"}
    if not ended:
        return []
    open_ones = select(TakeRequest).where(
        TakeRequest.id.in_(ended),
        TakeRequest.device_id.in_(mine),
        TakeRequest.answered_at.is_(None),
        TakeRequest.settled_at.is_(None),
    )
    closed = []
    for take in uow.session.scalars(open_ones.order_by(TakeRequest.id).with_for_update()):
        result = ended[take.id]
        if result.outcome == "done" and take.command == "take":
            continue  # its capture is on the way
        take.answered_at = uow.now
        take.code = (result.code or "refused")[:60] if result.outcome == "refused" else None
        closed.append(take.id)
    return closed


def open_commands(uow: UnitOfWork, gateway_id: int) -> list[Command]:
    """Repeated in every answer until the gateway has seen them."""
    wanted = (
        select(TakeRequest, Device.name)
        .join(Device, Device.id == TakeRequest.device_id)
        .where(
            Device.gateway_id == gateway_id,
            TakeRequest.asked_at > uow.now - BEGIN_WITHIN,
            TakeRequest.seen_at.is_(None),
            TakeRequest.answered_at.is_(None),
            TakeRequest.expires_at > uow.now,
        )
        .order_by(TakeRequest.asked_at, TakeRequest.id)
    )
    commands = []
    for take, device in uow.session.execute(wanted):
        take.sent_at = take.sent_at or uow.now
        left = int((take.expires_at - uow.now).total_seconds() * 1000)
        timeout = int(DEVICE_TIMEOUT.total_seconds() * 1000)
        commands.append(Command(take.id, device, take.command, max(1, left), timeout, take.argument))
    return commands


# -- settling ------------------------------------------------------------------------


def settle_take(uow: UnitOfWork, *, take_id: str) -> None:
    """Put the answer into the cell in the name of who asked, or keep why not. Safe to call again and again."""
    try:
        with uow:
            take = uow.get(TakeRequest, take_id)
            if take.settled_at is not None or not _is_over(take, uow.now):
                return
            take.code = take.code or _overdue(take, uow.now)
            if take.code is None and take.capture_id is not None and take.command == "take":
                _claim(uow, take)
            take.settled_at = uow.now
            uow.commit()
    except LimsError as refused:
        _keep_refusal(uow, take_id, refused)


def _is_over(take: TakeRequest, now: datetime) -> bool:
    return take.answered_at is not None or _overdue(take, now) is not None


def _overdue(take: TakeRequest, now: datetime) -> str | None:
    """Why no answer can come any more; None while one can, or is here."""
    begun = take.seen_at is not None
    last = take.expires_at + (DEVICE_TIMEOUT + ON_THE_WAY if begun else ON_THE_WAY)
    if take.answered_at is not None or now < last:
        return None
    return "no_answer" if begun else "not_fetched"


def _claim(uow: UnitOfWork, take: TakeRequest) -> None:
    assert take.worksheet_id is not None
    assert take.requested_test_id is not None
    assert take.capture_id is not None
    cell = Cell(take.requested_test_id, take.input_name or "", take.replicate, "", take.reason)
    actor = actor_of_account(uow.session, take.asked_by or 0)
    with force_locale(take.language):
        capture_id = value_for(uow.session, take.capture_id, take.requested_test_id, cell.name)
        claim_here(uow, actor, take.worksheet_id, capture_id, cell)
        take.capture_id = capture_id


def _keep_refusal(uow: UnitOfWork, take_id: str, refused: LimsError) -> None:
    with uow.fleeting():
        take = uow.get(TakeRequest, take_id)
        if take.settled_at is None:
            take.code, take.sentence, take.settled_at = refused.code[:60], refused.message, uow.now
            uow.commit()


def take_answer(uow: UnitOfWork, *, actor: Actor, take_id: str) -> TakeAnswer:
    """How one's own request stands; settles it where its answer is there. Raises NotFound."""
    take = uow.session.get(TakeRequest, take_id, populate_existing=True)
    if take is None or take.asked_by != actor.id:
        raise NotFound(_("There is no such request of yours."))
    if take.settled_at is None and _is_over(take, uow.now):
        settle_take(uow, take_id=take_id)
        take = uow.session.get_one(TakeRequest, take_id, populate_existing=True)
    if take.settled_at is None:
        return TakeAnswer(take.id, "waiting")
    if take.code is not None:
        return TakeAnswer(take.id, "refused", take.code, take.sentence or why_no_value(take.code))
    if take.command != "take":
        return TakeAnswer(take.id, "done")
    capture = uow.session.get_one(Capture, take.capture_id)
    assert take.worksheet_id is not None
    assert take.requested_test_id is not None
    row = load_row(uow.session, actor=actor, worksheet_id=take.worksheet_id, test_id=take.requested_test_id)
    return TakeAnswer(take.id, "done", value=capture.text, unit=capture.unit, row=answer_of(row))
