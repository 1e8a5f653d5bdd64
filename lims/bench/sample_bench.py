"""Samples with everything their results are computed from, read with a fixed number of queries."""

from collections.abc import Collection
from functools import lru_cache
from typing import TypeVar

from sqlalchemy import and_, inspect, select
from sqlalchemy.orm import Session, aliased, lazyload
from sqlalchemy.orm.util import identity_key
from sqlalchemy.sql.base import ExecutableOption

from lims.bench.control.models import WorksheetControl
from lims.bench.models import InputValue, Result, ResultVersion
from lims.catalogue.budgets import released_budgets
from lims.catalogue.limits import LimitChoice, LimitQuestion, limits_for
from lims.catalogue.models import MethodVersion, ResultKind, UncertaintyBudget
from lims.intake.internal import INTERNAL_CONTROL
from lims.intake.models import Order, RequestedTest, Sample
from lims.intake.states import TestState
from lims.metrology.dependency import affected_by, computing_order
from lims.metrology.errors import MetrologyError
from lims.metrology.formula_check import Formula, compile_formula

# The formulas of a laboratory are the same with every value that is saved.
_compiled = lru_cache(maxsize=1024)(compile_formula)
T = TypeVar("T", Sample, Order, MethodVersion)
Cells = dict[tuple[str, int], InputValue]  # (input, replicate) -> newest value
GONE = (TestState.REJECTED, TestState.CANCELLED)


class Benches:
    """What lies on the bench of several samples. ``of`` gives one of them."""

    def __init__(self, session: Session, sample_ids: Collection[int]) -> None:
        self.session = session
        self.samples = _by_id(session, Sample, sample_ids)
        wanted = {s.order_id for s in self.samples.values()}
        self.orders = _by_id(session, Order, wanted, lazyload(Order.customer))
        tests = select(RequestedTest).where(RequestedTest.sample_id.in_(self.samples.keys()))
        self.tests = list(session.scalars(tests.order_by(RequestedTest.id)).unique())
        self.versions = _versions(session, {t.method_version_id for t in self.tests})
        self._tests_of: dict[int, list[RequestedTest]] = {}
        for test in self.tests:
            self._tests_of.setdefault(test.sample_id, []).append(test)
        ids = [t.id for t in self.tests]
        current = select(Result).where(Result.requested_test_id.in_(ids), Result.current.is_(True))
        self.results: dict[int, Result] = {r.requested_test_id: r for r in session.scalars(current)}
        self.newest = newest_versions(session, self.results.values())
        self.cells = latest_cells(session, ids)
        self._formulas: dict[int, Formula | None] = {}
        self._limits: dict[LimitQuestion, LimitChoice] | None = None
        self._budgets: dict[int, list[UncertaintyBudget]] | None = None
        self._sources: dict[int, SampleBench] | None = None

    def of(self, sample_id: int) -> "SampleBench":
        sample = self.samples[sample_id]
        return SampleBench(self, sample, self.orders[sample.order_id], self._tests_of.get(sample_id, []))

    def formula(self, version_id: int) -> Formula | None:
        if version_id not in self._formulas:
            text = self.versions[version_id].formula
            self._formulas[version_id] = _compiled(text) if text.strip() else None
        return self._formulas[version_id]

    def limit(self, test: RequestedTest) -> LimitChoice:
        if self._limits is None:
            self._limits = limits_for(self.session, {self._question(t) for t in self.tests})
        return self._limits[self._question(test)]

    def budgets(self, method_id: int) -> list[UncertaintyBudget]:
        """Released ones, retired ones too."""
        if self._budgets is None:
            self._budgets = released_budgets(self.session, {v.method_id for v in self.versions.values()})
        return self._budgets.get(method_id, [])

    def source_of(self, sample_id: int) -> "SampleBench | None":
        """The sample that this control was made from; None for what is no duplicate and no spike."""
        if self._sources is None:
            self._sources = self._read_sources()
        return self._sources.get(sample_id)

    def _read_sources(self) -> "dict[int, SampleBench]":
        ours = {n for n, order in self.orders.items() if order.business_type.code == INTERNAL_CONTROL}
        controls = {n for n, sample in self.samples.items() if sample.order_id in ours}
        if not controls:
            return {}
        source = aliased(RequestedTest)
        made = (
            select(RequestedTest.sample_id, source.sample_id)
            .join(WorksheetControl, WorksheetControl.requested_test_id == RequestedTest.id)
            .join(source, source.id == WorksheetControl.source_test_id)
            .where(RequestedTest.sample_id.in_(controls))
        )
        pairs = {row[0]: row[1] for row in self.session.execute(made)}
        apart = sorted(set(pairs.values()) - self.samples.keys())
        others = Benches(self.session, apart) if apart else self
        return {control: (self if one in self.samples else others).of(one) for control, one in pairs.items()}

    def _question(self, test: RequestedTest) -> LimitQuestion:
        sample = self.samples[test.sample_id]
        return LimitQuestion(test.test_item_id, sample.category_id, sample.produced_on, sample.registered_on)


