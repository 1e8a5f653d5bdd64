"""What an analyser calls the test items that it measures."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.orm import Session

from lims.bench.analyser.models import AnalyserTest
from lims.catalogue.models import TestItem
from lims.core.errors import InvalidInput, NotFound
from lims.core.permissions import Actor, Permission
from lims.core.uow import UnitOfWork
from lims.equipment.demand import methods_needing
from lims.equipment.models import Equipment


@dataclass(frozen=True, slots=True)
class NamedTest:
    """A test item that methods measure with this class of equipment; ``name`` empty: the analyser has none."""

    item: TestItem
    name: str


@dataclass(frozen=True, slots=True)
class NamesPage:
    equipment: Equipment
    tests: Sequence[NamedTest]
    may_edit: bool


def names_page(session: Session, *, actor: Actor, equipment_id: int) -> NamesPage:
    """Raises NotFound. Items by code; those that are named although no method in use asks for them, too."""
    actor.require(Permission.EQUIPMENT_READ)
    equipment = session.get(Equipment, equipment_id)
    if equipment is None:
        raise NotFound(_("This does not exist (any more)."))
    names = names_of(session, equipment_id)
    measured = {
        need.test_item_id for need in methods_needing(session, equipment.equipment_class) if need.inputs
    }
    wanted = select(TestItem).where(TestItem.id.in_(measured | names.keys())).order_by(TestItem.code)
    tests = [NamedTest(item, names.get(item.id, "")) for item in session.scalars(wanted)]
    return NamesPage(equipment, tests, actor.can(Permission.EQUIPMENT_EDIT))


def names_of(session: Session, equipment_id: int) -> dict[int, str]:
    """Test item -> the analyser's name of it."""
    rows = select(AnalyserTest.test_item_id, AnalyserTest.name).where(
        AnalyserTest.equipment_id == equipment_id, AnalyserTest.name != ""
    )
    return {row.test_item_id: row.name for row in session.execute(rows)}


def save_names(uow: UnitOfWork, *, actor: Actor, equipment_id: int, names: Mapping[int, str]) -> int:
    """Keep these names (test item -> name, "" for none); how many changed.

    Raises InvalidInput: one name for two items (a result could be either's), or a control character in it.
    """
    actor.require(Permission.EQUIPMENT_EDIT)
    with uow:
        uow.get(Equipment, equipment_id)  # locked: two people cannot give one name to two items
        rows = {
            row.test_item_id: row
            for row in uow.session.scalars(
                select(AnalyserTest).where(AnalyserTest.equipment_id == equipment_id)
            )
        }
        wanted = {item: name.strip() for item, name in names.items()}
        _check(uow.session, {**{item: row.name for item, row in rows.items()}, **wanted}, wanted)
        changed = [i for i, name in wanted.items() if name != (rows[i].name if i in rows else "")]
        for item in changed:
            _keep(uow, actor, equipment_id, rows.get(item), item, wanted[item])
        if changed:
            uow.commit()
    return len(changed)


def _keep(
    uow: UnitOfWork, actor: Actor, equipment_id: int, row: AnalyserTest | None, item: int, name: str
) -> None:
    if row is None:
        row = uow.add(AnalyserTest(equipment_id=equipment_id, test_item_id=item, name=name))
    else:
        row.name = name
    uow.audit("analyser_test.name", actor, row)


def _check(session: Session, all_names: Mapping[int, str], typed: Mapping[int, str]) -> None:
    faults: dict[str, list[str]] = {}
    unknown = typed.keys() - set(session.scalars(select(TestItem.id).where(TestItem.id.in_(typed))))
    for item, name in typed.items():
        if item in unknown:
            faults[f"names.{item}"] = [_("This does not exist (any more).")]
        elif not name.isprintable():
            faults[f"names.{item}"] = [_("A name cannot hold control characters.")]
        elif name and list(all_names.values()).count(name) > 1:
            faults[f"names.{item}"] = [_("Two test items cannot have one name: a result could be either's.")]
    if faults:
        raise InvalidInput(_("These names cannot be kept so."), code="analyser_names_wrong", fields=faults)
