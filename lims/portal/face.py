"""The blueprint that this room's page modules share."""

from flask import Blueprint

blueprint = Blueprint("portal", __name__, template_folder="templates")
