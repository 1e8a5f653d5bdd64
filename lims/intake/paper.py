"""The typesetter of this room's papers: limited child processes, one pool in a process."""

import atexit
from collections.abc import Mapping
from functools import cache

from lims.intake.label_printing import LabelForm, Typesetter
from reports.labels import LabelSheet
from reports.letter import LetterDocument
from reports.pdf import Renderer
from reports.zpl import labels_zpl


@cache
def renderer() -> Renderer:
    made = Renderer(workers=1)
    atexit.register(made.close)
    return made


def labels_pdf(sheet: LabelSheet) -> bytes:
    return renderer().render_labels(sheet)


def letter_pdf(written: LetterDocument) -> bytes:
    return renderer().render_letter(written)


# How labels become a file.
TYPESETTERS: Mapping[LabelForm, Typesetter] = {LabelForm.PDF: labels_pdf, LabelForm.ZPL: labels_zpl}
