"""Rounds and nonconformities of the demonstration, through the use cases that people use, each on its day."""

from collections.abc import Sequence
from datetime import date, time, timedelta
from decimal import Decimal
from functools import partial
from typing import Any

from sqlalchemy import select

from lims.catalogue.models import TestItem
from lims.core.clock import local_date
from lims.core.permissions import Actor
from lims.demo.diary import at
from lims.demo.life import House
from lims.demo.read import facts, figure
from lims.quality import nonconformities as nc
from lims.quality import rounds
from lims.quality.covers import Cover, find_cover
from lims.quality.models import Nonconformity
from lims.quality.nonconformities import Finding
from lims.quality.plans import plan_participation
from lims.quality.rounds import NewRound, Scoring
from lims.quality.scoring import Participant, Stated
from lims.quality.states import CoverKind, CustomerTold, Decision, Significance, Source

Row = dict[str, Any]


def plan_quality(house: House) -> None:
    """Everything is planned; the diary does it. What began before the diary is entered on its first morning."""
    house.diary.plan(house.diary.now, partial(_participation, house))
    for row in facts("proficiency"):
        house.diary.plan(at(_day(house, row["ago"]), time(9, 20)), partial(_open_round, house, row))
    for row in facts("nonconformities"):
        house.diary.plan(at(_day(house, row["ago"]), time(10, 5)), partial(_open, house, row))


def _day(house: House, ago: int) -> date:
    return local_date(house.diary.end) - timedelta(days=ago)


def _items(house: House) -> dict[str, int]:
    return {row.code: row.id for row in house.session.execute(select(TestItem.code, TestItem.id))}


def _participation(house: House) -> None:
    items = _items(house)
    for row in facts("participation"):
        plan_participation(
            house.uow,
            actor=house.staff["quality"],
            test_item_ids=[items[code] for code in row["items"]],
            every_months=row["months"],
            note=row["note"],
        )


# -- rounds --------------------------------------------------------------------------


def _open_round(house: House, row: Row) -> None:
    begins = _day(house, row["ago"])
    ends = begins + timedelta(days=row["open"])
    new = NewRound(
        row["provider"], row["scheme"], row["round"], begins, ends, row.get("organised_here", False)
    )
    quality = house.staff["quality"]
    made = rounds.open_round(house.uow, actor=quality, new=new)
    items = _items(house)
    for entry in row["entries"]:
        entered = rounds.enter_item(
            house.uow,
            actor=quality,
            round_id=made.id,
            test_item_id=items[entry["item"]],
            person_id=house.staff.number(entry["person"]),
            unit=entry["unit"],
        )
        told = at(ends - timedelta(days=4), time(15, 10))
        house.diary.plan(told, partial(_report, house, entry, entered.id, ends))


def _report(house: House, entry: Row, entry_id: int, ends: date) -> None:
    if "result" not in entry:
        return
    row = rounds.one_entry(house.session, entry_id)
    rounds.report_result(
        house.uow,
        actor=house.staff[entry["person"]],
        entry_id=entry_id,
        version=row.version,
        result=Decimal(entry["result"]),
        expanded_uncertainty=figure(entry, "U"),
    )
    if "assigned" in entry or "participants" in entry:
        house.diary.plan(at(ends + timedelta(days=6), time(11, 30)), partial(_score, house, entry, entry_id))


def _score(house: House, entry: Row, entry_id: int) -> None:
    assigned = figure(entry, "assigned")
    values = enumerate(entry.get("participants", ()), 1)
    scoring = Scoring(
        assigned=Stated(assigned, figure(entry, "assigned_U")) if assigned is not None else None,
        sigma=figure(entry, "sigma"),
        participants=[Participant(f"LAB-{n:02d}", Decimal(value)) for n, value in values],
    )
    row = rounds.one_entry(house.session, entry_id)
    scored = rounds.score_entry(
        house.uow, actor=house.staff["quality"], entry_id=entry_id, version=row.version, scoring=scoring
    )
    if scored.nonconformity_id is not None:
        _follow(house, scored.nonconformity_id, entry.get("nonconformity", ()))


# -- nonconformities -----------------------------------------------------------------


def _open(house: House, row: Row) -> None:
    covers = []
    for name, number in row["covers"]:
        kind = CoverKind(name)
        found = find_cover(house.session, kind, number)
        assert found is not None, number
        covers.append(Cover(kind, found))
    finding = Finding(Source(row["source"]), row["title"], row["what"], row["reference"], covers)
    made = nc.open_nonconformity(house.uow, actor=house.staff[row["by"]], finding=finding)
    _follow(house, made.id, row["steps"])


def _follow(house: House, number: int, steps: Sequence[Row]) -> None:
    opened = local_date(house.diary.now)
    for place, step in enumerate(steps):
        instant = at(opened + timedelta(days=step["after"]), time(14, 5 + place))
        house.diary.plan(instant, partial(_take, house, number, step))


def _take(house: House, number: int, step: Row) -> None:
    actor: Actor = house.staff[step["by"]]
    row: Nonconformity = nc.nonconformity(house.session, number)
    at_row: dict[str, Any] = {"actor": actor, "nonconformity_id": number, "version": row.version}
    if step["step"] == "evaluate":
        nc.evaluate_nonconformity(
            house.uow,
            significance=Significance(step["significance"]),
            evaluation=step["evaluation"],
            immediate_action=step["immediate_action"],
            **at_row,
        )
    elif step["step"] == "decide":
        nc.decide_nonconformity(
            house.uow,
            decision=Decision(step["decision"]),
            reason=step["reason"],
            customer_told=CustomerTold(step["customer_told"]),
            customer_note=step.get("customer_note", ""),
            **at_row,
        )
    elif step["step"] == "plan":
        nc.plan_correction(
            house.uow,
            cause=step["cause"],
            corrective_action=step["corrective_action"],
            responsible_id=house.staff.number(step["responsible"]),
            due_on=local_date(house.diary.now) + timedelta(days=step["due_in"]),
            **at_row,
        )
    elif step["step"] == "done":
        nc.report_correction(house.uow, done=step["done"], **at_row)
    else:
        nc.close_nonconformity(house.uow, effect=step["effect"], **at_row)
