"""HTML face of this room."""

from flask import Blueprint

blueprint = Blueprint("accreditation", __name__, template_folder="templates")
