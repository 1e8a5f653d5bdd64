"""HTML face of this room."""

from lims.accreditation import authorisation_pages, gate_pages, labels, method_panel, scope_pages
from lims.accreditation.face import blueprint

# Imported for what they register.
PARTS = (authorisation_pages, gate_pages, labels, method_panel, scope_pages)

__all__ = ["PARTS", "blueprint"]
