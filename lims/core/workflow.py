"""States are an enum plus a table of steps; one function takes a step, and says why it refuses."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

from flask_babel import gettext as _

from lims.core.errors import TransitionRefused

S = TypeVar("S", bound=StrEnum)


class _Words:
    # The words of states are kept above; ``lims.ui`` says where.
    of: Callable[[StrEnum], object] = staticmethod(str)


def say_states_with(words: Callable[[StrEnum], object]) -> None:
    """``words(state)`` gives what a person reads for a state."""
    _Words.of = staticmethod(words)  # type: ignore[assignment]


@dataclass(frozen=True, slots=True)
class Step(Generic[S]):
    """One arrow of a state chart. ``other_person``: not by anyone named in ``others`` of take_step."""

    sources: frozenset[S]
    target: S
    other_person: bool = False


def step(*sources: S, to: S, other_person: bool = False) -> Step[S]:
    return Step(frozenset(sources), to, other_person)


def take_step(
    steps: Mapping[str, Step[S]],
    name: str,
    state: S,
    *,
    actor_id: int | None = None,
    others: Iterable[int | None] = (),
) -> S:
    """The state after step ``name``.

    ``others``: accounts that had a hand in it before and so may not take a step that asks for another
    person. Raises TransitionRefused (codes ``transition_refused``, ``same_person``).
    """
    found = steps[name]
    if state not in found.sources:
        raise TransitionRefused(
            _("This cannot be done now: its state is “%(state)s”.", state=str(_Words.of(state)))
        )
    if found.other_person and (actor_id is None or actor_id in {o for o in others if o is not None}):
        raise TransitionRefused(
            _("Another person must do this: you had a hand in it yourself."), code="same_person"
        )
    return found.target
