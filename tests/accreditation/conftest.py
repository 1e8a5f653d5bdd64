"""A small laboratory with a quality manager, and its scope."""

from dataclasses import dataclass
from datetime import date, timedelta

import pytest
from sqlalchemy import update

from lims.accreditation.grants import grant_authorisation
from lims.accreditation.models import Authorisation, Scheme, ScopeRow
from lims.accreditation.scope import ScopeText, add_scope
from lims.catalogue.models import (
    Method,
    MethodEquipment,
    MethodInput,
    MethodVersion,
    ResultKind,
    StandardEdition,
)
from lims.core.clock import local_date
from lims.core.permissions import SYSTEM, Actor, Role
from lims.core.uow import UnitOfWork
from lims.people.models import Account
from tests.support.accounts import actor_of, make_account, sign_in
from tests.support.laboratory import Laboratory, make_laboratory

YEAR = timedelta(days=365)


@dataclass
class House:
    """``lab``: analyst and second_analyst are authorised for every method; novice for none."""

    uow: UnitOfWork
    lab: Laboratory
    quality: Actor
    account: Account

    @property
    def today(self) -> date:
        return local_date(self.uow.now)

    def day(self, offset: int) -> date:
        return self.today + timedelta(days=offset)

    def version(self, code: str = "moisture") -> MethodVersion:
        return self.uow.session.get_one(MethodVersion, self.lab.versions[code], populate_existing=True)

    def method(self, code: str = "moisture") -> int:
        return self.version(code).method_id

    def scope(
        self,
        scheme: Scheme = Scheme.CMA,
        code: str = "moisture",
        first: int = -300,
        last: int = 300,
        category: str | None = None,
    ) -> ScopeRow:
        text = ScopeText(
            scheme,
            self.method(code),
            self.day(first),
            self.day(last),
            self.lab.categories[category] if category else None,
        )
        return add_scope(self.uow, actor=self.quality, text=text)

    def authorise(self, name: str, code: str = "moisture", first: int = 0, last: int = 300) -> Authorisation:
        return grant_authorisation(
            self.uow,
            actor=self.quality,
            account_id=self.lab.accounts[name].id,
            method_id=self.method(code),
            valid_from=self.day(first),
            valid_to=self.day(last),
        )

    def draft(
        self, code: str = "moisture", equipment: tuple[str, ...] = (), number: int = 2
    ) -> MethodVersion:
        """A version that is not released."""
        with self.uow:
            made = MethodVersion(
                method_id=self.method(code),
                number=number,
                created_at=self.uow.now,
                result_kind=ResultKind.NUMBER,
                unit="g",
                formula="x",
            )
            made.inputs = [MethodInput(position=1, name="x", label_zh="x", label_en="x", unit="g")]
            made.equipment = [MethodEquipment(equipment_class=name) for name in equipment]
            self.uow.add(made)
            self.uow.audit("test.draft", SYSTEM, made)
            self.uow.commit()
        return made

    def withdraw_standard(self, code: str = "moisture", by: str | None = None) -> None:
        """From today on; ``by``: the standard that replaces it."""
        with self.uow:
            standard = self.uow.get(
                StandardEdition, self.uow.session.get_one(Method, self.method(code)).standard_id
            )
            if by:
                new = self.uow.add(
                    StandardEdition(code=by, title_zh=by, title_en=by, in_force_from=self.today)
                )
                standard.replaced_by_id = new.id
            standard.withdrawn_from = self.today
            self.uow.audit("test.withdraw", SYSTEM, standard)
            self.uow.commit()

    def nobody(self) -> None:
        """Every authorisation ended long ago."""
        with self.uow:
            ended = {"valid_from": self.day(-900), "valid_to": self.day(-800)}
            self.uow.session.execute(update(Authorisation).values(**ended))
            self.uow.audit("test.nobody", SYSTEM, ("authorisation", "all"))
            self.uow.commit()
        self.uow.session.expire_all()


@pytest.fixture
def house(uow):
    account = make_account(uow, Role.QUALITY_MANAGER, name_zh="许慧", name_en="Xu Hui")
    return House(uow, make_laboratory(uow), actor_of(account), account)


@pytest.fixture
def browser(app, house):
    """A browser of the quality manager."""
    return sign_in(app.test_client(), house.account)


@pytest.fixture
def reader(app, house, uow):
    """A browser of somebody who may read the scope only."""
    return sign_in(app.test_client(), make_account(uow, Role.RECEPTION))
