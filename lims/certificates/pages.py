"""HTML face of this room."""

from flask import Blueprint

blueprint = Blueprint("certificates", __name__, template_folder="templates")
