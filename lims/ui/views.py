"""Views of lists that people keep (filters under a name)."""

from urllib.parse import parse_qsl, urlencode, urlsplit

from flask_babel import gettext as _
from sqlalchemy import func, select

from lims.core.errors import InvalidInput, NotFound
from lims.core.permissions import Actor, Permission
from lims.core.uow import UnitOfWork
from lims.ui.models import SavedView

MOST = 30
_PASSING = {"cursor", "export", "lang"}


def keep(uow: UnitOfWork, *, actor: Actor, endpoint: str, name: str, address: str) -> SavedView:
    """Keep the query of ``address`` for the list at ``endpoint``; the same name again replaces it."""
    actor.require(Permission.SELF)
    name = "".join(c for c in name if c.isprintable()).strip()
    if not name or len(name) > 60 or not endpoint.isprintable() or len(endpoint) > 100:
        raise InvalidInput(
            _("A view needs a name of at most 60 characters."), fields={"name": [_("Please fill this in.")]}
        )
    pairs = [
        (k, v) for k, v in parse_qsl(urlsplit(address).query) if k not in _PASSING and "\x00" not in k + v
    ]
    query = urlencode(pairs)[:2000]
    with uow:
        mine = SavedView.account_id == actor.id, SavedView.endpoint == endpoint
        row = uow.session.execute(select(SavedView).where(*mine, SavedView.name == name)).scalar_one_or_none()
        if row is None:
            count = uow.session.execute(select(func.count(SavedView.id)).where(*mine)).scalar_one()
            if count >= MOST:
                raise InvalidInput(
                    _("At most %(n)s views of one list; forget one first.", n=MOST), code="too_many_views"
                )
            row = SavedView(
                account_id=actor.id, endpoint=endpoint, name=name, query=query, created_at=uow.now
            )
            uow.add(row)
        row.query = query
        uow.commit()
    return row


def drop(uow: UnitOfWork, *, actor: Actor, view_id: int) -> None:
    with uow:
        wanted = select(SavedView).where(
            SavedView.id == min(view_id, 2**53), SavedView.account_id == actor.id
        )
        row = uow.session.execute(wanted).scalar_one_or_none()
        if row is None:
            raise NotFound(_("There is no such view of yours."))
        uow.session.delete(row)
        uow.commit()
