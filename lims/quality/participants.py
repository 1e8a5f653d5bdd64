"""The results of all participants of a comparison, pasted from a spreadsheet: laboratory code, value."""

import re
from decimal import Decimal, InvalidOperation

from flask_babel import gettext as _

from lims.core.errors import InvalidInput
from lims.quality.scoring import MOST_PARTICIPANTS, Participant

_SPLIT = re.compile(r"[\t,;，；]+|\s{2,}|\s(?=\S+$)")
LONGEST_CODE = 60
MOST_FAULTS = 20


def read_participants(typed: str, field: str = "participants") -> list[Participant]:
    """One line a laboratory; empty lines are left out. Raises InvalidInput with what is wrong line by line."""
    found: list[Participant] = []
    faults: list[str] = []
    known: set[str] = set()
    for number, line in enumerate(typed.splitlines(), 1):
        if not line.strip():
            continue
        try:
            one = _participant(line.strip())
        except ValueError as wrong:
            faults.append(_("Line %(n)s: %(wrong)s", n=number, wrong=str(wrong)))
            continue
        if one.laboratory in known:
            faults.append(
                _("Line %(n)s: laboratory %(code)s stands here twice.", n=number, code=one.laboratory)
            )
        known.add(one.laboratory)
        found.append(one)
    if len(found) > MOST_PARTICIPANTS:
        faults.append(_("At most %(n)s laboratories.", n=MOST_PARTICIPANTS))
    if faults:
        raise InvalidInput(
            _("Some lines are not right."), code="bad_participants", fields={field: faults[:MOST_FAULTS]}
        )
    return found


def _participant(line: str) -> Participant:
    """Raises ValueError with a sentence."""
    parts = [part.strip() for part in _SPLIT.split(line) if part.strip()]
    if len(parts) != 2 or len(parts[0]) > LONGEST_CODE:
        raise ValueError(_("a laboratory code and a value are expected."))
    code, text = parts
    try:
        value = Decimal(text)
    except InvalidOperation:
        value = Decimal("NaN")
    if not value.is_finite() or not text.isascii() or len(text) > 40 or abs(value.adjusted()) > 30:
        raise ValueError(_("%(text)s is no number.", text=text))
    return Participant(code, value)
