"""Methods and their versions: drafted, checked, released; what is released never changes."""

from collections.abc import Sequence

from flask_babel import gettext as _
from sqlalchemy import func, select
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import flag_modified

from lims.catalogue.conformance import MOST_CASES, check_case, refuse_failing_cases
from lims.catalogue.formulas import check_version, refuse_circle
from lims.catalogue.method_text import (
    PLAIN,
    CaseText,
    InputText,
    VersionText,
    case_row,
    described,
    text_of,
)
from lims.catalogue.models import (
    Method,
    MethodEquipment,
    MethodInput,
    MethodVersion,
    ResultKind,
    StandardEdition,
    TestItem,
)
from lims.catalogue.references import named
from lims.core.errors import Conflict, InvalidInput, NotFound, TransitionRefused
from lims.core.permissions import Actor, Permission
from lims.core.uow import RequestKey, UnitOfWork


def method(session: Session, method_id: int) -> Method:
    row = session.get(Method, method_id)
    if row is None:
        raise NotFound(_("This method does not exist."))
    return row


def method_version(session: Session, version_id: int) -> MethodVersion:
    row = session.get(MethodVersion, version_id)
    if row is None:
        raise NotFound(_("This method version does not exist."))
    return row


def methods_of_item(session: Session, test_item_id: int) -> list[Method]:
    """Preferred ones first."""
    return list(
        session.scalars(
            select(Method)
            .where(Method.test_item_id == test_item_id)
            .order_by(Method.preferred.desc(), Method.id.desc())
        )
    )


def versions_of(session: Session, method_ids: Sequence[int]) -> dict[int, list[MethodVersion]]:
    """All versions by method, newest first."""
    rows = session.scalars(
        select(MethodVersion)
        .where(MethodVersion.method_id.in_(method_ids))
        .order_by(MethodVersion.number.desc())
    )
    found: dict[int, list[MethodVersion]] = {}
    for row in rows:
        found.setdefault(row.method_id, []).append(row)
    return found


def add_method(
    uow: UnitOfWork,
    *,
    actor: Actor,
    test_item_id: int,
    standard_id: int,
    clause: str = "",
    preferred: bool = True,
    request_key: RequestKey | None = None,
) -> Method:
    """Measure the item by this standard edition. It can be ordered once a version is released."""
    actor.require(Permission.CATALOGUE_EDIT)
    with uow:
        if (made := uow.replayed(Method, actor=actor, request_key=request_key)) is not None:
            return made
        uow.get(TestItem, test_item_id)
        named(uow, StandardEdition, standard_id, "standard_id")
        refuse_same(uow.session, test_item_id, standard_id, clause)
        row = uow.add(
            Method(test_item_id=test_item_id, standard_id=standard_id, clause=clause, preferred=preferred)
        )
        uow.audit("method.add", actor, row)
        uow.remember(row)
        uow.commit()
    return row


def edit_method(
    uow: UnitOfWork, *, actor: Actor, method_id: int, version: int, clause: str, preferred: bool
) -> Method:
    actor.require(Permission.CATALOGUE_EDIT)
    with uow:
        row = uow.get(Method, method_id, version=version)
        refuse_same(uow.session, row.test_item_id, row.standard_id, clause, own_id=row.id)
        row.clause, row.preferred = clause, preferred
        uow.audit("method.edit", actor, row)
        uow.commit()
    return row


def draft_version(
    uow: UnitOfWork,
    *,
    actor: Actor,
    method_id: int,
    text: VersionText | None = None,
    request_key: RequestKey | None = None,
) -> MethodVersion:
    """A new draft; without ``text`` a copy of the newest version. One draft a method at a time."""
    actor.require(Permission.CATALOGUE_EDIT)
    with uow:
        if (made := uow.replayed(MethodVersion, actor=actor, request_key=request_key)) is not None:
            return made
        owner = uow.get(Method, method_id)
        newest = newest_version(uow.session, method_id)
        if newest is not None and newest.released_at is None:
            raise TransitionRefused(
                _("Version %(n)s is still a draft: finish it first.", n=newest.number), code="draft_open"
            )
        if text is None:
            text = text_of(newest) if newest is not None else VersionText(ResultKind.NUMBER, "")
        row = MethodVersion(method_id=owner.id, number=newest.number + 1 if newest else 1, created_at=uow.now)
        fill_version(row, text)
        uow.add(row)
        uow.audit("method_version.draft", actor, row, after=described(row))
        uow.remember(row)
        uow.commit()
    return row


def edit_version(
    uow: UnitOfWork, *, actor: Actor, version_id: int, version: int, text: VersionText
) -> MethodVersion:
    """A draft may be incomplete. Raises TransitionRefused (``version_released``) for any other version."""
    actor.require(Permission.CATALOGUE_EDIT)
    with uow:
        row = uow.get(MethodVersion, version_id, version=version)
        refuse_released(row)
        before = described(row)
        row.inputs.clear()
        row.equipment.clear()
        if text.cases is not None:
            row.cases.clear()
        uow.flush()
        fill_version(row, text)
        flag_modified(row, "formula")  # changed inputs are a changed draft, too
        uow.audit("method_version.edit", actor, row, before=before, after=described(row))
        uow.commit()
    return row


