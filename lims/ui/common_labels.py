"""Words for the enums of ``lims.core``, common to all rooms."""

from flask_babel import lazy_gettext as _l

from lims.core.jobs import JobState
from lims.core.permissions import Role
from lims.core.workflow import say_states_with
from lims.ui.labels import label, register

say_states_with(label)
register(
    JobState,
    {
        JobState.WAITING: _l("waiting"),
        JobState.RUNNING: _l("running"),
        JobState.DONE: _l("done"),
        JobState.FAILED: _l("failed"),
    },
)
register(
    Role,
    {
        Role.RECEPTION: _l("Reception"),
        Role.SAMPLER: _l("Sampler"),
        Role.ANALYST: _l("Analyst"),
        Role.SECTION_HEAD: _l("Section head"),
        Role.REVIEWER: _l("Reviewer"),
        Role.SIGNATORY: _l("Signatory"),
        Role.EQUIPMENT_MANAGER: _l("Equipment manager"),
        Role.QUALITY_MANAGER: _l("Quality manager"),
        Role.DIRECTOR: _l("Director"),
        Role.ADMINISTRATOR: _l("Administrator"),
        Role.CUSTOMER: _l("Customer"),
    },
)
