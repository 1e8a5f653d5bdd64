"""Labels of equipment, states of gateways, and the steps between them."""

from enum import StrEnum

from lims.core.workflow import step
from lims.equipment.models import EquipmentState, GatewayState

E, G = EquipmentState, GatewayState
EQUIPMENT_STEPS = {
    "release": step(E.LIMITED, E.OUT_OF_SERVICE, to=E.FIT),
    "limit": step(E.FIT, E.OUT_OF_SERVICE, to=E.LIMITED),
    "stop": step(E.FIT, E.LIMITED, to=E.OUT_OF_SERVICE),
}
# A revoked gateway may come back with a new code and a new key; its old key stays refused.
GATEWAY_STEPS = {
    "enrol": step(G.WAITING, G.ENROLLED, G.REVOKED, to=G.ENROLLED),
    "revoke": step(G.WAITING, G.ENROLLED, to=G.REVOKED),
}


class Liveness(StrEnum):
    """A gateway as it is now."""

    WAITING = "waiting"
    ALIVE = "alive"
    AWAY = "away"
    REVOKED = "revoked"


class Link(StrEnum):
    """A device's wire as it is now: states of the capture protocol, and what hides behind a silent gateway."""

    CONNECTING = "connecting"
    CONNECTED = "connected"
    SILENT = "silent"
    SUSPECT = "suspect_line_settings"
    UNPLUGGED = "unplugged"
    WRONG_DEVICE = "wrong_device"
    WAITS_FOR_PROFILE = "waits_for_profile"
    AWAY = "away"
    REVOKED = "revoked"
    UNSEEN = "unseen"
