"""What becomes a capture, and what is only looked at."""

from instruments.captures import Trigger
from instruments.readings import NOT_UNDERSTOOD, Event, Kind
from instruments.settings import KeepLive

_ABOUT_ITSELF = frozenset({Kind.IDENTITY, Kind.LIST})


def keeps(trigger: Trigger, event: Event, keep_live: KeepLive) -> bool:
    """Everything a person caused is kept, refusals included; so is everything that was not understood.

    Only the live view, and what a device says about itself, may go by without a trace.
    """
    if event.kind in NOT_UNDERSTOOD:
        return True
    if event.kind in _ABOUT_ITSELF:
        return False
    if trigger is not Trigger.LIVE:
        return True
    return keep_live is KeepLive.ALL or (keep_live is KeepLive.STABLE and event.is_stable)
