"""HTML face of this room."""

from lims.bench import assign_pages, capture_pages, labels
from lims.bench.face import blueprint

# Imported for what they register.
PARTS = (assign_pages, capture_pages, labels)

__all__ = ["PARTS", "blueprint"]
