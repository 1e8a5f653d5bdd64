"""Pages of the equipment register."""

from lims.equipment.face import blueprint

__all__ = ["blueprint"]
