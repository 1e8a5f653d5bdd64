"""A laboratory that reports, with a quality manager and a director."""

from dataclasses import dataclass

import pytest

from lims.core.permissions import Actor, Role
from lims.core.uow import UnitOfWork
from lims.people.models import Account
from lims.quality import nonconformities
from lims.quality.models import Nonconformity
from lims.quality.nonconformities import Finding
from lims.quality.states import CustomerTold, Decision, Significance, Source
from tests.support.accounts import actor_of, make_account, sign_in
from tests.support.laboratory import Laboratory, make_laboratory


@dataclass
class House:
    uow: UnitOfWork
    lab: Laboratory
    account: Account
    quality: Actor
    director: Actor

    def opened(self, *covers, actor=None, title="空白偏高") -> Nonconformity:
        finding = Finding(Source.OTHER, title, "三个空白都高于检出限。", "JC-1", covers)
        return nonconformities.open_nonconformity(self.uow, actor=actor or self.lab.analyst, finding=finding)

    def take(self, step, row, actor=None, **values) -> Nonconformity:
        return step(
            self.uow,
            actor=actor or self.quality,
            nonconformity_id=row.id,
            version=row.version,
            **values,
        )

    def evaluated(self, significance=Significance.MAJOR, **opened) -> Nonconformity:
        return self.take(
            nonconformities.evaluate_nonconformity,
            self.opened(**opened),
            significance=significance,
            evaluation="同批 12 个结果可疑。",
            immediate_action="停止出具该项目结果。",
        )

    def decided(
        self,
        decision=Decision.REPEAT,
        told=CustomerTold.NOT_CONCERNED,
        significance=Significance.MAJOR,
        **opened,
    ) -> Nonconformity:
        return self.take(
            nonconformities.decide_nonconformity,
            self.evaluated(significance, **opened),
            decision=decision,
            reason="换试剂后重测。",
            customer_told=told,
        )

    def planned(self, responsible=None) -> Nonconformity:
        return self.take(
            nonconformities.plan_correction,
            self.decided(),
            cause="试剂受污染",
            corrective_action="每批试剂先做空白",
            responsible_id=(responsible or self.lab.analyst).id,
            due_on=self.uow.now.date().replace(year=self.uow.now.year + 1),
        )

    def corrected(self, responsible=None) -> Nonconformity:
        row = self.planned(responsible)
        return self.take(
            nonconformities.report_correction, row, responsible or self.lab.analyst, done="已写入作业指导书"
        )


@pytest.fixture
def house(uow):
    account = make_account(uow, Role.QUALITY_MANAGER, name_zh="许慧", name_en="Xu Hui")
    director = actor_of(make_account(uow, Role.DIRECTOR, name_zh="高远", name_en="Gao Yuan"))
    return House(uow, make_laboratory(uow), account, actor_of(account), director)


@pytest.fixture
def browser(app, house):
    """A browser of the quality manager."""
    return sign_in(app.test_client(), house.account)
