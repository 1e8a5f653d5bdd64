"""Worked examples of a draft: kept, dropped, run."""

from flask_babel import gettext as _
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import flag_modified

from lims.catalogue.conformance import MOST_CASES, CaseOutcome, check_case, run_cases
from lims.catalogue.method_text import CaseText, case_row, text_of
from lims.catalogue.methods import item_codes, method_version, refuse_released
from lims.catalogue.models import MethodCase, MethodVersion
from lims.core.errors import Conflict, InvalidInput
from lims.core.permissions import Actor, Permission
from lims.core.uow import RequestKey, UnitOfWork


def outcomes_of(session: Session, version: MethodVersion) -> list[CaseOutcome]:
    """Each case with what comes out now; none while the formula cannot be read."""
    own_code = version.method.test_item.code
    try:
        return run_cases(text_of(version), own_code=own_code, item_codes=item_codes(session))
    except InvalidInput:
        return []


def stored_outcomes(session: Session, version_id: int) -> list[CaseOutcome]:
    """As ``outcomes_of``; raises FormulaRefused while the formula cannot be read."""
    version = method_version(session, version_id)
    own_code = version.method.test_item.code
    return run_cases(text_of(version), own_code=own_code, item_codes=item_codes(session))


def keep_case(
    uow: UnitOfWork,
    *,
    actor: Actor,
    version_id: int,
    version: int,
    text: CaseText,
    request_key: RequestKey | None = None,
) -> MethodCase:
    """Keep a worked example with the draft, whether it passes or not: a failing one holds the release.

    ``version``: of the draft that was looked at. Raises InvalidInput (``bad_case``, ``too_many_cases``),
    Conflict (``case_name_taken``), TransitionRefused (``version_released``).
    """
    actor.require(Permission.CATALOGUE_EDIT)
    with uow:
        if (made := uow.replayed(MethodCase, actor=actor, request_key=request_key)) is not None:
            return made
        owner = uow.get(MethodVersion, version_id, version=version)
        refuse_released(owner)
        check_case(text_of(owner), text)
        _refuse_name(owner, text.name)
        row = case_row(text, max((one.position for one in owner.cases), default=0) + 1)
        owner.cases.append(row)
        flag_modified(owner, "formula")  # another example is another draft
        uow.flush()
        uow.audit("method_case.keep", actor, row)
        uow.remember(row)
        uow.commit()
    return row


def drop_case(uow: UnitOfWork, *, actor: Actor, case_id: int) -> MethodVersion:
    """Take a worked example out of a draft; the trail keeps what it said."""
    actor.require(Permission.CATALOGUE_EDIT)
    with uow:
        row = uow.get(MethodCase, case_id)
        owner = uow.get(MethodVersion, row.method_version_id)
        refuse_released(owner)
        said = {name: getattr(row, name) for name in ("name", "figures", "expected", "source")}
        owner.cases.remove(row)
        flag_modified(owner, "formula")
        uow.audit("method_case.drop", actor, ("method_case", case_id), before=said)
        uow.commit()
    return owner


def _refuse_name(owner: MethodVersion, name: str) -> None:
    if any(one.name == name for one in owner.cases):
        sentence = _("A worked example of this version has this name already.")
        raise Conflict(sentence, code="case_name_taken", fields={"name": [sentence]})
    if len(owner.cases) >= MOST_CASES:
        raise InvalidInput(
            _("A version keeps at most %(n)s worked examples.", n=MOST_CASES), code="too_many_cases"
        )
