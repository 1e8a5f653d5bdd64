"""The blueprint that this room's page modules share."""

from flask import Blueprint

blueprint = Blueprint("certificates", __name__, template_folder="templates")
