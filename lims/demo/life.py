"""One order's life in the demonstration, through the use cases that people use, each at its hour."""

import random
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from enum import IntEnum
from typing import Protocol

from sqlalchemy import select
from sqlalchemy.orm import Session

from lims.bench.assignments import assign_tests
from lims.catalogue.models import MethodVersion, TestItem
from lims.certificates.road import approve_certificate, draft_certificate, review_certificate
from lims.core.files import FileStore
from lims.core.settings import Settings
from lims.core.uow import UnitOfWork
from lims.demo.diary import Diary
from lims.demo.figures import Inputs, readings
from lims.demo.people import AUTHORISED, Staff
from lims.demo.press import Press
from lims.intake.custody import Target, move_samples
from lims.intake.drafts import OrderDraft
from lims.intake.models import Order, RequestedTest, Sample
from lims.intake.orders import register_order
from lims.intake.receiving import Arrival, ReceiveCheck, SealState, receive_many
from lims.intake.retention import retain_sample
from lims.intake.review import accept_order, decide_finding, open_findings, review_order
from lims.intake.states import SampleState, TestState

Readings = Callable[[str, int], Inputs]  # (item code, position of the sample) -> inputs


class Stage(IntEnum):
    """How far an order goes by itself."""

    REGISTERED = 0
    ACCEPTED = 1
    RECEIVED = 2
    ASSIGNED = 3
    OPENED = 4
    SUBMITTED = 5
    VERIFIED = 6
    DRAFTED = 7
    REVIEWED = 8
    ISSUED = 9


class Desks(Protocol):
    """Where analysts work (``lims.demo.desks``)."""

    def give(self, username: str, life: "Life", *, working_days: int) -> None: ...


@dataclass(slots=True)
class House:
    """Everything that orders live in."""

    session: Session
    settings: Settings
    store: FileStore
    diary: Diary
    staff: Staff
    dice: random.Random
    bench: "Desks"
    press: Press
    places: Mapping[str, int]

    @property
    def uow(self) -> UnitOfWork:
        return UnitOfWork(self.session, self.diary)


