"""Shapes of this room's forms and JSON: what comes in and what goes out, apart."""

from datetime import date, datetime, time, timedelta
from typing import Any

from marshmallow import Schema, fields, post_load, validate

from lims.core.calendar import DayKind
from lims.core.clock import LAB_ZONE
from lims.core.numbering import DEFAULT_PATTERNS
from lims.core.permissions import Permission, Role
from lims.people.house_rules import FIRST_YEAR, LAST_YEAR
from lims.people.states import AccountState
from lims.people.tokens import LONGEST_DAYS
from lims.people.trail import Filter
from lims.ui.shapes import (
    Load,
    PageDump,
    PageQuery,
    choice,
    legal_day,
    number,
    row_version,
    secret,
    text,
)

# -- signing in ----------------------------------------------------------------------


class PasswordLoad(Load):
    username = text(60)
    password = secret()


class FirstSignInLoad(Load):
    username = text(60)
    code = text(40)
    new_password = secret()
    again = secret()


class CodeLoad(Load):
    code = text(40)


# -- one's own account ---------------------------------------------------------------


class PasswordChangeLoad(Load):
    password = secret()
    new_password = secret()


class PasswordChangeFormLoad(PasswordChangeLoad):
    again = secret()


class ProofLoad(Load):
    password = secret()
    code = text(40)


class OnlyPasswordLoad(Load):
    password = secret()


class LanguageLoad(Load):
    language = fields.String(required=True, validate=validate.OneOf(["zh", "en"]))


class TokenLoad(Load):
    name = text(100)
    scopes = fields.List(choice(Permission), required=True, validate=validate.Length(1, 100))
    days = fields.Integer(required=True, validate=validate.Range(1, LONGEST_DAYS))


class TokenDump(Schema):
    id = fields.Integer()
    name = fields.String()
    scopes = fields.List(fields.String())
    created_at = fields.AwareDateTime()
    expires_at = fields.AwareDateTime()


class ListedTokenDump(TokenDump):
    last_used_at = fields.AwareDateTime(allow_none=True)


class NewTokenDump(TokenDump):
    token = fields.String(metadata={"description": "Shown now and never again."})


class SessionDump(Schema):
    id = fields.Integer()
    created_at = fields.AwareDateTime()
    last_seen_at = fields.AwareDateTime()
    expires_at = fields.AwareDateTime()
    ip = fields.String(allow_none=True)
    agent = fields.String(allow_none=True)


class MeDump(Schema):
    id = fields.Integer()
    name = fields.String()
    roles = fields.List(choice(Role))
    permissions = fields.List(choice(Permission))
    section = fields.String(allow_none=True)
    customer_id = fields.Integer(allow_none=True)


class CodesDump(Schema):
    recovery_codes = fields.List(fields.String())


# -- accounts ------------------------------------------------------------------------


class PersonLoad(Load):
    name_zh = text(100)
    name_en = text(100, required=False, load_default="")
    email = text(200, required=False, load_default=None, allow_none=True)
    phone = text(40, required=False, load_default=None, allow_none=True)
    section_id = number(load_default=None, allow_none=True)


class AccountLoad(PersonLoad):
    username = text(60)
    roles = fields.List(choice(Role), required=True, validate=validate.Length(1, len(Role)))


class AccountEditLoad(PersonLoad):
    version = row_version()


class RolesLoad(Load):
    version = row_version()
    roles = fields.List(choice(Role), load_default=list, validate=validate.Length(max=len(Role)))
    reason = text(500)


class AccountQuery(PageQuery):
    words = text(60, required=False, load_default="")
    role = choice(Role, load_default=None)
    section_id = number(load_default=None)
    retired = fields.Boolean(load_default=False)


class AccountLineDump(Schema):
    id = fields.Integer()
    username = fields.String()
    name_zh = fields.String()
    name_en = fields.String()
    roles = fields.List(choice(Role))
    second_factor = fields.Boolean()
    retired = fields.Boolean()


class AccountPageDump(PageDump):
    rows = fields.List(fields.Nested(AccountLineDump), data_key="items")


class AccountDump(Schema):
    id = fields.Integer()
    version = fields.Integer()
    username = fields.String()
    name_zh = fields.String()
    name_en = fields.String()
    email = fields.String(allow_none=True)
    phone = fields.String(allow_none=True)
    section_id = fields.Integer(allow_none=True)
    roles = fields.Pluck("AccountRoleDump", "role", many=True)
    second_factor = fields.Function(
        lambda row: row.totp_confirmed_at is not None, metadata={"type": "boolean"}
    )
    created_at = fields.AwareDateTime()
    retired_at = fields.AwareDateTime(allow_none=True)


