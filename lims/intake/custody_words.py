"""A step of custody in one line, for the scanner's echo and for lists."""

from flask_babel import gettext as _

from lims.intake.custody import Moved
from lims.ui.labels import bilingual, label


def line_of(moved: Moved) -> str:
    """``YP20260000012 cake → Li``."""
    where = moved.place.code if moved.place else bilingual(moved.holder) or str(label(moved.event.kind))
    line = f"{moved.sample.number} {moved.sample.name} → {where}"
    return _("Taken back: %(line)s", line=line) if moved.event.undoes_id is not None else line
