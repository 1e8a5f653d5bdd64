"""JSON face of this room."""

from lims.bench import review_api, work_api
from lims.bench.analyser import api as analyser_api
from lims.bench.capture import api as capture_api
from lims.bench.capture import check as capture_check
from lims.bench.capture import reread_api
from lims.bench.control import api as control_api
from lims.bench.face import api_blueprint as blueprint
from lims.bench.files import api as file_api

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
