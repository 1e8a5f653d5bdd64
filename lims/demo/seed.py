"""Make the demonstration laboratory: people, catalogue, devices, and three months of work up to now."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, time, timedelta

from sqlalchemy import Engine, event, select
from sqlalchemy.orm import Session

from lims.certificates.laboratory import save_laboratory
from lims.core.calendar import work_calendar
from lims.core.clock import local_date
from lims.core.errors import Conflict
from lims.core.files import FileStore
from lims.core.permissions import SYSTEM
from lims.core.settings import Settings
from lims.core.uow import UnitOfWork
from lims.demo.accreditation import seed_accreditation
from lims.demo.bench import plan_device_work, seed_devices
from lims.demo.catalogue import seed_catalogue, seed_sections
from lims.demo.controls import seed_controls
from lims.demo.desks import Rounds
from lims.demo.diary import Diary, at
from lims.demo.equipment import seed_equipment
from lims.demo.figures import Inputs
from lims.demo.life import House, Life, Stage
from lims.demo.people import AUTHORISED, SIGNING, TRAINEE_MAY, Staff, seed_people
from lims.demo.press import Press
from lims.demo.quality import plan_quality
from lims.demo.read import facts
from lims.demo.wishes import Wishes, read_codes
from lims.intake.customers import create_customer, link_account
from lims.intake.drafts import NewContact, NewCustomer
from lims.intake.storage import create_place
from lims.people.models import Account

DAYS = 92
ORDERS = 150
MANY = 100  # orders; with fewer, one waits at each desk
SEED = 20261122  # of the dice: every demonstration is the same but for its dates
# What waits on the last morning, so that every desk has something to do: (stage, orders).
WAITING = (
    (Stage.REGISTERED, 3),
    (Stage.ACCEPTED, 4),
    (Stage.RECEIVED, 5),
    (Stage.ASSIGNED, 8),
    (Stage.OPENED, 4),
    (Stage.SUBMITTED, 6),
    (Stage.VERIFIED, 4),
    (Stage.DRAFTED, 3),
    (Stage.REVIEWED, 4),
)
# The two pastries of the demo day: aluminium 100.49899… fails by full-value comparison only; 99.76094… passes near.
PASTRIES: dict[int, dict[str, Inputs]] = {
    1: {
        "moisture": {"m0": ("28.4517",), "m1": ("33.4629",), "m2": ("32.4607",)},
        "aluminium": {"as_is": ("80.4",)},
        "plate_count": {"counts": ("9.0e3", "1.2e4", "8.5e3", "3.1e4", "7.0e3")},
    },
    2: {
        "moisture": {"m0": ("27.9903",), "m1": ("33.0016",), "m2": ("31.9989",)},
        "aluminium": {"as_is": ("79.8",)},
        "plate_count": {"counts": ("850", "1.2e3", "640", "2.0e3", "910")},
    },
}
CONDUCTOR: dict[int, dict[str, Inputs]] = {
    1: {"conductor_resistance": {"R": ("7.512",), "t": ("24.6",)}},
    2: {"conductor_resistance": {"R": ("7.5445",), "t": ("24.6",)}},
}


@dataclass(frozen=True, slots=True)
class Seeded:
    staff: Staff
    orders: int


def seed_demo(
    new_session: Callable[[], Session],
    settings: Settings,
    *,
    now: datetime,
    orders: int = ORDERS,
    days: int = DAYS,
) -> Seeded:
    """``orders``: of the past, besides what waits today. Raises Conflict unless the database is empty."""
    with new_session() as session, Press(new_session, settings) as press:
        if session.scalar(select(Account.id).limit(1)) is not None:
            raise Conflict("this installation has accounts already", code="already_started")
        session.rollback()
        _hurry(session)
        start = at(local_date(now) - timedelta(days=days), time(8, 0))
        diary = Diary(start, now, work_calendar(session))
        staff = _furnish(UnitOfWork(session, diary), diary)
        diary.calendar = work_calendar(session)
        places = _storage(UnitOfWork(session, diary), staff)
        desks = Rounds()
        dice = random.Random(SEED)  # noqa: S311 - dice, no secret
        house = House(session, settings, FileStore(settings.files), diary, staff, dice, desks, press, places)
        desks.house = house
        plan_quality(house)
        made = _past(house, _customers(house), orders, days)
        diary.run()
    return Seeded(staff, made)


def _hurry(session: Session) -> None:
    """A seeding that is cut off is made again from nothing: it need not wait for the disk."""
    engine = session.get_bind()
    assert isinstance(engine, Engine)
    if engine.dialect.name == "sqlite":
        engine.dispose()
        event.listen(engine, "connect", lambda raw, _record: raw.execute("PRAGMA synchronous=OFF"))


def _furnish(uow: UnitOfWork, diary: Diary) -> Staff:
    """Sections, catalogue, people, equipment, scope, authorisations, the laboratory's own details."""
    seed_catalogue(uow, actor=SYSTEM)
    sections = seed_sections(uow, actor=SYSTEM)
    staff = seed_people(uow)
    seed_controls(uow, actor=staff["quality"])
    save_laboratory(uow, actor=SYSTEM, version=None, values=facts("laboratory")[0])
    equipment = seed_equipment(
        uow,
        actor=SYSTEM,
        today=local_date(diary.end),
        sections=sections,
        later=lambda day, action: diary.plan(at(day, time(8, 5)), action),
    )
    seed_devices(uow, actor=SYSTEM, equipment=equipment)
    codes = {row["code"] for row in facts("items")}
    seed_accreditation(
        uow,
        actor=SYSTEM,
        authorised={staff.number(name): fields for name, fields in AUTHORISED.items()},
        signing={staff.number(name): fields for name, fields in SIGNING.items()},
        without={staff.number("trainee"): codes - TRAINEE_MAY},
    )
    return staff


