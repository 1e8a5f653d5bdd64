"""Words of gateways and their devices, and their place in the navigation."""

from flask_babel import lazy_gettext as _l

from lims.core.permissions import Permission, Role
from lims.equipment.models import GatewayState
from lims.equipment.states import Link, Liveness
from lims.ui.labels import Tone, register
from lims.ui.navigation import Entry
from lims.ui.navigation import register as register_entry

register(
    GatewayState,
    {
        GatewayState.WAITING: _l("waits for enrolment"),
        GatewayState.ENROLLED: _l("key enrolled"),
        GatewayState.REVOKED: _l("gateway revoked"),
    },
    {GatewayState.ENROLLED: Tone.DONE, GatewayState.REVOKED: Tone.FAULT},
)
register(
    Liveness,
    {
        Liveness.WAITING: _l("waits for enrolment"),
        Liveness.ALIVE: _l("alive"),
        Liveness.AWAY: _l("away"),
        Liveness.REVOKED: _l("gateway revoked"),
    },
    {Liveness.ALIVE: Tone.DONE, Liveness.AWAY: Tone.RETURNED, Liveness.REVOKED: Tone.FAULT},
)
register(
    Link,
    {
        Link.CONNECTING: _l("connecting"),
        Link.CONNECTED: _l("connected"),
        Link.SILENT: _l("silent"),
        Link.SUSPECT: _l("line settings suspect"),
        Link.UNPLUGGED: _l("unplugged"),
        Link.WRONG_DEVICE: _l("another device"),
        Link.WAITS_FOR_PROFILE: _l("waits for its profile"),
        Link.AWAY: _l("gateway away"),
        Link.REVOKED: _l("gateway revoked"),
        Link.UNSEEN: _l("never seen"),
    },
    {
        Link.CONNECTING: Tone.WORKING,
        Link.CONNECTED: Tone.DONE,
        Link.SILENT: Tone.RETURNED,
        Link.SUSPECT: Tone.FAULT,
        Link.UNPLUGGED: Tone.FAULT,
        Link.WRONG_DEVICE: Tone.FAULT,
        Link.WAITS_FOR_PROFILE: Tone.WAITING,
        Link.AWAY: Tone.RETURNED,
        Link.REVOKED: Tone.FAULT,
        Link.UNSEEN: Tone.WAITING,
    },
)
register_entry(
    Entry("equipment.gateways", _l("Gateways"), Permission.GATEWAY_EDIT, 410, frozenset({Role.ADMINISTRATOR}))
)
