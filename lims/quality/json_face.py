"""The blueprint that this room's API modules share."""

from datetime import date

from flask_smorest import Blueprint

from lims.core.clock import local_date
from lims.core.web import clock
from lims.ui.faces import refusals_of

blueprint = Blueprint(
    "quality_api", __name__, url_prefix="/api", description="Nonconformities, proficiency rounds"
)
refusals = refusals_of(blueprint)


def today() -> date:
    return local_date(clock()())
