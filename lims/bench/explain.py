"""Explain this number: from a reported value back to formula, inputs, captures and raw bytes, recomputed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.orm import Session

from lims.bench import calculation
from lims.bench.inputs import sheet_of_test
from lims.bench.models import Capture, InputValue, Result, ResultVersion, Worksheet
from lims.bench.provenance import Source, sources_of
from lims.bench.ratios import ratios_again
from lims.bench.sample_bench import newest_versions
from lims.catalogue.models import Category, Limit, MethodVersion, TestItem
from lims.core.audit import canonical
from lims.core.errors import NotFound
from lims.core.permissions import Actor, Permission
from lims.equipment.models import CalibrationRecord
from lims.intake.models import Order, RequestedTest, Sample
from lims.metrology.formula_check import compile_formula
from lims.metrology.stored_values import store_value
from lims.metrology.values import write_value
from lims.people.directory import accounts_by_id
from lims.people.models import Account


@dataclass(frozen=True, slots=True)
class Origin:
    """One input with all that stands behind it, and what stood in its cell before."""

    source: Source
    superseded: Sequence[InputValue]

    @property
    def value(self) -> InputValue:
        return self.source.value

    @property
    def capture(self) -> Capture | None:
        return self.source.capture

    @property
    def calibration(self) -> CalibrationRecord | None:
        return self.source.calibration


@dataclass(frozen=True, slots=True)
class NeededResult:
    """Another item's result version that went into this one; ``figure``: unrounded, as it was computed with."""

    item: TestItem
    version: ResultVersion
    figure: str


@dataclass(frozen=True, slots=True)
class Walk:
    """Everything the page shows. ``agrees``: computing it again now gave the same, to the last digit."""

    order: Order
    sample: Sample
    test: RequestedTest
    result: Result
    version: ResultVersion
    method: MethodVersion
    limit: Limit | None
    notes: Mapping[str, Any]
    origins: Sequence[Origin]
    limit_class: Category | None
    items: Sequence[NeededResult]
    history: Sequence[ResultVersion]
    attempts: Sequence[tuple[Result, ResultVersion | None]]
    worksheet: Worksheet | None
    people: Mapping[int, Account]
    agrees: bool
    recomputed: str

    @property
    def is_newest(self) -> bool:
        return self.result.current and self.version.number == self.result.current_version


def explain(session: Session, *, actor: Actor, result_version_id: int) -> Walk:
    """Raises NotFound, PermissionDenied."""
    actor.require(Permission.RESULT_READ)
    version = session.get(ResultVersion, result_version_id)
    if version is None:
        raise NotFound(_("This does not exist (any more)."))
    result = session.get_one(Result, version.result_id)
    test = session.get_one(RequestedTest, result.requested_test_id)
    sample = session.get_one(Sample, test.sample_id)
    notes = orjson.loads(version.explanation)
    origins = _origins(session, notes.get("inputs", []), test.id, result.attempt)
    agrees, recomputed = compute_again(session, version)
    attempts = session.scalars(
        select(Result).where(Result.requested_test_id == test.id).order_by(Result.attempt)
    ).all()
    history = session.scalars(
        select(ResultVersion).where(ResultVersion.result_id == result.id).order_by(ResultVersion.number)
    ).all()
    limit = session.get(Limit, version.limit_id) if version.limit_id else None
    newest = newest_versions(session, attempts)
    return Walk(
        order=session.get_one(Order, sample.order_id),
        sample=sample,
        test=test,
        result=result,
        version=version,
        method=session.get_one(MethodVersion, version.method_version_id),
        limit=limit,
        limit_class=session.get(Category, limit.category_id) if limit and limit.category_id else None,
        notes=notes,
        origins=origins,
        items=_items(session, notes.get("items", [])),
        history=history,
        attempts=[(one, newest.get(one.id)) for one in attempts],
        worksheet=sheet_of_test(session, test.id, also_left=True),
        people=_people(session, result, history, origins),
        agrees=agrees,
        recomputed=recomputed,
    )


def _items(session: Session, notes: Sequence[Mapping[str, Any]]) -> list[NeededResult]:
    ids = [n["result_version_id"] for n in notes]
    found = session.execute(
        select(ResultVersion, TestItem)
        .join(Result, Result.id == ResultVersion.result_id)
        .join(RequestedTest, RequestedTest.id == Result.requested_test_id)
        .join(TestItem, TestItem.id == RequestedTest.test_item_id)
        .where(ResultVersion.id.in_(ids))
        .order_by(ResultVersion.id)
    )
    return [NeededResult(item, version, _figure(version)) for version, item in found]


def _figure(version: ResultVersion) -> str:
    return str(orjson.loads(version.value).get("figure") or version.reported)


def _people(
    session: Session, result: Result, history: Sequence[ResultVersion], origins: Sequence[Origin]
) -> dict[int, Account]:
    ids = {result.submitted_by, result.verified_by, result.returned_by}
    ids |= {v.computed_by for v in history} | {o.value.entered_by for o in origins}
    return accounts_by_id(session, ids)


def _origins(
    session: Session, notes: Sequence[Mapping[str, Any]], test_id: int, attempt: int
) -> list[Origin]:
    ids = [n["id"] for n in notes]
    every = session.scalars(
        select(InputValue)
        .where(InputValue.requested_test_id == test_id, InputValue.attempt == attempt)
        .order_by(InputValue.id)
    ).all()
    by_id = {row.id: row for row in every}
    sources = sources_of(session, [by_id[i] for i in ids if i in by_id])
    return [Origin(source, _superseded(source.value, every)) for source in sources.values()]


def _superseded(value: InputValue, every: Sequence[InputValue]) -> list[InputValue]:
    cell = (value.name, value.replicate)
    return [row for row in every if (row.name, row.replicate) == cell and row.id < value.id]


def compute_again(session: Session, version: ResultVersion) -> tuple[bool, str]:
    """Compute a stored version again from the very inputs it names. Returns whether it agrees, and the value."""
    notes = orjson.loads(version.explanation)
    if "incomplete" in notes:
        return True, ""
    method = session.get_one(MethodVersion, version.method_version_id)
    ids = [n["id"] for n in notes["inputs"]]
    rows = {r.id: r for r in session.scalars(select(InputValue).where(InputValue.id.in_(ids)))}
    items = {}
    for note in notes["items"]:
        row = session.get(ResultVersion, note["result_version_id"])
        items[note["item"]] = calculation.item_input(row) if row else None
    formula = compile_formula(method.formula) if method.formula.strip() else None
    if "ratios" in notes:
        computed = ratios_again(session, notes, method.unit)
    else:
        computed = calculation.compute_value(method, formula, [rows[i] for i in ids if i in rows], items)
    if isinstance(computed, calculation.Incomplete):
        return False, computed.sentence
    same = canonical(store_value(computed.value)) == version.value
    exact = calculation.exact_text(computed.exact) == notes["exact"]
    return same and exact, write_value(computed.value, "zh")
