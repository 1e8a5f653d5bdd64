"""Words of this room's orders and customers."""

from collections.abc import Mapping

from flask_babel import lazy_gettext as _l

from lims.intake.states import FindingLevel, OrderState
from lims.ui.labels import Text, Tone, register

register(
    OrderState,
    {
        OrderState.REGISTERED: _l("to be accepted"),
        OrderState.ACCEPTED: _l("accepted"),
        OrderState.COMPLETED: _l("completed"),
        OrderState.CANCELLED: _l("cancelled"),
    },
)
register(
    FindingLevel,
    {FindingLevel.NOTE: _l("note"), FindingLevel.BLOCKING: _l("to be decided")},
    {FindingLevel.NOTE: Tone.PLAIN},
)
LANGUAGE_WORDS: list[tuple[str, Text]] = [
    ("zh", _l("Chinese")),
    ("en", _l("English")),
    ("both", _l("Chinese and English")),
]
# What happened to an order: verb of the audit trail -> words and tone of its timeline.
VERBS: Mapping[str, tuple[Text, str]] = {
    "order.register": (_l("Registered"), "working"),
    "order.change": (_l("Changed"), ""),
    "order.review": (_l("Contract reviewed"), ""),
    "order.reprice": (_l("Price changed: dropped tests are not paid"), ""),
    "order.accept": (_l("Accepted"), "done"),
    "order.complete": (_l("Completed"), "done"),
    "order.reopen": (_l("Opened again"), "returned"),
    "order.cancel": (_l("Cancelled"), "fault"),
    "sampling_form.create": (_l("Sampling form added"), ""),
}
