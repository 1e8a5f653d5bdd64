"""Errors a person may be shown. Services raise meaning; only ``lims.app`` knows HTTP."""

from collections.abc import Mapping


class LimsError(Exception):
    """Base of every error a person may be shown.

    ``code`` is stable, for programs; the message is one sentence for a person, already in the
    language of the request where the raiser used ``gettext``. ``fields`` names what was wrong in
    the input: field path -> sentences.
    """

    code = "error"

    def __init__(
        self, message: str, *, code: str | None = None, fields: Mapping[str, list[str]] | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        if code is not None:
            self.code = code
        self.fields: dict[str, list[str]] = dict(fields or {})


class InvalidInput(LimsError):
    """What was typed or sent cannot be used (HTTP 422)."""

    code = "invalid_input"


class NotFound(LimsError):
    """Does not exist, or this actor may not know that it does (HTTP 404)."""

    code = "not_found"


class PermissionDenied(LimsError):
    """The actor lacks the permission (HTTP 403)."""

    code = "permission_denied"


class NotSignedIn(LimsError):
    """Nobody is signed in, or the session ended (HTTP 401)."""

    code = "not_signed_in"


class TransitionRefused(LimsError):
    """The step is not open from the present state, or not to this person (HTTP 409)."""

    code = "transition_refused"


class StaleVersion(LimsError):
    """Somebody else changed the row since it was read (HTTP 409)."""

    code = "stale_version"


class Conflict(LimsError):
    """The request contradicts what is stored (HTTP 409)."""

    code = "conflict"


class TooManyRequests(LimsError):
    """Slow down (HTTP 429); ``retry_after_s`` says how long."""

    code = "too_many_requests"

    def __init__(self, message: str, *, retry_after_s: int) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s
