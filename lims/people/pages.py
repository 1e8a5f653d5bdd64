"""HTML face of this room."""

from flask import Blueprint

blueprint = Blueprint("people", __name__, template_folder="templates")