class Life:
    """Plans its next step when one is done, until ``stop``."""

    def __init__(
        self, house: House, draft: OrderDraft, *, stop: Stage = Stage.ISSUED, read: Readings | None = None
    ) -> None:
        self.house, self.draft, self.stop = house, draft, stop
        self.read = read or self._read
        self.failing = house.dice.random() < 0.05
        self.order_id = 0
        self.quick = read is not None

    def _read(self, item: str, position: int) -> Inputs:
        return readings(item, self.house.dice, failing=self.failing and position == 1)

    def _wait(self, low: int, high: int) -> int:
        return low if self.quick else self.house.dice.randint(low, high)

    def _next(self, stage: Stage, step: Callable[[], None], days: int = 0, minutes: int = 0) -> None:
        if stage <= self.stop:
            self.house.diary.plan(self.house.diary.later(working_days=days, minutes=minutes), step)

    # -- reception ---------------------------------------------------------------------

    def register(self) -> None:
        house = self.house
        self.order_id = register_order(house.uow, actor=house.staff["reception"], draft=self.draft).id
        review_order(house.uow, actor=house.staff["reception"], order_id=self.order_id)
        self._next(Stage.ACCEPTED, self.accept, minutes=self._wait(4, 15))

    def accept(self) -> None:
        house, actor = self.house, self.house.staff["reception"]
        for finding in open_findings(house.session, self.order_id):
            decide_finding(
                house.uow,
                actor=actor,
                order_id=self.order_id,
                finding_id=finding.id,
                decision="accept",
                reason="已告知委托方并取得书面同意",
            )
        order = house.session.get_one(Order, self.order_id)
        accept_order(house.uow, actor=actor, order_id=order.id, version=order.version)
        self._next(Stage.RECEIVED, self.receive, minutes=self._wait(10, 90))

    def receive(self) -> None:
        house = self.house
        sealed = self.draft.sampling_form is not None
        check = ReceiveCheck(
            seal=SealState.INTACT if sealed else SealState.NONE,
            amount=self.draft.samples[0].quantity or "1 份",
            condition="包装完好, 标签清晰",
            temperature=Decimal(house.dice.randint(180, 252)) / 10,
            place_id=house.places["SL-1"],
        )
        receive_many(
            house.uow,
            actor=house.staff["reception"],
            order_id=self.order_id,
            arrivals=[Arrival(s.id, s.version, check) for s in self.samples(SampleState.EXPECTED)],
            store=house.store,
        )
        self._next(Stage.ASSIGNED, self.assign, minutes=self._wait(40, 300))

    # -- bench -------------------------------------------------------------------------

    def assign(self) -> None:
        by_person: dict[str, list[int]] = defaultdict(list)
        for test, _sample, item in self.tests():
            by_person[self._analyst(item.field)].append(test.id)
        first = self.house.staff[next(iter(by_person))]
        own = [s.id for s in self.samples(SampleState.TO_TEST) if s.backup_of_id is None]
        move_samples(
            self.house.uow,
            actor=self.house.staff["reception"],
            sample_ids=own,
            target=Target(holder_id=first.id),
        )
        for username, test_ids in by_person.items():
            assign_tests(
                self.house.uow,
                actor=self.house.staff["head"],
                test_ids=test_ids,
                assignee_id=self.house.staff.number(username),
            )
            if self.stop >= Stage.OPENED:
                self.house.bench.give(username, self, working_days=self._wait(1, 5))

    def _analyst(self, field: str) -> str:
        able = [u for u, fields in AUTHORISED.items() if field in fields and u != "trainee"]
        return able[0] if self.quick else able[self.order_id % len(able)]

    def verified(self) -> None:
        """Plans the report once the last of its tests is verified."""
        if {test.state for test, _s, _i in self.tests()} == {TestState.VERIFIED}:
            self._next(Stage.DRAFTED, self.report, minutes=self._wait(30, 200))

    # -- report ------------------------------------------------------------------------

    def report(self) -> None:
        house = self.house
        made = draft_certificate(house.uow, actor=house.staff["reception"], order_id=self.order_id)
        self._next(
            Stage.REVIEWED, lambda: self.review(made.id, made.version), days=self._wait(0, 1), minutes=45
        )

    def review(self, certificate_id: int, version: int) -> None:
        house = self.house
        seen = review_certificate(
            house.uow, actor=house.staff["reviewer"], certificate_id=certificate_id, version=version
        )
        self._next(
            Stage.ISSUED,
            lambda: self.approve(seen.id, seen.version),
            days=self._wait(0, 1),
            minutes=self._wait(20, 240),
        )

    def approve(self, certificate_id: int, version: int) -> None:
        house = self.house
        fields = {item.field for _t, _s, item in self.tests()}
        signatory = "signatory2" if fields & {"electrical", "materials"} else "signatory1"
        approve_certificate(
            house.uow,
            actor=house.staff[signatory],
            certificate_id=certificate_id,
            version=version,
            proof="seed",  # the record says that nobody typed a password here
            reason="agreed",
            base_url=house.settings.base_url,
        )
        house.press.ask(house.diary.now + timedelta(minutes=2))
        self._next(Stage.ISSUED, self.retain, days=1, minutes=self._wait(10, 200))

    def retain(self) -> None:
        """What is left is kept until its date, backups with it."""
        house = self.house
        for state in (SampleState.TESTED, SampleState.TO_TEST):
            for sample in self.samples(state):
                retain_sample(
                    house.uow,
                    actor=house.staff["reception"],
                    sample_id=sample.id,
                    version=sample.version,
                    place_id=house.places["LY-1"],
                )

    # -- rows --------------------------------------------------------------------------

    def samples(self, state: SampleState) -> list[Sample]:
        wanted = select(Sample).where(Sample.order_id == self.order_id, Sample.state == state)
        statement = wanted.order_by(Sample.id).execution_options(populate_existing=True)
        return list(self.house.session.scalars(statement))

    def tests(self) -> list[tuple[RequestedTest, Sample, TestItem]]:
        statement = (
            select(RequestedTest, Sample, TestItem)
            .join(Sample, Sample.id == RequestedTest.sample_id)
            .join(TestItem, TestItem.id == RequestedTest.test_item_id)
            .join(MethodVersion, MethodVersion.id == RequestedTest.method_version_id)
            .where(Sample.order_id == self.order_id, RequestedTest.state != TestState.CANCELLED)
            .order_by(Sample.position, Sample.id, RequestedTest.position)
            .execution_options(populate_existing=True)
        )
        return [(t, s, i) for t, s, i in self.house.session.execute(statement).unique()]
