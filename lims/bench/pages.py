"""HTML face of this room."""

from lims.bench import (
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
from lims.bench.face import blueprint

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
