"""Words of this room's orders and customers."""

from collections.abc import Mapping

from flask_babel import lazy_gettext as _l
from flask_babel import lazy_pgettext

from lims.intake.states import FindingLevel, OrderState
from lims.ui.labels import Text, Tone, register

register(
    OrderState,
    {
        OrderState.REGISTERED: lazy_pgettext("order", "to be accepted"),
        OrderState.ACCEPTED: lazy_pgettext("order", "accepted"),
        OrderState.COMPLETED: lazy_pgettext("order", "completed"),
        OrderState.CANCELLED: lazy_pgettext("order", "cancelled"),
    },
)
register(
    FindingLevel,
    {
        FindingLevel.NOTE: lazy_pgettext("order", "note"),
        FindingLevel.BLOCKING: lazy_pgettext("order", "to be decided"),
    },
    {FindingLevel.NOTE: Tone.PLAIN},
)
LANGUAGE_WORDS: list[tuple[str, Text]] = [
    ("zh", _l("Chinese")),
    ("en", _l("English")),
    ("both", _l("Chinese and English")),
]
# What happened to an order: verb of the audit trail -> words and tone of its timeline.
VERBS: Mapping[str, tuple[Text, str]] = {
    "order.register": (lazy_pgettext("order", "Registered"), "working"),
    "order.change": (lazy_pgettext("order", "Changed"), ""),
    "order.review": (lazy_pgettext("order", "Contract reviewed"), ""),
    "order.reprice": (lazy_pgettext("order", "Price changed: dropped tests are not paid"), ""),
    "order.accept": (lazy_pgettext("order", "Accepted"), "done"),
    "order.complete": (lazy_pgettext("order", "Completed"), "done"),
    "order.reopen": (lazy_pgettext("order", "Opened again"), "returned"),
    "order.cancel": (lazy_pgettext("order", "Cancelled"), "fault"),
    "sampling_form.create": (lazy_pgettext("order", "Sampling form added"), ""),
}
