"""Who is behind a request."""

from lims.core.permissions import Actor


def identify() -> tuple[Actor | None, bool]:
    """The actor of this request, and whether a cookie said so (then CSRF matters)."""
    return None, True
