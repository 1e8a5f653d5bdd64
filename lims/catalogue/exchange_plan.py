"""What a catalogue file would do to the catalogue as it stands: pure comparison, nothing is written."""

import hashlib
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum

from flask_babel import gettext as _

from lims.catalogue.categories import MAX_LEVEL
from lims.catalogue.compare import Change, Difference, compare_texts, compared
from lims.catalogue.exchange_budgets import budget_changes
from lims.catalogue.exchange_export import Key, Standing
from lims.catalogue.exchange_rows import (
    BudgetRow,
    CategoryRow,
    Document,
    Fault,
    ItemRow,
    LimitRow,
    MethodRow,
    Noun,
    PackageRow,
    Place,
    Placed,
    Row,
    StandardRow,
)
from lims.catalogue.items import ItemText, check_item
from lims.catalogue.limits import LimitText, check_limit
from lims.catalogue.methods import check_draft
from lims.core.errors import InvalidInput


class Effect(StrEnum):
    NEW = "new"
    CHANGED = "changed"
    SAME = "same"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Line:
    """What becomes of one row. ``ends``: the limit that a new one supersedes."""

    noun: Noun
    place: Place
    key: Key
    effect: Effect
    row: Row | None = None
    changes: Sequence[Difference] = ()
    faults: Sequence[Fault] = ()
    ends: LimitRow | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    lines: Sequence[Line]
    ignored: Sequence[str]

    def of(self, effect: Effect) -> list[Line]:
        return [line for line in self.lines if line.effect is effect]

    def count(self, effect: Effect) -> int:
        return len(self.of(effect))

    @property
    def writes(self) -> list[Line]:
        return [line for line in self.lines if line.effect in (Effect.NEW, Effect.CHANGED)]

    @property
    def seen(self) -> str:
        """A mark of exactly this plan: what was looked at is what is done."""
        told = [
            (line.noun.value, line.place.row, line.key, line.effect.value, [str(one) for one in line.changes])
            for line in self.lines
        ]
        return hashlib.sha256(repr(told).encode()).hexdigest()


def plan_import(now: Standing, given: Document) -> Plan:
    """Every row of ``given`` against ``now``; a row that names a refused one is refused, too."""
    return Plan(list(_Planner(now).run(given)), given.ignored)


