"""What gateway and analyser say about orders, in sentences."""

from collections.abc import Mapping

from flask_babel import lazy_gettext as _l

from lims.ui.labels import Text

REASONS: Mapping[str, Text] = {
    "refused": _l("The analyser refused the message again and again."),
    "order_impossible": _l("The analyser says that it cannot do this test."),
    "not_sendable": _l("Sample number or test name hold characters that the analyser does not know."),
    "no_such_command": _l("The gateway has no such analyser in its configuration."),
    "sample_cancelled": _l("The test was cancelled."),
}
TROUBLES: Mapping[str, Text] = {
    "no_answer": _l("The analyser does not answer; it is called again until it does."),
    "busy": _l("The analyser is busy; it is called again in ten seconds."),
    "refused": _l("The analyser refused a message; it is sent again in ten seconds."),
    "interrupted": _l("The analyser interrupted the message; it is sent again."),
    "contention": _l("The analyser is sending; it is called again when it is done."),
}


def why_refused(code: str) -> str:
    """Empty for no reason; the code itself where we have no sentence."""
    return str(REASONS.get(code, code))


def trouble_words(code: object) -> str:
    return str(TROUBLES.get(str(code), code)) if code else ""
