"""HTML face of this room."""

from lims.intake import customer_pages, labels, order_pages
from lims.intake.face import blueprint

# Imported for what they register.
PARTS = (customer_pages, labels, order_pages)

__all__ = ["PARTS", "blueprint"]
