"""HTML face of this room."""

from lims.intake import (
    custody_pages,
    customer_pages,
    edition_pages,
    label_pages,
    labels,
    letters,
    new_order_pages,
    order_pages,
    order_start_pages,
    printing_job,
    receive_pages,
    retention_pages,
    sample_labels,
    sample_pages,
)
from lims.intake.face import blueprint

# Imported for what they register: addresses, words, places in the navigation, jobs.
PARTS = (
    custody_pages,
    customer_pages,
    edition_pages,
    label_pages,
    labels,
    letters,
    new_order_pages,
    order_pages,
    order_start_pages,
    printing_job,
    receive_pages,
    retention_pages,
    sample_labels,
    sample_pages,
)

__all__ = ["PARTS", "blueprint"]
