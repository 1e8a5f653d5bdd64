"""JSON face of this room."""

from lims.bench import (
    analyser_api,
    capture_api,
    capture_check,
    control_api,
    file_api,
    reread_api,
    review_api,
    work_api,
)
from lims.bench.face import api_blueprint as blueprint

# Imported for what they register.
PARTS = (
    analyser_api,
    capture_api,
    capture_check,
    control_api,
    file_api,
    reread_api,
    review_api,
    work_api,
)

__all__ = ["PARTS", "blueprint"]
