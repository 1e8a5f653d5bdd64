"""JSON face of this room."""

from flask_smorest import Blueprint

blueprint = Blueprint("equipment_api", __name__, url_prefix="/api")
