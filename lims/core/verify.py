"""``flask lims verify``: every room registers what it can prove about its rows and files."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from sqlalchemy.orm import Session

from lims.core.audit import verify_chain
from lims.core.files import FileStore, damaged_files


@dataclass(frozen=True, slots=True)
class Outcome:
    """``broken``: names of the rows or files that do not hold, each with what is wrong; first the first."""

    checked: str
    broken: list[str]


Check = Callable[[Session, FileStore], Outcome]
CHECKS: dict[str, Check] = {}


def check(name: str) -> Callable[[Check], Check]:
    """Register a check. It reads only, and must not stop at what it finds broken."""

    def register(function: Check) -> Check:
        CHECKS[name] = function
        return function

    return register


def run_checks(session: Session, store: FileStore) -> Iterator[tuple[str, Outcome]]:
    for name, function in CHECKS.items():
        yield name, function(session, store)


@check("audit chain")
def _audit_chain(session: Session, _store: FileStore) -> Outcome:
    count, broken = verify_chain(session)
    return Outcome(f"{count} events", [f"audit_event {broken.seq}: {broken.why}"] if broken else [])


@check("stored files")
def _stored_files(session: Session, store: FileStore) -> Outcome:
    wrong = damaged_files(session, store)
    return Outcome("every stored file", [f"stored_file {name}: {why}" for name, why in wrong])
