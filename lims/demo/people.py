"""The people of the demonstration: one account per role and a few more, all invented."""

import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

import pyotp

from lims.core.permissions import SYSTEM, Actor, Role, permissions_of
from lims.core.uow import UnitOfWork
from lims.people.installation import seed_account
from lims.people.models import Account

# Easy to read aloud and to copy from paper.
LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"


@dataclass(frozen=True, slots=True)
class Person:
    """``role`` is what the table of accounts says, ``section`` a code."""

    username: str
    role: str
    roles: tuple[Role, ...]
    name_zh: str
    name_en: str
    section: str | None = None


PEOPLE = (
    Person("reception", "reception", (Role.RECEPTION,), "陈晓梅", "Chen Xiaomei", "reception"),
    Person("sampler", "sampler", (Role.SAMPLER,), "罗志强", "Luo Zhiqiang", "reception"),
    Person("head", "section head", (Role.SECTION_HEAD,), "孙立军", "Sun Lijun"),
    Person("analyst1", "analyst, chemistry", (Role.ANALYST,), "李文静", "Li Wenjing", "chemistry"),
    Person("analyst2", "analyst, electrical", (Role.ANALYST,), "赵凯", "Zhao Kai", "electrical"),
    Person("analyst3", "analyst, microbiology", (Role.ANALYST,), "黄丽", "Huang Li", "microbiology"),
    Person("analyst4", "analyst, chemistry", (Role.ANALYST,), "吴昊", "Wu Hao", "chemistry"),
    Person("trainee", "analyst in training", (Role.ANALYST,), "何佳怡", "He Jiayi", "chemistry"),
    Person("reviewer", "reviewer", (Role.REVIEWER,), "郑敏", "Zheng Min"),
    Person("signatory1", "authorised signatory, food", (Role.SIGNATORY,), "王建华", "Wang Jianhua"),
    Person("signatory2", "authorised signatory, electrical", (Role.SIGNATORY,), "林国栋", "Lin Guodong"),
    Person("equipment", "equipment manager", (Role.EQUIPMENT_MANAGER,), "冯涛", "Feng Tao", "metrology"),
    Person("quality", "quality manager", (Role.QUALITY_MANAGER,), "许慧", "Xu Hui"),
    Person("admin", "administrator", (Role.ADMINISTRATOR,), "马超", "Ma Chao"),
    Person("director", "director", (Role.DIRECTOR,), "高远", "Gao Yuan"),
    Person("customer1", "customer, bakery", (Role.CUSTOMER,), "沈香兰", "Shen Xianglan"),
    Person("customer2", "customer, cable factory", (Role.CUSTOMER,), "韩铭", "Han Ming"),
)
# Fields of test items by account; the trainee's list of what is missing stands in TRAINEE_MAY.
AUTHORISED = {
    "analyst1": ("food_chemistry", "food_contact"),
    "analyst2": ("electrical", "materials"),
    "analyst3": ("food_microbiology",),
    "analyst4": ("food_chemistry", "food_contact", "materials"),
    "trainee": ("food_chemistry",),
}
TRAINEE_MAY = frozenset({"moisture", "ash", "ph", "turbidity"})
SIGNING = {
    "signatory1": ("food_chemistry", "food_microbiology", "food_contact"),
    "signatory2": ("electrical", "materials"),
}


@dataclass(frozen=True, slots=True)
class Staff:
    """Everybody as an actor, by user name; ``passwords`` are kept nowhere else."""

    actors: dict[str, Actor]
    passwords: dict[str, str]

    def __getitem__(self, username: str) -> Actor:
        return self.actors[username]

    def number(self, username: str) -> int:
        found = self.actors[username].id
        assert found is not None
        return found


def seed_people(uow: UnitOfWork) -> Staff:
    """Accounts with random passwords and, customers apart, random second factors."""
    staff = Staff({}, {})
    for person in PEOPLE:
        customer = Role.CUSTOMER in person.roles
        password = new_password()
        account = seed_account(
            uow,
            actor=SYSTEM,
            username=person.username,
            name_zh=person.name_zh,
            name_en=person.name_en,
            roles=person.roles,
            password=password,
            totp_secret=None if customer else pyotp.random_base32(),
            section=person.section,
        )
        staff.actors[person.username] = actor_of(account, person)
        staff.passwords[person.username] = password
    return staff


def new_password() -> str:
    return "-".join("".join(secrets.choice(LETTERS) for _ in range(4)) for _ in range(4))


def actor_of(account: Account, person: Person) -> Actor:
    roles = frozenset(person.roles)
    return Actor(
        id=account.id,
        name=account.name_zh,
        permissions=permissions_of(roles),
        roles=roles,
        section=person.section,
        section_id=account.section_id,
    )


def write_accounts(path: Path, staff: Staff) -> None:
    """Readable by the owner only; complete or not there."""
    rows = [
        {
            "role": person.role,
            "username": person.username,
            "password": staff.passwords[person.username],
            "second_factor": Role.CUSTOMER not in person.roles,
        }
        for person in PEOPLE
    ]
    unfinished = path.with_suffix(".part")
    unfinished.unlink(missing_ok=True)
    handle = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as stream:
        json.dump(rows, stream, ensure_ascii=False, indent=1)
        stream.flush()
        os.fsync(stream.fileno())
    unfinished.rename(path)
