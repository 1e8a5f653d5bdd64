"""HTML face of this room."""

from flask import Blueprint

blueprint = Blueprint("bench", __name__, template_folder="templates")
