"""The blueprints that this room's page and API modules share."""

from flask import Blueprint
from flask_smorest import Blueprint as ApiBlueprint

from lims.ui.faces import refusals_of

blueprint = Blueprint("bench", __name__, template_folder="templates")
api_blueprint = ApiBlueprint(
    "bench_api", __name__, url_prefix="/api", description="Assignments, worksheets, captures, results"
)
refusals = refusals_of(api_blueprint)
