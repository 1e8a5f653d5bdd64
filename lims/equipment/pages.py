"""HTML face of this room."""

from lims.equipment import labels, register_pages
from lims.equipment.face import blueprint

# Imported for what they register.
PARTS = (labels, register_pages)

__all__ = ["PARTS", "blueprint"]
