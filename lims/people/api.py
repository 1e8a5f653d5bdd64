"""JSON face of this room."""

from flask_smorest import Blueprint

blueprint = Blueprint("people_api", __name__, url_prefix="/api")
