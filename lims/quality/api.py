"""JSON face of this room."""

from lims.quality import nonconformity_api, round_api
from lims.quality.json_face import blueprint

# Imported for the routes they register.
PARTS = (nonconformity_api, round_api)

__all__ = ["PARTS", "blueprint"]
