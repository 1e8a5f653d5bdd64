"""JSON face of this room."""

from flask_smorest import Blueprint

blueprint = Blueprint("accreditation_api", __name__, url_prefix="/api")
