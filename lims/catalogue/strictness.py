"""Our words for the comparison of two limits: rows of the catalogue, or a firm's limit that somebody types."""

from lims.catalogue.limits import LimitText, as_metrology
from lims.catalogue.models import Comparison, Limit
from lims.metrology.judgements import Comparison as Rule
from lims.metrology.limit_comparison import Strictness, compare_limits

_RULES = {Comparison.FULL_VALUE: Rule.FULL_VALUE, Comparison.ROUNDED_VALUE: Rule.ROUNDED_VALUE}


def strictness(own: Limit | LimitText, other: Limit | LimitText) -> Strictness:
    """How ``own`` stands to ``other``. Raises InvalidInput for figures that contradict."""
    return compare_limits(
        as_metrology(own),
        as_metrology(other),
        own_rule=_RULES[own.comparison],
        other_rule=_RULES[other.comparison],
    )
