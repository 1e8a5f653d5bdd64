"""Labels of equipment and the steps between them."""

from lims.core.workflow import step
from lims.equipment.models import EquipmentState

E = EquipmentState
EQUIPMENT_STEPS = {
    "release": step(E.LIMITED, E.OUT_OF_SERVICE, to=E.FIT),
    "limit": step(E.FIT, E.OUT_OF_SERVICE, to=E.LIMITED),
    "stop": step(E.FIT, E.LIMITED, to=E.OUT_OF_SERVICE),
}
