"""JSON face of this room."""

from flask_smorest import Blueprint

blueprint = Blueprint("intake_api", __name__, url_prefix="/api")