class _Planner:
    """``known``: codes that are there, or will be once the rows before are written."""

    def __init__(self, now: Standing) -> None:
        self.now = now
        self.rows: dict[Noun, dict[Key, Row]] = {
            noun: {row.key: row for row in rows} for noun, rows in now.rows.items()
        }
        self.methods = set(self.rows[Noun.METHODS])
        self.known = {noun: {key[0] for key in rows} for noun, rows in self.rows.items()}
        self.levels = _levels(row for row in now.rows[Noun.CATEGORIES] if isinstance(row, CategoryRow))
        self.limits: dict[Key, list[LimitRow]] = {}
        for row in now.rows[Noun.LIMITS]:
            if isinstance(row, LimitRow):
                self.limits.setdefault(row.key[:2], []).append(row)

    def run(self, given: Document) -> Iterator[Line]:
        for noun in Noun:
            seen: dict[Key, Place] = {}
            for placed in self.ordered(noun, given.of(noun)):
                yield self.line(noun, placed, seen)

    def ordered(self, noun: Noun, rows: Sequence[Placed]) -> Sequence[Placed]:
        """Each after what it names in the same list."""
        if noun is Noun.LIMITS:
            return sorted(rows, key=lambda one: (one.row is None, one.row.key if one.row else ()))
        if noun is Noun.CATEGORIES:
            return _parents_first(rows)
        if noun is Noun.STANDARDS:  # they may name each other either way
            self.known[noun] |= {one.row.key[0] for one in rows if one.row is not None}
        return rows

    def line(self, noun: Noun, placed: Placed, seen: dict[Key, Place]) -> Line:
        row = placed.row
        if row is None:
            return Line(noun, placed.place, (), Effect.REFUSED, faults=placed.faults)
        if row.key in seen:
            why = _("The same stands in row %(n)s already.", n=seen[row.key].row)
            fault = placed.fault("", "row_twice", why)
            return Line(noun, placed.place, row.key, Effect.REFUSED, row, faults=[fault])
        seen[row.key] = placed.place
        made = self.judged(noun, placed, row)
        if made.effect is not Effect.REFUSED:
            self.known[noun].add(row.key[0])
            if noun is Noun.METHODS:
                self.methods.add(row.key)
        return made

    def judged(self, noun: Noun, placed: Placed, row: Row) -> Line:
        faults = list(self.faults(placed, row))
        changes: list[Difference] = []
        ends: LimitRow | None = None
        old = self.rows[noun].get(row.key)
        if isinstance(row, LimitRow) and not faults:
            old, changes, ends, told = self.limit(placed, row)
            faults += told
        elif old is not None:
            changes = self.changes(old, row)
            faults += _unchangeable(placed, changes)
        if faults:
            return Line(noun, placed.place, row.key, Effect.REFUSED, row, faults=faults)
        effect = Effect.NEW if old is None else Effect.CHANGED if changes else Effect.SAME
        return Line(noun, placed.place, row.key, effect, row, changes, ends=ends)

    # -- what is wrong with a row by itself --------------------------------------------

    def faults(self, placed: Placed, row: Row) -> Iterator[Fault]:
        match row:
            case CategoryRow():
                yield from self.references(placed, (("parent", Noun.CATEGORIES, row.parent),))
                yield from self.depth(placed, row)
            case StandardRow():
                yield from self.references(placed, (("replaced_by", Noun.STANDARDS, row.replaced_by),))
                yield from _standard_faults(placed, row)
            case ItemRow():
                yield from self.item(placed, row)
            case MethodRow():
                wanted = (("item", Noun.ITEMS, row.item), ("standard", Noun.STANDARDS, row.standard))
                yield from self.references(placed, wanted)
                if row.version is not None:
                    version = row.version
                    yield from _refused_by(placed, lambda: check_draft(version))
            case BudgetRow():
                yield from self.budget(placed, row)
            case LimitRow():
                yield from self.references(
                    placed,
                    (
                        ("item", Noun.ITEMS, row.item),
                        ("category", Noun.CATEGORIES, row.category),
                        ("standard", Noun.STANDARDS, row.standard),
                    ),
                )
                members = [("members", Noun.ITEMS, code) for code in row.members]
                yield from self.references(placed, members)
                yield from _refused_by(placed, lambda: check_limit(_limit_text(row)))
            case PackageRow():
                yield from self.references(placed, (("category", Noun.CATEGORIES, row.category),))
                yield from self.package(placed, row)

    def references(self, placed: Placed, named: Sequence[tuple[str, Noun, str | None]]) -> Iterator[Fault]:
        for column, noun, code in named:
            if code is not None and code not in self.known[noun]:
                why = _("%(code)s is neither in the catalogue nor in this file.", code=code)
                yield placed.fault(column, "unknown_reference", why)

    def depth(self, placed: Placed, row: CategoryRow) -> Iterator[Fault]:
        level = self.levels.get(row.parent or "", 0) + 1
        self.levels.setdefault(row.code, level)
        if level > MAX_LEVEL:
            why = _("The tree has at most %(n)s levels.", n=MAX_LEVEL)
            yield placed.fault("parent", "category_too_deep", why)

    def item(self, placed: Placed, row: ItemRow) -> Iterator[Fault]:
        if row.section not in self.now.sections:
            why = _("There is no section %(code)s in this laboratory: add it first.", code=row.section)
            yield placed.fault("section", "unknown_section", why)
        said = {name: getattr(row, name) for name in ItemRow.__slots__ if name != "section"}
        yield from _refused_by(placed, lambda: check_item(ItemText(section_id=0, **said)))

    def budget(self, placed: Placed, row: BudgetRow) -> Iterator[Fault]:
        if row.method not in self.methods:
            method = " ".join(filter(None, row.method))
            why = _("The method %(method)s is neither in the catalogue nor in this file.", method=method)
            yield placed.fault("item", "unknown_reference", why)
        low, high = row.text.range_low, row.text.range_high
        if low is not None and high is not None and low > high:
            yield placed.fault("range_high", "budget_range", _("The range ends below its beginning."))

    def package(self, placed: Placed, row: PackageRow) -> Iterator[Fault]:
        for code in row.items:
            if code not in self.known[Noun.ITEMS]:
                why = _("%(code)s is neither in the catalogue nor in this file.", code=code)
                yield placed.fault("items", "unknown_reference", why)
        if len(set(row.items)) != len(row.items):
            yield placed.fault("items", "package_items", _("Choose each test item once."))

    # -- what changes --------------------------------------------------------------------

    def changes(self, old: Row, new: Row) -> list[Difference]:
        if isinstance(old, MethodRow) and isinstance(new, MethodRow):
            return [
                *_differences([compared("preferred", old.preferred, new.preferred)]),
                *self.version_changes(old, new),
            ]
        if isinstance(old, BudgetRow) and isinstance(new, BudgetRow):
            draft = self.now.budget_drafts.get(new.key)
            return budget_changes([old.text, *([draft] if draft is not None else [])], new.text)
        names = [name for name in new.__slots__ if name != "code"]
        return _differences([compared(n, _plain(getattr(old, n)), _plain(getattr(new, n))) for n in names])

    def version_changes(self, old: MethodRow, new: MethodRow) -> list[Difference]:
        """None where the text in use or the open draft says the same; else against what would be replaced."""
        if new.version is None:
            return []
        draft = self.now.drafts.get(new.key)
        standing = [text for text in (old.version, draft) if text is not None]
        found = [_differences(compare_texts(text, new.version)) for text in standing]
        if not standing:
            return [Difference("version", None, _("a first draft"), Change.ADDED)]
        return [] if not all(found) else found[-1]

    def limit(
        self, placed: Placed, row: LimitRow
    ) -> tuple[LimitRow | None, list[Difference], LimitRow | None, list[Fault]]:
        """The limit that has this first day, what changes of it, the limit that ends, and why not."""
        group = self.limits.setdefault(row.key[:2], [])  # by first day; none overlaps another
        at = bisect_left(group, row.valid_from, key=_first_day)
        if at < len(group) and group[at].valid_from == row.valid_from:
            changes, faults = _limit_changes(placed, group[at], row, group)
            old = group[at]
            if changes and not faults:
                group[at] = row
            return old, changes, None, faults
        before = group[at - 1] if at and _overlap(group[at - 1], row) else None
        if at < len(group) and _overlap(row, group[at]):
            until = bisect_right(group, row.valid_to or date.max, key=_first_day)
            other = group[until - 1]
            why = _(
                "For this item and product class a limit by %(standard)s holds from %(day)s already: "
                "supersede it.",
                standard=other.standard,
                day=other.valid_from,
            )
            return None, [], None, [placed.fault("valid_from", "limit_overlap", why)]
        if before is not None:
            group[at - 1] = replace(before, valid_to=row.valid_from - timedelta(days=1))
        group.insert(at, row)
        return None, [], before, []


