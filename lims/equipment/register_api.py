"""JSON face of the equipment register."""

from lims.equipment.json_face import blueprint

__all__ = ["blueprint"]
