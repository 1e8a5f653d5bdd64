"""Quality control of the demonstration: templates of some methods, and what their controls read."""

import random
from collections import Counter
from collections.abc import Collection, Sequence
from decimal import Decimal
from typing import Any

import orjson
from sqlalchemy import select
from sqlalchemy.orm import Session

from lims.bench.control.decisions import decide_hold
from lims.bench.control.holds import open_holds_of
from lims.bench.control.judging import newest_of
from lims.bench.control.lines import LineText, add_line
from lims.bench.control.models import ControlHold, ControlLine, WorksheetControl
from lims.bench.inputs import Cell
from lims.bench.models import Worksheet
from lims.bench.states import HoldDecision
from lims.catalogue.models import Method, TestItem
from lims.core.permissions import Actor
from lims.core.uow import UnitOfWork
from lims.demo.figures import RECIPES, Inputs
from lims.demo.read import facts, figure
from lims.metrology.control_samples import FROM_SAMPLE, ControlKind, Memory

D = Decimal
FIGURES = ("low", "high", "target", "deviation", "spike_added")


def seed_controls(uow: UnitOfWork, *, actor: Actor) -> None:
    """The templates of the facts; methods that the demonstration prefers."""
    for row in facts("controls"):
        method = (
            select(Method.id)
            .join(TestItem, TestItem.id == Method.test_item_id)
            .where(TestItem.code == row["item"], Method.preferred.is_(True))
        )
        text = LineText(
            ControlKind(row["kind"]),
            row["material"],
            at_start=row.get("at_start", False),
            at_end=row.get("at_end", False),
            every=row.get("every"),
            rule_set=row.get("rule_set", ""),
            memory=Memory(row.get("memory", "")),
            own_points=row.get("own_points", 20),
            **{name: figure(row, name) for name in FIGURES},
        )
        add_line(uow, actor=actor, method_id=uow.session.scalars(method).one(), text=text)


class ControlReadings:
    """What controls read, by the facts: mostly in control; now and then one fails."""

    def __init__(self) -> None:
        self.dice = random.Random(7)  # noqa: S311 - dice, no secret
        self.measured: Counter[str] = Counter()
        # Worksheets whose held results wait for whoever sees the demonstration.
        self.left_open: set[int] = set()

    def cells(self, session: Session, sheet: Worksheet, *, failing: bool = False) -> list[Cell]:
        """Of every control on the sheet; its samples are measured already. ``failing``: one of them fails."""
        found = select(WorksheetControl, ControlLine).join(
            ControlLine, ControlLine.id == WorksheetControl.line_id
        )
        here = [row.requested_test_id for row in sheet.rows if row.removed_at is None]
        rows = session.execute(found.where(WorksheetControl.requested_test_id.in_(here))).unique().all()
        cells = []
        for control, line in rows:
            about = (line.method.test_item.code, line.material)
            fact = next(row for row in facts("controls") if (row["item"], row["material"]) == about)
            fails = failing and "fails_with" in fact and not self.left_open
            if fails:
                self.left_open.add(sheet.id)
            inputs = self._inputs(session, control, fact, failing=fails)
            cells += [
                Cell(control.requested_test_id, name, n, text)
                for name, texts in inputs.items()
                for n, text in enumerate(texts, 1)
            ]
        return cells

    def _inputs(
        self, session: Session, control: WorksheetControl, fact: dict[str, Any], *, failing: bool
    ) -> Inputs:
        name = fact["item"] + fact["material"]
        self.measured[name] += 1
        if failing or self.measured[name] == fact.get("fails_at"):
            target = D(fact["fails_with"])
        elif ControlKind(fact["kind"]) in FROM_SAMPLE:
            target = self._beside(session, control, fact)
        else:
            low, high = map(D, fact["reads"][0])
            # Two dice: most readings lie near the middle.
            target = low + (high - low) * D(self.dice.randint(0, 500) + self.dice.randint(0, 500)) / 1000
        return RECIPES[fact["item"]](self.dice, target)

    def _beside(self, session: Session, control: WorksheetControl, fact: dict[str, Any]) -> Decimal:
        """Near the sample, or so much more as was added to it."""
        source = newest_of(session, [control.source_test_id or 0]).get(control.source_test_id or 0)
        stored = orjson.loads(source.value) if source is not None else {}
        value = D(stored["figure"]) if stored.get("kind") == "number" else D(0)
        if fact["kind"] == "spike":
            low, high = fact["recovers"]
            return value + D(fact["spike_added"]) * self.dice.randint(low, high) / 100
        most = int(fact["repeats"]) * 10
        return value * (1 + D(self.dice.randint(-most, most)) / 1000)


def decide_all(
    uow: UnitOfWork, actor: Actor, test_ids: Sequence[int], *, but: Collection[int]
) -> Collection[int]:
    """The head of the section looked into it, and the results can stand. Returns the tests that stay held.

    ``but``: worksheets that are left undecided.
    """
    for hold_id in sorted({n for holds in open_holds_of(uow.session, test_ids).values() for n in holds}):
        hold = uow.session.get_one(ControlHold, hold_id)
        if hold.worksheet_id in but:
            continue
        decide_hold(
            uow,
            actor=actor,
            hold_id=hold_id,
            version=hold.version,
            decision=HoldDecision.ACCEPT,
            reason="质控样取样时瓶号核对有误，重新取样复测在控制限内；样品结果不受影响",
        )
    return open_holds_of(uow.session, test_ids).keys()
