"""JSON face of this room."""

from lims.equipment import gateway_api, profile_api, register_api
from lims.equipment.json_face import blueprint

# Imported for the routes they register.
PARTS = (gateway_api, profile_api, register_api)

__all__ = ["PARTS", "blueprint"]
