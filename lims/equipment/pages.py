"""HTML face of this room."""

from flask import Blueprint

blueprint = Blueprint("equipment", __name__, template_folder="templates")
