"""HTML face of this room."""

from lims.intake import customer_pages, labels, new_order_pages, order_pages, order_start_pages
from lims.intake.face import blueprint

# Imported for what they register.
PARTS = (customer_pages, labels, new_order_pages, order_pages, order_start_pages)

__all__ = ["PARTS", "blueprint"]
