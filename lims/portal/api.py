"""JSON face of this room."""

from flask_smorest import Blueprint

blueprint = Blueprint("portal_api", __name__, url_prefix="/api")
