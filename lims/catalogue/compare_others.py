"""Where two uncertainty budgets, or two limits, of one kind differ."""

from collections.abc import Sequence

from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.orm import Session

from lims.catalogue.budget_text import PLAIN, BudgetText, CorrelationLine, SourceLine, text_of
from lims.catalogue.budgets import budget, budgets_of
from lims.catalogue.compare import Change, Difference, compared, parts_compared
from lims.catalogue.limits import FIGURES, limit
from lims.catalogue.models import Limit, UncertaintyBudget
from lims.core.errors import InvalidInput, NotFound


def budgets_to_compare(
    session: Session, budget_id: int, against: int | None
) -> tuple[UncertaintyBudget, UncertaintyBudget]:
    """(old, new). ``against`` None: the budget before. Raises NotFound, InvalidInput (``other_item``)."""
    new = budget(session, budget_id)
    before = [one for one in budgets_of(session, new.method_id) if one.number < new.number]
    old = (before[0] if before else None) if against is None else budget(session, against)
    if old is None:
        raise NotFound(_("There is no budget before this one."))
    if old.method.test_item_id != new.method.test_item_id:
        raise InvalidInput(_("Only budgets for the same test item can be compared."), code="other_item")
    return old, new


def compare_budgets(old: UncertaintyBudget, new: UncertaintyBudget) -> list[Difference]:
    return compare_budget_texts(text_of(old), text_of(new))


def compare_budget_texts(first: BudgetText, second: BudgetText) -> list[Difference]:
    """Every field; sources by their quantity, in order where a quantity has several."""
    plain = [compared(name, getattr(first, name), getattr(second, name)) for name in PLAIN]
    sources = parts_compared("source", _by_quantity(first.sources), _by_quantity(second.sources))
    return [*plain, *sources, *_correlations(first.correlations, second.correlations)]


def _by_quantity(sources: Sequence[SourceLine]) -> dict[str, SourceLine]:
    found: dict[str, SourceLine] = {}
    for one in sources:
        earlier = sum(other.quantity == one.quantity for other in found.values())
        found[f"{one.quantity} ({earlier + 1})" if earlier else one.quantity] = one
    return found


def _correlations(old: Sequence[CorrelationLine], new: Sequence[CorrelationLine]) -> list[Difference]:
    """``r`` of each pair; "together" where its replicates show it, or beside it where degrees of freedom count once."""
    first, second = ({f"{one.one}, {one.other}": _told(one) for one in lines} for lines in (old, new))
    found = []
    for pair in dict.fromkeys([*second, *first]):
        line = compared(f"correlation.{pair}", first.get(pair), second.get(pair))
        change = Change.ADDED if pair not in first else Change.REMOVED if pair not in second else line.change
        found.append(Difference(line.field, line.old, line.new, change))
    return found


def _told(line: CorrelationLine) -> str:
    together = line.together or line.r is None
    return " ".join([*([str(line.r)] if line.r is not None else []), *(["together"] if together else [])])


def limits_to_compare(session: Session, limit_id: int, against: int | None) -> tuple[Limit, Limit]:
    """(old, new) of one test item. ``against`` None: the limit of the same product class before it.

    Raises NotFound, InvalidInput (``other_item``).
    """
    new = limit(session, limit_id)
    old = limit_before(session, new) if against is None else limit(session, against)
    if old is None:
        raise NotFound(_("There is no limit before this one."))
    if old.test_item_id != new.test_item_id:
        raise InvalidInput(_("Only limits for the same test item can be compared."), code="other_item")
    return old, new


def limit_before(session: Session, row: Limit) -> Limit | None:
    own_class = (
        Limit.category_id.is_(None) if row.category_id is None else Limit.category_id == row.category_id
    )
    wanted = select(Limit).where(
        Limit.test_item_id == row.test_item_id, own_class, Limit.valid_from < row.valid_from
    )
    return session.scalars(wanted.order_by(Limit.valid_from.desc()).limit(1)).first()


def compare_limits(old: Limit, new: Limit) -> list[Difference]:
    names = ("kind", *FIGURES, "unit", "comparison", "valid_from", "valid_to", "note")
    standard = compared("standard", old.standard.code, new.standard.code)
    return [standard, *(compared(name, getattr(old, name), getattr(new, name)) for name in names)]
