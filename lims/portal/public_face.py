"""What strangers get: limits shared by all workers, and answers that leave no trace behind."""

from datetime import timedelta

from flask import request
from werkzeug.wrappers import Response

from lims.core.permissions import Actor
from lims.core.ratelimit import hit
from lims.core.web import unit_of_work

VERIFY_TRIES = 60
WINDOW = timedelta(minutes=1)


def limit_guesses(name: str) -> None:
    """Raises TooManyRequests past sixty questions a minute from one address."""
    hit(unit_of_work(), name, address(), limit=VERIFY_TRIES, window=WINDOW)


def address() -> str:
    return request.remote_addr or "unknown"


def visitor() -> Actor:
    """Whoever holds a link: without any permission of their own."""
    return Actor(id=None, name="link", kind="link", ip=address())


def traceless(response: Response) -> Response:
    """The address is a secret: it goes to no other site and stays in no cache."""
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Robots-Tag"] = "noindex, nofollow"
    return response
