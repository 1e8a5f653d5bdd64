"""Whether a load has settled, for devices whose wire does not say.

So many equal figures in a row, over at least so long. What is inferred is marked as inferred.
"""

from dataclasses import dataclass, field

from instruments.readings import STABLE, UNKNOWN, Event


@dataclass(frozen=True, slots=True)
class SettlingRule:
    """``equal``: figures in a row; ``seconds``: from the first of them to the last."""

    equal: int = 5
    seconds: float = 1.0

    def __post_init__(self) -> None:
        if self.equal < 2 or self.seconds <= 0:
            raise ValueError(f"two equal figures and a time are needed to settle, got {self}")


@dataclass(slots=True)
class Settling:
    """Judges the figures of one link in the order they come; ``restart`` when the line breaks."""

    rule: SettlingRule = field(default_factory=SettlingRule)
    _figure: tuple[str | None, str | None] | None = None
    _count: int = 0
    _since: float = 0.0

    def restart(self) -> None:
        self._figure = None

    def judge(self, event: Event, now: float) -> Event:
        """The event, called stable where the rule is met; other events than figures of unknown stability end a row."""
        if event.stability != UNKNOWN:
            self._figure = None
            return event
        figure = (event.value, event.unit)
        if figure != self._figure:
            self._figure, self._count, self._since = figure, 0, now
        self._count += 1
        if self._count < self.rule.equal or now - self._since < self.rule.seconds:
            return event
        return event._replace(stability=STABLE, more={**event.more, "stability_inferred": True})
