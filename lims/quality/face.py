"""The blueprint that this room's page modules share, and what several of them show."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from flask import Blueprint, url_for

from lims.accreditation.matrix import staff
from lims.core.clock import local_date
from lims.core.database import db
from lims.core.permissions import Actor
from lims.core.permissions import Permission as P
from lims.core.web import clock
from lims.quality.states import CoverKind
from lims.ui.labels import Text, bilingual

blueprint = Blueprint("quality", __name__, template_folder="templates")
Options = list[tuple[object, Text]]
# Where a covered row is shown, and to whom.
PLACES: Mapping[CoverKind, tuple[str, str, P]] = {
    CoverKind.WORKSHEET: ("bench.worksheet", "worksheet_id", P.RESULT_READ),
    CoverKind.SAMPLE: ("intake.sample", "sample_id", P.SAMPLE_READ),
    CoverKind.ORDER: ("intake.order", "order_id", P.ORDER_READ),
    CoverKind.EQUIPMENT: ("equipment.device", "equipment_id", P.EQUIPMENT_READ),
    CoverKind.CERTIFICATE: ("certificates.certificate", "certificate_id", P.CERTIFICATE_READ),
    CoverKind.TEST_ITEM: ("catalogue.item", "test_item_id", P.CATALOGUE_READ),
    CoverKind.PROFICIENCY: ("quality.entry", "entry_id", P.PROFICIENCY_READ),
}


def today() -> date:
    return local_date(clock()())


def address_of(actor: Actor, kind: CoverKind, row_id: int) -> str | None:
    """Of the page that shows a row; None where this reader may not see it."""
    endpoint, name, permission = PLACES[kind]
    values: dict[str, Any] = {name: row_id}
    return url_for(endpoint, **values) if actor.can(permission) else None


def person_options() -> Options:
    return [(person.id, bilingual(person)) for person in staff(db.session())]