class SampleBench:
    """One sample's tests, and which of them need each other's results."""

    def __init__(self, benches: Benches, sample: Sample, order: Order, tests: list[RequestedTest]) -> None:
        self.benches = benches
        self.sample = sample
        self.order = order
        self.tests = tests
        self.by_code = {t.test_item.code: t for t in tests}

    @classmethod
    def load(cls, session: Session, sample_id: int) -> "SampleBench":
        return Benches(session, [sample_id]).of(sample_id)

    def version(self, test: RequestedTest) -> MethodVersion:
        return self.benches.versions[test.method_version_id]

    def formula(self, test: RequestedTest) -> Formula | None:
        return self.benches.formula(test.method_version_id)

    def result(self, test: RequestedTest) -> Result | None:
        return self.benches.results.get(test.id)

    def inputs(self, test: RequestedTest) -> list[InputValue]:
        """The counting value of every cell; a cleared cell is left out."""
        cells = self.benches.cells.get(test.id, {})
        return [row for _place, row in sorted(cells.items()) if row.text]

    def limit(self, test: RequestedTest) -> LimitChoice:
        return self.benches.limit(test)

    def items_of(self, test: RequestedTest) -> tuple[str, ...]:
        """Codes of the items from which ``test`` is computed: named by its formula, or sharing its sum of ratios."""
        if self.version(test).result_kind is ResultKind.RATIOS:
            limit = self.limit(test).limit
            return tuple(one.item.code for one in limit.members) if limit is not None else ()
        formula = self.formula(test)
        return formula.items if formula else ()

    def needs(self) -> dict[str, tuple[str, ...]]:
        """Item code -> codes of the items it is computed from."""
        needs = {code: self.items_of(test) for code, test in self.by_code.items()}
        sums = [c for c, t in self.by_code.items() if self.version(t).result_kind is ResultKind.RATIOS]
        for code in sums:  # a limit may name an item whose formula names the sum: then the sum has no value
            try:
                computing_order(needs)
            except MetrologyError:
                needs[code] = ()
        return needs

    def needed_by(self, test: RequestedTest) -> list[RequestedTest]:
        """The tests from whose results ``test`` is computed."""
        return [found for code in self.items_of(test) if (found := self.test_of(code)) is not None]

    def test_of(self, code: str) -> RequestedTest | None:
        """The test of this item; a duplicate or spike also has what only the sample has that it was made from."""
        if code in self.by_code:
            return self.by_code[code]
        source = self.benches.source_of(self.sample.id)
        return source.by_code.get(code) if source is not None else None

    def dependents_of(self, test: RequestedTest) -> list[RequestedTest]:
        """The tests that are computed from ``test``, directly or through others."""
        codes = affected_by(test.test_item.code, self.needs())
        return [self.by_code[c] for c in codes if c in self.by_code]

    def in_order(self, first: Collection[int]) -> list[RequestedTest]:
        """``first`` and the tests that need them, each after what it needs."""
        needs = self.needs()
        if not any(needs.values()):
            return [t for t in self.tests if t.id in first]
        codes: list[str] = []
        for test in (t for t in self.tests if t.id in first):
            for code in (test.test_item.code, *affected_by(test.test_item.code, needs)):
                if code in codes:
                    codes.remove(code)
                codes.append(code)
        return [self.by_code[c] for c in codes if c in self.by_code]

    def in_turns(self, first: Collection[int]) -> list[list[RequestedTest]]:
        """``in_order`` in groups: what a test needs stands in an earlier one than the test."""
        needs, turn_of = self.needs(), dict[str, int]()
        turns: list[list[RequestedTest]] = []
        for test in self.in_order(first):
            code = test.test_item.code
            turn = max((turn_of[one] + 1 for one in needs[code] if one in turn_of), default=0)
            turn_of[code] = turn
            turns.extend([] for _ in range(turn + 1 - len(turns)))
            turns[turn].append(test)
        return turns

    def version_of(self, code: str) -> ResultVersion | None:
        """The newest result of another item (see ``test_of``); a rejected or cancelled item has none."""
        test = self.by_code.get(code)
        if test is None:
            source = self.benches.source_of(self.sample.id)
            return source.version_of(code) if source is not None else None
        result = self.benches.results.get(test.id) if test and test.state not in GONE else None
        return self.benches.newest.get(result.id) if result else None


def _by_id(
    session: Session, model: type[T], ids: Collection[int], *options: ExecutableOption
) -> dict[int, T]:
    found = select(model).where(model.id.in_(ids)).options(*options)
    return {row.id: row for row in session.scalars(found).unique()}


def _versions(session: Session, ids: Collection[int]) -> dict[int, MethodVersion]:
    """What this transaction has read already is not asked again with its inputs: a released version stays."""
    at_hand = {n: session.identity_map.get(identity_key(MethodVersion, n)) for n in ids}
    known = {n: row for n, row in at_hand.items() if row is not None and not inspect(row).expired}
    missing = set(ids) - set(known)
    return {**known, **(_by_id(session, MethodVersion, missing) if missing else {})}


def newest_versions(session: Session, results: Collection[Result]) -> dict[int, ResultVersion]:
    """Result number -> its newest version."""
    wanted = (
        select(ResultVersion)
        .join(
            Result,
            and_(Result.id == ResultVersion.result_id, Result.current_version == ResultVersion.number),
        )
        .where(Result.id.in_([r.id for r in results]))
    )
    return {row.result_id: row for row in session.scalars(wanted)}


def latest_cells(session: Session, test_ids: Collection[int]) -> dict[int, Cells]:
    """Test -> its cells in the running attempt, also cleared ones."""
    statement = (
        select(InputValue)
        .join(
            Result,
            and_(
                Result.requested_test_id == InputValue.requested_test_id,
                Result.attempt == InputValue.attempt,
            ),
        )
        .where(InputValue.requested_test_id.in_(test_ids), Result.current.is_(True))
        .order_by(InputValue.id)
    )
    found: dict[int, Cells] = {}
    for row in session.scalars(statement):
        found.setdefault(row.requested_test_id, {})[row.name, row.replicate] = row
    return found