def release_version(
    uow: UnitOfWork, *, actor: Actor, version_id: int, version: int | None = None
) -> MethodVersion:
    """New orders use it from now on; older versions of the method retire, results go on naming theirs.

    All its worked examples must come out, and a formula has one at least.
    ``version``: of the draft that was looked at, so that nobody releases what another just changed.
    """
    actor.require(Permission.CATALOGUE_EDIT)
    with uow:
        row = uow.get(MethodVersion, version_id, version=version)
        refuse_released(row)
        refuse_unready(uow.session, text_of(row), row.method.test_item.code)
        older = select(MethodVersion).where(
            MethodVersion.method_id == row.method_id,
            MethodVersion.released_at.is_not(None),
            MethodVersion.retired_at.is_(None),
        )
        for old in uow.session.scalars(older):
            old.retired_at = uow.now
            uow.audit("method_version.retire", actor, old)
        row.released_at = uow.now
        uow.audit("method_version.release", actor, row, after=described(row))
        uow.commit()
    return row


def retire_version(uow: UnitOfWork, *, actor: Actor, version_id: int, why: str) -> MethodVersion:
    """No new order may use it; tests under way finish with it."""
    actor.require(Permission.CATALOGUE_EDIT)
    with uow:
        row = uow.get(MethodVersion, version_id)
        if row.released_at is None or row.retired_at is not None:
            raise TransitionRefused(_("Only a version in use can be retired."), code="version_not_in_use")
        row.retired_at = uow.now
        uow.audit("method_version.retire", actor, row, reason=why)
        uow.commit()
    return row


def refuse_unready(session: Session, text: VersionText, own_code: str) -> None:
    """Raises InvalidInput with the first kind of thing that stands between a version and its release."""
    codes = item_codes(session)
    check_version(text, own_code=own_code, item_codes=codes)
    refuse_circle(session, own_code, text.formula)
    refuse_failing_cases(text, own_code=own_code, item_codes=codes)


def item_codes(session: Session) -> set[str]:
    """What formulas may name with ``@``."""
    return set(session.scalars(select(TestItem.code)))


def refuse_same(
    session: Session, test_item_id: int, standard_id: int, clause: str, own_id: int | None = None
) -> None:
    """Raises Conflict (``method_twice``)."""
    same = select(Method.id).where(
        Method.test_item_id == test_item_id, Method.standard_id == standard_id, Method.clause == clause
    )
    found = session.scalars(same).one_or_none()
    if found is not None and found != own_id:
        sentence = _("The item has a method by this standard and clause already.")
        raise Conflict(sentence, code="method_twice", fields={"clause": [sentence]})


def newest_version(session: Session, method_id: int) -> MethodVersion | None:
    """By number, drafts too."""
    highest = select(func.max(MethodVersion.number)).where(MethodVersion.method_id == method_id)
    return session.scalars(
        select(MethodVersion).where(
            MethodVersion.method_id == method_id, MethodVersion.number == highest.scalar_subquery()
        )
    ).one_or_none()


def refuse_released(row: MethodVersion) -> None:
    if row.released_at is not None:
        raise TransitionRefused(
            _("Version %(n)s is released and never changes: draft a new version.", n=row.number),
            code="version_released",
        )


def fill_version(row: MethodVersion, text: VersionText) -> None:
    """Write ``text`` into a draft. Raises InvalidInput (``input_twice``)."""
    check_draft(text)
    for name in PLAIN:
        setattr(row, name, getattr(text, name))
    row.inputs.extend(
        MethodInput(position=n, **{k: getattr(one, k) for k in InputText.__slots__})
        for n, one in enumerate(text.inputs, start=1)
    )
    row.equipment.extend(
        MethodEquipment(equipment_class=code) for code in dict.fromkeys(text.equipment_classes)
    )
    if text.cases is not None:
        row.cases.extend(case_row(one, n) for n, one in enumerate(text.cases, start=1))


def check_draft(text: VersionText) -> None:
    """What even a draft must keep to. Raises InvalidInput (``input_twice``, ``case_twice``, ``bad_case``)."""
    names = [one.name for one in text.inputs]
    if len(set(names)) != len(names):
        raise InvalidInput(
            _("Two inputs have the same name."),
            code="input_twice",
            fields={"inputs": [_("Give each input its own name.")]},
        )
    if text.cases is not None:
        _check_cases(text, text.cases)


def _check_cases(text: VersionText, cases: Sequence[CaseText]) -> None:
    if len({one.name for one in cases}) != len(cases) or len(cases) > MOST_CASES:
        raise InvalidInput(
            _("Worked examples have names of their own, and a version keeps at most %(n)s.", n=MOST_CASES),
            code="case_twice",
            fields={"cases": [_("Give each worked example its own name.")]},
        )
    for n, one in enumerate(cases):
        try:
            check_case(text, one)
        except InvalidInput as refusal:
            fields = {f"cases.{n}.{name}": told for name, told in refusal.fields.items()}
            raise InvalidInput(refusal.message, code=refusal.code, fields=fields) from refusal
