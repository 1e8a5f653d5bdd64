"""JSON face of this room."""

from lims.intake import custody_api, customer_api, order_api, sample_api
from lims.intake.api_face import blueprint

# Imported for the routes they add.
PARTS = (custody_api, customer_api, order_api, sample_api)

__all__ = ["PARTS", "blueprint"]
