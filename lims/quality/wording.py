"""Names of scores, and scores as people read them."""

from decimal import Decimal

from lims.metrology.proficiency import ScoreKind
from lims.metrology.rounding import round_to

TWO_PLACES = Decimal("0.01")
_NAMES = {ScoreKind.Z: "z", ScoreKind.Z_PRIME: "z′", ScoreKind.ZETA: "ζ", ScoreKind.EN: "En"}


def score_name(kind: ScoreKind) -> str:
    """The sign that both languages write."""
    return _NAMES[kind]


def shown_score(value: Decimal | None) -> str:
    """Two places, a true minus sign; what the words follow from is unrounded."""
    return "" if value is None else f"{round_to(value, TWO_PLACES):f}".replace("-", "−")