def _first_day(row: LimitRow) -> date:
    return row.valid_from


def _limit_changes(
    placed: Placed, old: LimitRow, row: LimitRow, group: Sequence[LimitRow]
) -> tuple[list[Difference], list[Fault]]:
    """Only the last day may come nearer; a superseded limit that a file still gives no end is the same."""
    names = [name for name in LimitRow.__slots__ if name not in {"item", "category", "valid_from"}]
    changes = _differences([compared(n, getattr(old, n), getattr(row, n)) for n in names])
    others = [one for one in changes if one.field != "valid_to"]
    if others:
        why = _("A limit never changes. Give the new one a later first day; the old one ends before it.")
        return changes, [placed.fault(one.field, "limit_differs", why) for one in others]
    if changes and old.valid_to is not None and (row.valid_to is None or row.valid_to > old.valid_to):
        after = old.valid_to + timedelta(days=1)
        if row.valid_to is None and any(one.valid_from == after for one in group):
            return [], []
        why = _("This limit ended on %(day)s; add a new one instead of reviving it.", day=old.valid_to)
        return changes, [placed.fault("valid_to", "limit_ended", why)]
    return changes, []


def _overlap(one: LimitRow, other: LimitRow) -> bool:
    before = one.valid_to is not None and one.valid_to < other.valid_from
    after = other.valid_to is not None and one.valid_from > other.valid_to
    return not before and not after


