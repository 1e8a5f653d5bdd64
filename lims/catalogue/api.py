"""JSON face of this room. Programs sign in with a token; browsers with their session and a CSRF header."""

from lims.catalogue import (
    budget_api,
    case_api,
    check_api,
    compare_api,
    exchange_api,
    item_api,
    limit_api,
    method_api,
    product_api,
    simulation_api,
    standard_api,
)
from lims.catalogue.json_face import blueprint

# Imported for the routes they register.
PARTS = (
    budget_api,
    case_api,
    check_api,
    compare_api,
    exchange_api,
    item_api,
    limit_api,
    method_api,
    product_api,
    simulation_api,
    standard_api,
)

__all__ = ["PARTS", "blueprint"]
