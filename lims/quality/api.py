"""JSON face of this room."""

from lims.quality import nonconformity_api
from lims.quality.json_face import blueprint

# Imported for the routes they register.
PARTS = (nonconformity_api,)

__all__ = ["PARTS", "blueprint"]
