"""The typesetter of this room's papers: limited child processes, one pool in a process."""

from collections.abc import Mapping

from lims.core.printing import renderer
from lims.intake.label_printing import LabelForm, Typesetter
from reports.labels import LabelSheet
from reports.letter import LetterDocument
from reports.zpl import labels_zpl


def labels_pdf(sheet: LabelSheet) -> bytes:
    return renderer().render_labels(sheet)


def letter_pdf(written: LetterDocument) -> bytes:
    return renderer().render_letter(written)


# How labels become a file.
TYPESETTERS: Mapping[LabelForm, Typesetter] = {LabelForm.PDF: labels_pdf, LabelForm.ZPL: labels_zpl}
