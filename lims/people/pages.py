"""HTML face of this room."""

from lims.people import account_pages, administration_pages, labels, people_pages, sign_in_pages
from lims.people.face import blueprint

# Imported for what they register.
PARTS = (account_pages, administration_pages, labels, people_pages, sign_in_pages)

__all__ = ["PARTS", "blueprint"]
