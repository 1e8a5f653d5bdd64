"""Analysts and the reviewer of the demonstration: every other day what lies on the desk, a worksheet a method."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, time
from decimal import Decimal

from sqlalchemy import select

from lims.bench.inputs import Cell, enter_cells
from lims.bench.models import Result, Worksheet
from lims.bench.review import return_result, submit_results, verify_results
from lims.bench.worksheets import MOST_ROWS, open_worksheet, set_conditions, use_equipment
from lims.catalogue.models import MethodEquipment, TestItem
from lims.core.clock import local_date
from lims.core.permissions import Actor
from lims.demo.controls import ControlReadings, decide_all
from lims.demo.diary import at
from lims.demo.life import House, Life, Stage
from lims.equipment.calibration import usable_of_class
from lims.intake.models import RequestedTest, Sample

ROUND = time(9, 20)
Work = tuple[Life, RequestedTest, Sample, TestItem]


class Rounds:
    """Work is put down for a round; the first to put some plans the round."""

    def __init__(self) -> None:
        self.house: House | None = None
        self.controls = ControlReadings()
        self._waiting: dict[tuple[str, datetime], list[Life]] = defaultdict(list)

    @property
    def _house(self) -> House:
        assert self.house is not None
        return self.house

    def give(self, username: str, life: Life, *, working_days: int) -> None:
        diary = self._house.diary
        day = local_date(diary.later(working_days=working_days))
        if day.toordinal() % 2 or not diary.calendar.is_working(day):
            day = diary.calendar.add(day, 1)
        round_ = max(at(day, ROUND), diary.now)
        if not self._waiting[username, round_]:
            diary.plan(round_, lambda: self._work(username, round_))
        self._waiting[username, round_].append(life)

    def _work(self, username: str, round_: datetime) -> None:
        actor = self._house.staff[username]
        lives = self._waiting.pop((username, round_))
        mine: list[Work] = [
            (life, test, sample, item)
            for life in lives
            for test, sample, item in life.tests()
            if test.assignee_id == actor.id
        ]
        sheets: dict[int, list[Work]] = defaultdict(list)
        for work in mine:
            sheets[work[1].method_version_id].append(work)
        done = [test.id for life, test, _s, _i in mine if life.stop >= Stage.SUBMITTED]
        controls: list[int] = []
        for version_id, rows in sheets.items():
            for n in range(0, len(rows), MOST_ROWS):
                controls += self._fill(actor, version_id, rows[n : n + MOST_ROWS])
        if done:
            submit_results(self._house.uow, actor=actor, test_ids=[*done, *controls])
        ready = [life for life in lives if life.stop >= Stage.VERIFIED]
        if ready:
            wanted = {id(life) for life in ready}
            test_ids = [test.id for life, test, _s, _i in mine if id(life) in wanted]
            test_ids += controls
            later = self._house.diary.later(
                working_days=self._house.dice.randint(0, 1), minutes=self._house.dice.randint(60, 240)
            )
            self._house.diary.plan(later, lambda: self._verify(actor, test_ids, ready))

    def _fill(self, actor: Actor, version_id: int, rows: Sequence[Work]) -> list[int]:
        """Returns the tests of the controls that were measured with samples that are handed over."""
        house = self._house
        sheet = open_worksheet(house.uow, actor=actor, test_ids=[test.id for _l, test, _s, _i in rows])
        set_conditions(
            house.uow,
            actor=actor,
            worksheet_id=sheet.id,
            temperature=Decimal(house.dice.randint(208, 246)) / 10,
            humidity=Decimal(house.dice.randint(45, 62)),
        )
        for equipment_id in self._equipment(version_id):
            use_equipment(house.uow, actor=actor, worksheet_id=sheet.id, equipment_id=equipment_id)
        # A sheet that stays open shows work under way: its last sample is not measured yet.
        open_ones = [row for row in rows if row[0].stop < Stage.SUBMITTED]
        left = open_ones[-1:] if len(rows) > 1 else []
        cells = [
            Cell(test.id, name, n, text)
            for life, test, sample, item in rows
            if (life, test, sample, item) not in left
            for name, texts in life.read(item.code, sample.position).items()
            for n, text in enumerate(texts, 1)
        ]
        if cells:
            enter_cells(house.uow, actor=actor, worksheet_id=sheet.id, cells=cells)
        if all(life.stop < Stage.SUBMITTED for life, *_rest in rows):
            return []
        # At the end one control has failed, and somebody must decide.
        waits = any(life.stop == Stage.SUBMITTED for life, *_rest in rows)
        controls = self.controls.cells(
            house.session, house.session.get_one(Worksheet, sheet.id), failing=waits
        )
        if controls:
            enter_cells(house.uow, actor=actor, worksheet_id=sheet.id, cells=controls)
        return list({cell.test_id for cell in controls})

    def _equipment(self, version_id: int) -> list[int]:
        session = self._house.session
        wanted = select(MethodEquipment.equipment_class).where(
            MethodEquipment.method_version_id == version_id
        )
        today = local_date(self._house.diary.now)
        found = [usable_of_class(session, code, today) for code in session.scalars(wanted).all()]
        return [devices[0].id for devices in found if devices]

    def _verify(self, analyst: Actor, test_ids: Sequence[int], lives: Sequence[Life]) -> None:
        house, reviewer = self._house, self._house.staff["reviewer"]
        held = decide_all(house.uow, house.staff["head"], test_ids, but=self.controls.left_open)
        test_ids = [n for n in test_ids if n not in held]
        if house.dice.random() < 0.1:
            back = test_ids[0]
            return_result(house.uow, actor=reviewer, test_id=back, reason="请复核原始记录中的环境条件")
            submit_results(house.uow, actor=analyst, test_ids=[back])
        verify_results(house.uow, actor=reviewer, seen=self._seen(test_ids))
        for life in lives:
            life.verified()

    def _seen(self, test_ids: Sequence[int]) -> Mapping[int, int]:
        current = select(Result.requested_test_id, Result.current_version).where(
            Result.requested_test_id.in_(test_ids), Result.current.is_(True)
        )
        return dict(self._house.session.execute(current).all())