def _limit_text(row: LimitRow) -> LimitText:
    named = {"item", "category", "standard", "members"}
    said = {name: getattr(row, name) for name in LimitRow.__slots__ if name not in named}
    # Numbers that stand for the codes: 0 is the limit's own item.
    numbers = {row.item: 0} | {
        code: n for n, code in enumerate(dict.fromkeys(row.members), start=1) if code != row.item
    }
    members = [numbers[code] for code in row.members]
    return LimitText(standard_id=0, test_item_id=0, category_id=None, members=members, **said)


def _standard_faults(placed: Placed, row: StandardRow) -> Iterator[Fault]:
    first, last = row.in_force_from, row.withdrawn_from
    if first is not None and last is not None and last < first:
        why = _("A standard cannot be withdrawn before it comes into force.")
        yield placed.fault("withdrawn_from", "standard_dates", why)
    until = row.transition_until
    if until is not None and (last is None or until < last):
        why = _(
            "A transition begins with the day on which the standard is withdrawn and cannot end before it."
        )
        yield placed.fault("transition_until", "standard_transition", why)
    if row.replaced_by == row.code:
        yield placed.fault("replaced_by", "standard_successor", _("A standard cannot replace itself."))


def _refused_by(placed: Placed, check: Callable[[], None]) -> Iterator[Fault]:
    try:
        check()
    except InvalidInput as refusal:
        for column, sentences in refusal.fields.items() or {"": [refusal.message]}.items():
            for sentence in sentences:
                yield placed.fault(column, refusal.code, sentence)


def _unchangeable(placed: Placed, changes: Sequence[Difference]) -> Iterator[Fault]:
    if any(one.field == "parent" for one in changes):
        why = _("A product class keeps its place in the tree: limits and packages rest on it.")
        yield placed.fault("parent", "category_moved", why)


def _differences(lines: Sequence[Difference]) -> list[Difference]:
    return [line for line in lines if line.change is not Change.SAME]


def _plain(value: object) -> object:
    if isinstance(value, Decimal):  # prices: 60 and 60.00 are the same price
        return value.quantize(Decimal("0.01")) if value == value.quantize(Decimal("0.01")) else value
    return ", ".join(value) if isinstance(value, list | tuple) else value


def _levels(rows: Iterator[CategoryRow]) -> dict[str, int]:
    levels: dict[str, int] = {}
    for row in rows:  # parents stand before their children
        levels[row.code] = levels.get(row.parent or "", 0) + 1
    return levels


def _parents_first(rows: Sequence[Placed]) -> list[Placed]:
    """In their order, but each after the class above it; what stands in a circle is refused later."""
    here = {one.row.code: one for one in rows if isinstance(one.row, CategoryRow)}
    done: dict[int, Placed] = {}
    for one in rows:
        chain: dict[int, Placed] = {}
        above: Placed | None = one
        while above is not None and id(above) not in done and id(above) not in chain:
            chain[id(above)] = above
            parent = above.row.parent if isinstance(above.row, CategoryRow) else None
            above = here.get(parent or "")
        done |= dict(reversed(chain.items()))
    return list(done.values())
