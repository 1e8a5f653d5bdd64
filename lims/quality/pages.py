"""HTML face of this room."""

from lims.quality import (
    labels,
    nonconformity_pages,
    opening_job,
    panels_face,
    round_labels,
    round_pages,
    score_pages,
)
from lims.quality.face import blueprint

# Imported for what they register.
PARTS = (labels, nonconformity_pages, opening_job, panels_face, round_labels, round_pages, score_pages)

__all__ = ["PARTS", "blueprint"]
