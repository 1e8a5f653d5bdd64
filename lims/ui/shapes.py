"""What every room's schemas are made of: text that can be kept, numbers of rows, days, versions."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from flask_babel import lazy_gettext as _l
from marshmallow import RAISE, Schema, ValidationError, fields, validate

FIRST_YEAR, LAST_YEAR = 1990, 2200
MAX_ID = 2**53 - 1


def storable(text: str) -> None:
    """No NUL and no half of a surrogate pair: databases refuse them."""
    if "\x00" in text or any("\ud800" <= c <= "\udfff" for c in text):
        raise ValidationError(str(_l("This text holds characters that cannot be kept.")))


def not_blank(text: str) -> None:
    if not text.strip():
        raise ValidationError(str(_l("Please fill this in.")))


def text(longest: int, *, required: bool = True, **more: Any) -> fields.String:
    rules: list[Callable[[str], object]] = [validate.Length(max=longest), storable]
    if required:
        rules = [validate.Length(min=1, max=longest), storable, not_blank]
    return fields.String(required=required, validate=rules, **more)


def secret() -> fields.String:
    """A password: blanks are part of it."""
    rules: list[Callable[[str], object]] = [validate.Length(min=1, max=1000), storable]
    return fields.String(required=True, validate=rules, metadata={"keep_space": True})


def number(**more: Any) -> fields.Integer:
    return fields.Integer(strict=False, validate=validate.Range(1, MAX_ID), **more)


def choice(kind: Any, **more: Any) -> fields.Enum[Any]:
    return fields.Enum(kind, by_value=True, **more)


def legal_day(**more: Any) -> fields.Date:
    return fields.Date(validate=validate.Range(date(FIRST_YEAR, 1, 1), date(LAST_YEAR, 12, 31)), **more)


class Load(Schema):
    """What comes in: unknown fields are refused."""

    class Meta:
        unknown = RAISE


class ProblemDump(Schema):
    """RFC 9457 problem details."""

    type = fields.String()
    title = fields.String()
    status = fields.Integer()
    code = fields.String(metadata={"description": "Stable, for programs."})
    detail = fields.String(metadata={"description": "One sentence for a person."})
    fields_ = fields.Dict(keys=fields.String(), values=fields.List(fields.String()), data_key="fields")


class PageQuery(Load):
    cursor = text(2000, required=False, load_default=None)
    size = fields.Integer(load_default=50, validate=validate.Range(1, 200))


def row_version(**more: Any) -> fields.Integer:
    """The ``version`` of the row that was shown: a stale one is refused."""
    return fields.Integer(required=True, validate=validate.Range(1, 2**31 - 1), **more)


class Figure(fields.Field[Decimal]):
    """A decimal that keeps every digit typed; a full-width form, a comma or NaN is no figure.

    JSON carries it as text, so that ``100.20`` stays ``100.20``.
    """

    default_error_messages = {"invalid": "Not a valid number."}

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Decimal:
        if not isinstance(value, str) or not 0 < len(value.strip()) <= 40:
            raise self.make_error("invalid")
        try:
            number = Decimal(value.strip())
        except InvalidOperation:
            raise self.make_error("invalid") from None
        if not number.is_finite() or not value.isascii() or abs(number.adjusted()) > 30:
            raise self.make_error("invalid")
        return number

    def _serialize(self, value: Decimal | None, attr: str | None, obj: Any, **kwargs: Any) -> str | None:
        return None if value is None else str(value)


class ReasonLoad(Load):
    reason = text(500)


class VersionedReasonLoad(ReasonLoad):
    version = row_version()


class PageDump(Schema):
    """Neighbours of a page; a room adds ``rows``, a list under ``items``."""

    after = fields.String(allow_none=True)
    before = fields.String(allow_none=True)
