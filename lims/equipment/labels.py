"""Words and places in the navigation of the equipment register."""

from flask import url_for
from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import Session

from lims.core.clock import local_date
from lims.core.paging import CappedCount
from lims.core.permissions import Actor, Permission, Role
from lims.core.web import clock
from lims.equipment.calibration import Currency, Sticker
from lims.equipment.listing import Due, count_due, find_by_code
from lims.equipment.models import EquipmentState
from lims.ui import scanning
from lims.ui.labels import Text, Tone, bilingual, register
from lims.ui.navigation import Card, Entry, register_card
from lims.ui.navigation import register as register_entry

register(
    EquipmentState,
    {
        EquipmentState.FIT: _l("fit"),
        EquipmentState.LIMITED: _l("limited use"),
        EquipmentState.OUT_OF_SERVICE: _l("out of service"),
    },
    {EquipmentState.FIT: Tone.DONE, EquipmentState.LIMITED: Tone.RETURNED},
    {EquipmentState.LIMITED: "◆", EquipmentState.OUT_OF_SERVICE: "✕"},
)
register(
    Sticker,
    {
        Sticker.GREEN: _l("fit"),
        Sticker.YELLOW: _l("limited use"),
        Sticker.RED: _l("do not use"),
    },
    {Sticker.GREEN: Tone.DONE, Sticker.YELLOW: Tone.RETURNED, Sticker.RED: Tone.FAULT},
    {Sticker.YELLOW: "◆", Sticker.RED: "✕"},
)
register(
    Currency,
    {
        Currency.CURRENT: _l("in date"),
        Currency.DUE_SOON: _l("due soon"),
        Currency.OVERDUE: _l("overdue"),
        Currency.NOT_ACCEPTED: _l("not suitable"),
        Currency.NEVER: _l("no calibration yet"),
    },
    {
        Currency.CURRENT: Tone.PLAIN,
        Currency.DUE_SOON: Tone.RETURNED,
        Currency.NOT_ACCEPTED: Tone.FAULT,
        Currency.NEVER: Tone.FAULT,
    },
    {Currency.CURRENT: "✓", Currency.DUE_SOON: "◷"},
)
register(Due, {Due.OVERDUE: _l("overdue or not suitable"), Due.SOON: _l("due within 30 days")})

STEPS: dict[str, Text] = {
    "release": _l("release for use"),
    "limit": _l("limit its use"),
    "stop": _l("take out of service"),
}
VERBS: dict[str, tuple[Text, Tone]] = {
    "equipment.add": (_l("Entered in the register"), Tone.PLAIN),
    "equipment.edit": (_l("Entry changed"), Tone.PLAIN),
    "equipment.release": (_l("Released for use"), Tone.DONE),
    "equipment.limit": (_l("Use limited"), Tone.RETURNED),
    "equipment.stop": (_l("Taken out of service"), Tone.FAULT),
}
COLUMNS: dict[str, Text] = {
    "code": _l("code"),
    "name_zh": _l("Chinese name"),
    "name_en": _l("English name"),
    "equipment_class": _l("equipment class"),
    "maker": _l("maker"),
    "model": _l("model"),
    "serial": _l("serial number"),
    "software": _l("software version"),
    "identity": _l("identity it answers"),
    "section_id": _l("section"),
    "place": _l("place"),
    "in_service_on": _l("in use since"),
}


def _count_overdue(session: Session, _actor: Actor) -> CappedCount:
    return count_due(session, Due.OVERDUE, local_date(clock()()))


def _count_soon(session: Session, _actor: Actor) -> CappedCount:
    return count_due(session, Due.SOON, local_date(clock()()))


def _device_of(session: Session, actor: Actor, code: str) -> scanning.Found | None:
    if not actor.can(Permission.EQUIPMENT_READ) or len(code) > 60:
        return None
    row = find_by_code(session, code)
    if row is None:
        return None
    href = url_for("equipment.device", equipment_id=row.id)
    return scanning.Found(href, f"{row.code} {bilingual(row)}")


_DAILY = frozenset({Role.EQUIPMENT_MANAGER})
_WATCH = frozenset({Role.EQUIPMENT_MANAGER, Role.QUALITY_MANAGER, Role.SECTION_HEAD})
register_entry(Entry("equipment.register", _l("Equipment"), Permission.EQUIPMENT_READ, 300, _DAILY))
register_card(
    Card(
        "equipment.register",
        _l("Equipment overdue"),
        Permission.EQUIPMENT_READ,
        _count_overdue,
        60,
        _WATCH,
        values={"due": Due.OVERDUE.value},
        tone=Tone.FAULT,
        detail=_l("in use, and must not measure"),
    )
)
register_card(
    Card(
        "equipment.register",
        _l("Calibration due soon"),
        Permission.EQUIPMENT_READ,
        _count_soon,
        61,
        _WATCH,
        values={"due": Due.SOON.value},
        tone=Tone.RETURNED,
        detail=_l("within 30 days"),
    )
)
scanning.register("equipment", _device_of, order=60)
