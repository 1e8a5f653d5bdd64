"""Words and places in the navigation of this room's orders and customers."""

from flask_babel import lazy_gettext as _l

from lims.intake.states import FindingLevel, OrderState
from lims.ui.labels import Tone, register

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
