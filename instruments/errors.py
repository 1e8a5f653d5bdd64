"""What can go wrong at the bench, each with a stable code and a sentence for the person standing there."""


class InstrumentError(Exception):
    """Base of every error shown to a technician; ``code`` is stable."""

    code = "instrument_error"


class SettingsWrong(InstrumentError):
    code = "settings_wrong"


class ProfileWrong(InstrumentError):
    """``reason``: a stable word for what is wrong, ``named``: what it names, for whoever says it in another language;
    empty where only a programmer meets it."""

    code = "profile_wrong"

    def __init__(self, sentence: str, reason: str = "", **named: object) -> None:
        super().__init__(sentence)
        self.reason, self.named = reason, named


class PortMissing(InstrumentError):
    code = "port_missing"


class PortBusy(InstrumentError):
    code = "port_busy"


class SpoolUnsafe(InstrumentError):
    code = "spool_unsafe"


class NotEnrolled(InstrumentError):
    code = "not_enrolled"


class ServerUnreachable(InstrumentError):
    """No answer, or none that could be read: try again later."""

    code = "server_unreachable"


class ServerRefused(InstrumentError):
    """The server answered with an error; ``code`` is the server's own (problem+json)."""

    def __init__(self, sentence: str, *, status: int, code: str) -> None:
        super().__init__(sentence)
        self.status = status
        self.code = code
