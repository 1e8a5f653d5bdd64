"""HTML face of this room."""

from lims.bench import capture_pages, work_pages
from lims.bench.face import blueprint

# Imported for what they register.
PARTS = (capture_pages, work_pages)

__all__ = ["PARTS", "blueprint"]
