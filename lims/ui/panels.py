"""What upper rooms add to a lower room's page: panels and lines of its timeline.

A room's page asks; rooms above register at import of their ``pages``::

    panels.register("intake.sample", "results", load_results_of_sample, order=20)
    panels.register_events("intake.sample", "bench", events_of_sample)

``load(session, actor, row_id)`` answers None where this actor sees nothing of it. In the page::

    {% for panel in panels %}{% with p = panel.values %}{% include panel.template %}{% endwith %}{% endfor %}

Each loader runs a fixed number of queries.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from lims.core.permissions import Actor
from lims.ui.labels import Text


@dataclass(frozen=True, slots=True)
class Panel:
    """``template`` is included with ``values`` as ``p``."""

    template: str
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Event:
    """One line of a timeline. ``tone``: of ``ui.timeline``."""

    at: datetime
    title: Text | str
    who: str = ""
    detail: Text | str = ""
    tone: str = ""


LoadPanel = Callable[[Session, Actor, int], Panel | None]
LoadEvents = Callable[[Session, Actor, int], Sequence[Event]]
_panels: dict[str, dict[str, tuple[int, LoadPanel]]] = {}
_events: dict[str, dict[str, LoadEvents]] = {}


def register(page: str, name: str, load: LoadPanel, order: int = 100) -> None:
    """``page``: the endpoint that shows the panel. The same name again replaces it."""
    _panels.setdefault(page, {})[name] = (order, load)


def register_events(page: str, name: str, load: LoadEvents) -> None:
    _events.setdefault(page, {})[name] = load


def panels_of(page: str, session: Session, actor: Actor, row_id: int) -> list[Panel]:
    """The panels of one row's page, in their order."""
    loaders = sorted(_panels.get(page, {}).values(), key=lambda pair: pair[0])
    found = [load(session, actor, row_id) for _order, load in loaders]
    return [panel for panel in found if panel is not None]


def events_of(page: str, session: Session, actor: Actor, row_id: int) -> list[Event]:
    """The registered lines of one row's timeline, oldest first."""
    found = [event for load in _events.get(page, {}).values() for event in load(session, actor, row_id)]
    return sorted(found, key=lambda event: event.at)
