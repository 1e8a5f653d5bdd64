"""HTML face of this room."""

from lims.bench import (
    assign_pages,
    explain_pages,
    labels,
    method_panel,
    queue_pages,
    review_pages,
    worksheet_pages,
)
from lims.bench.analyser import pages as analyser_pages
from lims.bench.capture import labels as capture_labels
from lims.bench.capture import pages as capture_pages
from lims.bench.capture import reread_pages
from lims.bench.control import labels as control_labels
from lims.bench.control import pages as control_pages
from lims.bench.face import blueprint
from lims.bench.files import import_pages, mapping_pages
from lims.bench.files import labels as file_labels
from lims.bench.files import pages as file_pages

# Imported for what they register.
PARTS = (
    analyser_pages,
    assign_pages,
    capture_labels,
    capture_pages,
    control_labels,
    control_pages,
    explain_pages,
    file_labels,
    file_pages,
    import_pages,
    labels,
    mapping_pages,
    method_panel,
    queue_pages,
    reread_pages,
    review_pages,
    worksheet_pages,
)

__all__ = ["PARTS", "blueprint"]
