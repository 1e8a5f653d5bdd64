"""HTML face of this room."""

from lims.portal import customer_pages, labels, link_pages, public_pages
from lims.portal.face import blueprint

# Imported for what they register.
PARTS = (customer_pages, labels, link_pages, public_pages)

__all__ = ["PARTS", "blueprint"]
