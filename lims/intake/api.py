"""JSON face of this room."""

from lims.intake import customer_api, order_api
from lims.intake.api_face import blueprint

# Imported for the routes they add.
PARTS = (customer_api, order_api)

__all__ = ["PARTS", "blueprint"]
