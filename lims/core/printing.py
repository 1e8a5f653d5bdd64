"""One typesetter a process: labels and papers that a page asks for."""

import atexit
from functools import cache

from lims.core.errors import Conflict
from reports.labels import LabelSheet
from reports.pdf import Renderer, RenderError
from reports.standards_check import StandardsCheckDocument


@cache
def renderer() -> Renderer:
    """Its children stay warm, and end with the process."""
    made = Renderer(workers=1)
    atexit.register(made.close)
    return made


def labels_pdf(sheet: LabelSheet) -> bytes:
    """One page a label. Raises Conflict with the typesetter's code and sentence."""
    try:
        return renderer().render_labels(sheet)
    except RenderError as error:
        raise Conflict(error.sentence, code=error.code) from error


def standards_check_pdf(sheet: StandardsCheckDocument) -> bytes:
    return renderer().render_standards_check(sheet)
