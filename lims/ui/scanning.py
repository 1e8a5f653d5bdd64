"""What a scanned code opens: rooms register resolvers, the first that knows the code answers."""

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy.orm import Session

from lims.core.permissions import Actor

MAX_CODE = 200


@dataclass(frozen=True, slots=True)
class Found:
    """Where a code leads. ``echo``: shown large, such as the sample's number and name."""

    href: str
    echo: str
    tone: str = "done"


# One indexed query; None: not mine. A resolver returns only what ``actor`` may see.
Resolver = Callable[[Session, Actor, str], Found | None]
_resolvers: dict[str, tuple[int, Resolver]] = {}


def register(name: str, resolver: Resolver, order: int = 100) -> None:
    """``name`` is the kind of code (sample, order, worksheet, certificate, equipment ...)."""
    _resolvers[name] = (order, resolver)


def clean(code: str) -> str:
    """What a scanner or hand sent: without control characters (GS1 separators, NUL) and outer blanks."""
    return "".join(c for c in code if c.isprintable()).strip()[:MAX_CODE]


def resolve(session: Session, actor: Actor, code: str) -> Found | None:
    wanted = clean(code)
    if not wanted:
        return None
    for _order, resolver in sorted(_resolvers.values(), key=lambda pair: pair[0]):
        if found := resolver(session, actor, wanted):
            return found
    return None
