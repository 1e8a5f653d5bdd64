"""The page frame: home, language, help."""

from flask import Blueprint

blueprint = Blueprint("ui", __name__, template_folder="templates")
