"""States of an order at an analyser. What the gateway reports may come late or twice, and then changes nothing."""

from collections.abc import Mapping
from enum import StrEnum


class AnalyserOrderState(StrEnum):
    WAITING = "waiting"  # for the gateway
    SENT = "sent"  # the gateway keeps it
    ACCEPTED = "accepted"  # by the analyser
    REFUSED = "refused"
    WITHDRAWING = "withdrawing"
    WITHDRAWN = "withdrawn"


S = AnalyserOrderState
# Which states each may follow.
FOLLOWS: Mapping[AnalyserOrderState, frozenset[AnalyserOrderState]] = {
    S.SENT: frozenset({S.WAITING}),
    S.ACCEPTED: frozenset({S.WAITING, S.SENT}),
    S.REFUSED: frozenset({S.WAITING, S.SENT, S.ACCEPTED, S.WITHDRAWING}),
    S.WITHDRAWING: frozenset({S.WAITING, S.SENT, S.ACCEPTED}),
    S.WITHDRAWN: frozenset({S.WAITING, S.SENT, S.ACCEPTED, S.WITHDRAWING}),
}
OVER = frozenset({S.REFUSED, S.WITHDRAWN})
WITHDRAWABLE = FOLLOWS[S.WITHDRAWING]
