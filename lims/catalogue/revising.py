"""A new edition of a standard arrived: the methods of the old one go on under it, as drafts to be checked."""

from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.orm import Session

from lims.catalogue.method_text import described, text_of
from lims.catalogue.methods import fill_version, newest_version, refuse_same
from lims.catalogue.models import Method, MethodVersion, StandardEdition
from lims.core.errors import InvalidInput
from lims.core.permissions import Actor, Permission
from lims.core.uow import RequestKey, UnitOfWork


def revise_method(
    uow: UnitOfWork, *, actor: Actor, method_id: int, request_key: RequestKey | None = None
) -> Method:
    """The method of the same item by the edition that replaces its standard, with a draft of what the old one says.

    What the new edition changed is written into the draft before it is released. Raises InvalidInput
    (``no_successor``), Conflict (``method_twice``).
    """
    actor.require(Permission.CATALOGUE_EDIT)
    with uow:
        if (made := uow.replayed(Method, actor=actor, request_key=request_key)) is not None:
            return made
        old = uow.get(Method, method_id)
        successor = old.standard.replaced_by_id
        if successor is None:
            raise InvalidInput(
                _("No edition replaces %(code)s.", code=old.standard.code), code="no_successor"
            )
        refuse_same(uow.session, old.test_item_id, successor, old.clause)
        row = uow.add(
            Method(
                test_item_id=old.test_item_id,
                standard_id=successor,
                clause=old.clause,
                preferred=old.preferred,
            )
        )
        uow.audit("method.add", actor, row)
        _draft_like(uow, actor, old, row)
        uow.remember(row)
        uow.commit()
    return row


def _draft_like(uow: UnitOfWork, actor: Actor, old: Method, new: Method) -> None:
    says = newest_version(uow.session, old.id)
    if says is None:
        return
    draft = MethodVersion(method_id=new.id, number=1, created_at=uow.now)
    fill_version(draft, text_of(says))
    uow.add(draft)
    uow.audit("method_version.draft", actor, draft, after=described(draft))


def successor_of(session: Session, standard: StandardEdition) -> StandardEdition | None:
    return session.get(StandardEdition, standard.replaced_by_id) if standard.replaced_by_id else None


def heirs_of(session: Session, methods: list[Method]) -> dict[int, Method]:
    """By each method, the one that measures its item by the edition that replaces its standard, where there is one."""
    wanted = {m.standard.replaced_by_id for m in methods} - {None}
    if not wanted:
        return {}
    rows = session.scalars(select(Method).where(Method.standard_id.in_(wanted)).order_by(Method.id))
    known = {(row.test_item_id, row.standard_id): row for row in rows}
    pairs = {m.id: known.get((m.test_item_id, m.standard.replaced_by_id or 0)) for m in methods}
    return {ident: row for ident, row in pairs.items() if row is not None}