class AccountRoleDump(Schema):
    role = choice(Role)


class AccessDump(Schema):
    state = choice(AccountState)
    last_seen_at = fields.AwareDateTime(allow_none=True)
    open_sessions = fields.Integer()
    tokens = fields.Integer()
    recovery_codes = fields.Integer()
    code_expires_at = fields.AwareDateTime(
        allow_none=True, metadata={"description": "Of an unused one-time code."}
    )


class RoleDump(Schema):
    role = choice(Role)
    permissions = fields.List(choice(Permission))
    people = fields.Integer(metadata={"description": "Accounts in use that hold the role."})


class InvitedDump(Schema):
    account = fields.Nested(AccountDump)
    code = fields.String(data_key="one_time_code", metadata={"description": "Shown now and never again."})


class SectionLoad(Load):
    code = text(40)
    name_zh = text(100)
    name_en = text(100)


class SectionDump(SectionLoad):
    id = fields.Integer()


# -- audit trail ---------------------------------------------------------------------


class FilterQuery(Load):
    """Days are the laboratory's; both count. Makes a Filter."""

    person = text(100, required=False, load_default="")
    verb = text(80, required=False, load_default="")
    object_type = text(80, required=False, load_default="")
    object_id = text(80, required=False, load_default="")
    first_day = legal_day(load_default=None)
    last_day = legal_day(load_default=None)

    @post_load
    def make(self, values: dict[str, Any], **_more: Any) -> dict[str, Any]:
        first, last = values.pop("first_day"), values.pop("last_day")
        words = {name: values.pop(name).strip() for name in ("person", "verb", "object_type", "object_id")}
        start = _midnight(first) if first else None
        end = _midnight(last + timedelta(days=1)) if last else None
        return {**values, "wanted": Filter(**words, start=start, end=end)}


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), LAB_ZONE)


class EventQuery(FilterQuery, PageQuery):
    pass


class EventDump(Schema):
    seq = fields.Integer()
    at = fields.AwareDateTime()
    actor_id = fields.Integer(allow_none=True)
    actor_name = fields.String()
    ip = fields.String(allow_none=True)
    verb = fields.String()
    object_type = fields.String()
    object_id = fields.String()
    reason = fields.String(allow_none=True)


class EventPageDump(PageDump):
    rows = fields.List(fields.Nested(EventDump), data_key="items")


class EventDetailDump(EventDump):
    before = fields.String(metadata={"description": "Canonical JSON of what changed, as it was."})
    after = fields.String(metadata={"description": "Canonical JSON of what changed, as it became."})
    prev_hash = fields.String()
    hash = fields.String()


class BreakDump(Schema):
    seq = fields.Integer()
    code = fields.String(metadata={"description": "missing, link, content, cut_off or no_head."})
    why = fields.String()


class ChainDump(Schema):
    checked = fields.Integer()
    broken = fields.Nested(BreakDump, allow_none=True)


# -- numbering and calendar ----------------------------------------------------------


class PatternLoad(Load):
    kind = fields.String(required=True, validate=validate.OneOf(list(DEFAULT_PATTERNS)))
    pattern = text(80)


class PatternDump(Schema):
    kind = fields.String()
    pattern = fields.String()
    given = fields.Integer()
    following = fields.String()


class PatternSetDump(Schema):
    kind = fields.String()
    pattern = fields.String()


class DayLoad(Load):
    """``kind`` null: an ordinary day again. ``last_day``: every day up to it."""

    day = legal_day(required=True)
    last_day = legal_day(load_default=None, allow_none=True)
    kind = choice(DayKind, required=True, allow_none=True)
    name = text(80, required=False, load_default="")


class DayQuery(Load):
    day = legal_day(load_default=None)


class YearQuery(Load):
    year = fields.Integer(load_default=None, validate=validate.Range(FIRST_YEAR, LAST_YEAR))


class DayDump(Schema):
    day = fields.Date()
    kind = choice(DayKind, allow_none=True)
    name = fields.String()
    working = fields.Boolean()


class DaySetDump(Schema):
    day = fields.Date()
    last_day = fields.Date(allow_none=True)
    kind = choice(DayKind, allow_none=True)
    name = fields.String()


class YearDump(Schema):
    year = fields.Integer()
    working_days = fields.Integer()
    special = fields.List(fields.Nested(DayDump))
