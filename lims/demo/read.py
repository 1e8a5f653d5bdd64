"""The demo's facts: plain rows from ``facts/*.json``, each with its source and certainty."""

import json
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "facts"


@cache
def facts(name: str) -> tuple[dict[str, Any], ...]:
    """The rows of one file, for example ``facts("items")``."""
    return tuple(json.loads((FOLDER / f"{name}.json").read_text())["rows"])


def figure(row: dict[str, Any], name: str) -> Decimal | None:
    """Figures stand in the files as text, so that 10.0 stays 10.0."""
    return Decimal(row[name]) if name in row else None