def _storage(uow: UnitOfWork, staff: Staff) -> dict[str, int]:
    rows = (
        ("SL-1", "收样架", "Receiving shelf", "常温"),
        ("LC-1", "冷藏柜", "Refrigerator", "2~8 ℃"),
        ("LY-1", "留样室 1 架", "Retention store, shelf 1", "常温, 干燥"),
    )
    return {
        code: create_place(
            uow, actor=staff["reception"], code=code, name_zh=zh, name_en=en, conditions=conditions
        ).id
        for code, zh, en, conditions in rows
    }


def _customers(house: House) -> dict[str, int]:
    found: dict[str, int] = {}
    for row in facts("firms"):
        new = NewCustomer(row["name"], row["name_en"], row["address"])
        contact = NewContact(row["contact"], row["phone"])
        customer = create_customer(house.uow, actor=house.staff["reception"], new=new, contact=contact)
        found[row["name"]] = customer.id
        if row["account"]:
            number = house.staff.number(row["account"])
            link_account(
                house.uow, actor=house.staff["reception"], account_id=number, customer_id=customer.id
            )
    return found


def _past(house: House, customers: dict[str, int], orders: int, days: int) -> int:
    """Plan every order's first step; the diary does the rest."""
    wishes = Wishes(read_codes(house.session), customers, house.dice)
    today = local_date(house.diary.end)
    working = [
        day
        for day in (today - timedelta(days=n) for n in range(days, 3, -1))
        if house.diary.calendar.is_working(day)
    ]
    planned = 0
    for n in range(orders):
        day = working[n * len(working) // orders]
        instant = at(day, time(8, 40)) + timedelta(minutes=house.dice.randint(0, 480))
        house.diary.plan(instant, Life(house, wishes.any_order(day)).register)
        planned += 1
    for stage, count in WAITING:
        ago = 1 if stage <= Stage.RECEIVED else 9 if stage == Stage.ASSIGNED else 12
        day = house.diary.calendar.add(today - timedelta(days=ago + 1), 1)
        for n in range(count if orders >= MANY else 1):
            instant = min(at(day, time(9, 5)) + timedelta(minutes=7 * n), house.diary.end)
            house.diary.plan(instant, Life(house, wishes.any_order(day), stop=stage).register)
            planned += 1
    return planned + _demo_day(house, wishes) + plan_device_work(house, wishes)


def _demo_day(house: House, wishes: Wishes) -> int:
    """The demo day's figures, measured last week: pastries near and above the limit, two cables."""
    day = house.diary.calendar.add(local_date(house.diary.end) - timedelta(days=16), 0)
    bakery = next(f for f in wishes.firms if f["account"] == "customer1")
    cables = next(f for f in wishes.firms if f["account"] == "customer2")
    pastry = dict(bakery, products=bakery["products"][:1])
    for n, (firm, figures) in enumerate(((pastry, PASTRIES), (cables, CONDUCTOR))):
        draft = wishes.commissioned(day, firm, samples=2)

        def read(item: str, position: int, figures: dict[int, dict[str, Inputs]] = figures) -> Inputs:
            return figures[position][item]

        house.diary.plan(at(day, time(9, 12 + n)), Life(house, draft, read=read).register)
    return 2
