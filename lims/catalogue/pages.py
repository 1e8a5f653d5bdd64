"""HTML face of this room."""

from lims.catalogue import (
    budget_labels,
    budget_pages,
    business_pages,
    case_pages,
    check_labels,
    check_pages,
    compare_pages,
    exchange_pages,
    item_pages,
    labels,
    limit_compare_pages,
    limit_pages,
    method_pages,
    product_pages,
    simulation_pages,
    standard_pages,
)
from lims.catalogue.face import blueprint

# Imported for what they register.
PARTS = (
    budget_labels,
    budget_pages,
    business_pages,
    case_pages,
    check_labels,
    check_pages,
    compare_pages,
    exchange_pages,
    item_pages,
    labels,
    limit_compare_pages,
    limit_pages,
    method_pages,
    product_pages,
    simulation_pages,
    standard_pages,
)

__all__ = ["PARTS", "blueprint"]
