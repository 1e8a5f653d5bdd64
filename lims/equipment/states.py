"""Labels of equipment, states of gateways, and the steps between them."""

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
