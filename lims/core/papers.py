"""A kind of paper that a room writes without knowing who we are on paper, or how paper is set."""

from collections.abc import Callable
from typing import Generic, TypeVar

from flask_babel import gettext as _
from sqlalchemy.orm import Session

from lims.core.errors import Conflict
from reports.document import Laboratory

D = TypeVar("D")
Letterhead = Callable[[Session], Laboratory | None]


class Paper(Generic[D]):
    """One kind of document. ``lims.app`` says once where the letterhead comes from and what sets it in type."""

    def __init__(self) -> None:
        self._letterhead: Letterhead | None = None
        self._typeset: Callable[[D], bytes] | None = None

    def write_with(self, letterhead: Letterhead, typeset: Callable[[D], bytes]) -> None:
        """``letterhead`` reads the laboratory's own details; ``typeset`` makes the PDF (reports.Renderer)."""
        self._letterhead, self._typeset = letterhead, typeset

    def laboratory(self, session: Session) -> Laboratory:
        """Raises Conflict ``laboratory_details_missing``."""
        known = self._letterhead(session) if self._letterhead else None
        if known is None:
            raise Conflict(
                _("The laboratory's own name and address are not entered yet."),
                code="laboratory_details_missing",
            )
        return known

    def typeset(self, document: D) -> bytes:
        """The PDF. Takes half a second: call it outside a transaction. Raises Conflict ``no_typesetter``."""
        if self._typeset is None:
            raise Conflict(_("Papers cannot be set here."), code="no_typesetter")
        return self._typeset(document)
