"""Is a draft ready to be released, and what does it give: asked as often as one likes, changes nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from lims.catalogue.formulas import FormulaRefused, Trial, compiled, try_version
from lims.catalogue.method_text import VersionText, text_of
from lims.catalogue.methods import item_codes, method_version, refuse_unready
from lims.catalogue.models import MethodVersion, ResultKind
from lims.core.errors import InvalidInput


@dataclass(frozen=True, slots=True)
class Readiness:
    """``faults``: field (``inputs.0.name``) -> sentences; ``position``: where the formula is wrong, from 0.

    ``inputs`` and ``items``: what the formula needs, in order of first use; empty while it cannot be read.
    """

    faults: Mapping[str, Sequence[str]]
    position: int | None
    inputs: tuple[str, ...]
    items: tuple[str, ...]

    @property
    def is_ready(self) -> bool:
        return not self.faults


def readiness_of(session: Session, version: MethodVersion) -> Readiness:
    """What stands between this version and its release."""
    return readiness_of_text(session, text_of(version), version.method.test_item.code)


def readiness_of_text(session: Session, text: VersionText, own_code: str) -> Readiness:
    codes = item_codes(session)
    try:
        refuse_unready(session, text, own_code)
    except FormulaRefused as refusal:
        return Readiness(refusal.fields, refusal.position, *_needs(text, own_code, codes))
    except InvalidInput as refusal:
        return Readiness(refusal.fields, None, *_needs(text, own_code, codes))
    return Readiness({}, None, *_needs(text, own_code, codes))


def _needs(text: VersionText, own_code: str, codes: set[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    if text.result_kind is not ResultKind.NUMBER:
        return (), ()
    try:
        formula = compiled(text, own_code=own_code, item_codes=codes)
    except FormulaRefused:
        return (), ()
    return formula.inputs, formula.items


def try_stored(session: Session, version_id: int, typed: Mapping[str, str]) -> Trial:
    """Evaluate a stored version with typed figures; see ``try_version``. Raises InvalidInput."""
    version = method_version(session, version_id)
    own_code = version.method.test_item.code
    return try_version(text_of(version), own_code=own_code, item_codes=item_codes(session), typed=typed)
