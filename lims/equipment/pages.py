"""HTML face of this room."""

from lims.equipment import (
    gateway_labels,
    gateway_pages,
    labels,
    profile_labels,
    profile_pages,
    register_pages,
)
from lims.equipment.face import blueprint

# Imported for what they register.
PARTS = (gateway_labels, gateway_pages, labels, profile_labels, profile_pages, register_pages)

__all__ = ["PARTS", "blueprint"]
