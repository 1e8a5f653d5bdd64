"""The blueprint that this room's JSON modules share."""

from flask_smorest import Blueprint

from lims.ui.faces import refusals_of

blueprint = Blueprint(
    "intake_api", __name__, url_prefix="/api", description="Customers, orders, samples, custody"
)
refusals = refusals_of(blueprint)
