"""What every view needs of the request: the unit of work, the actor, the idempotency key."""

import hashlib
from typing import cast

from flask import current_app, g, request
from flask_babel import gettext as _

from lims.core.clock import Clock
from lims.core.database import db
from lims.core.errors import InvalidInput, NotSignedIn
from lims.core.files import FileStore
from lims.core.permissions import Actor
from lims.core.settings import Settings
from lims.core.uow import RequestKey, UnitOfWork


def clock() -> Clock:
    return cast(Clock, current_app.extensions["lims_clock"])


def settings() -> Settings:
    return cast(Settings, current_app.extensions["lims_settings"])


def file_store() -> FileStore:
    return FileStore(settings().files)


def unit_of_work() -> UnitOfWork:
    return UnitOfWork(db.session(), clock())


def signed_in() -> Actor | None:
    return cast("Actor | None", g.get("actor"))


def current_actor() -> Actor:
    """Who acts in this request. Raises NotSignedIn."""
    actor = signed_in()
    if actor is None:
        raise NotSignedIn(_("Please sign in."))
    return actor


def request_key() -> RequestKey | None:
    """The key a client sends so that the same request made twice works once.

    ``Idempotency-Key`` header, or the page's hidden field ``request_key``. The fingerprint covers
    address and content.
    """
    key = request.headers.get("Idempotency-Key") or request.form.get("request_key")
    if not key:
        return None
    if len(key) > 80 or not key.isascii() or not key.isprintable():
        raise InvalidInput(
            _("An idempotency key has at most 80 printable characters."), code="bad_idempotency_key"
        )
    parts = [request.path.encode(), request.get_data(cache=True, parse_form_data=False)]
    if request.form:
        fields = sorted((k, v) for k in request.form for v in request.form.getlist(k) if k != "csrf_token")
        parts = [request.path.encode(), repr(fields).encode()]
    return RequestKey(key, hashlib.sha256(b"\0".join(parts)).hexdigest())
