"""HTML face of this room."""

from lims.certificates import (
    certificate_pages,
    history_face,
    labels,
    laboratory_pages,
    list_pages,
    panels_face,
    signing_pages,
    verifying,
)
from lims.certificates.face import blueprint

# Imported for what they register.
PARTS = (
    certificate_pages,
    history_face,
    labels,
    laboratory_pages,
    list_pages,
    panels_face,
    signing_pages,
    verifying,
)

__all__ = ["PARTS", "blueprint"]
