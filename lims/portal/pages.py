"""HTML face of this room."""

from flask import Blueprint

blueprint = Blueprint("portal", __name__, template_folder="templates")
