"""In which order the items of a sample are computed when some need the results of others."""

from collections.abc import Collection, Mapping
from graphlib import CycleError, TopologicalSorter

from lims.metrology.errors import MetrologyError


class ItemsInCircle(MetrologyError):
    """Items that need each other; ``circle`` names them in order, the first again at the end."""

    def __init__(self, circle: tuple[str, ...]) -> None:
        super().__init__(
            "formula_circle", "These items need each other: %(circle)s.", circle=" → ".join(circle)
        )
        self.circle = circle


def computing_order(needs: Mapping[str, Collection[str]]) -> tuple[str, ...]:
    """Every key of ``needs`` after the items it needs; needed items that are no key come along.

    Independent items stand in alphabetical order, so the order never depends on how a mapping was filled.
    Raises ItemsInCircle (code ``formula_circle``), also for an item that needs itself.
    """
    sorter = TopologicalSorter({item: sorted(needs[item]) for item in sorted(needs)})
    try:
        sorter.prepare()
    except CycleError as error:
        raise ItemsInCircle(tuple(error.args[1])) from error
    order: list[str] = []
    while sorter.is_active():
        ready = sorted(sorter.get_ready())
        order.extend(ready)
        sorter.done(*ready)
    return tuple(order)


def affected_by(changed: str, needs: Mapping[str, Collection[str]]) -> tuple[str, ...]:
    """Items to recompute when ``changed`` has a new result, in computing order, without itself."""
    touched = {changed}
    order = computing_order(needs)
    for item in order:
        if touched.intersection(needs.get(item, ())):
            touched.add(item)
    return tuple(item for item in order if item in touched and item != changed)
