"""Shapes of this room's forms and JSON."""

from collections.abc import Callable

from marshmallow import RAISE, Schema, ValidationError, fields, validate

MAX_ID = 2**53


def no_nul(text: str) -> None:
    if "\x00" in text:
        raise ValidationError("String does not match expected pattern.")


def text(
    longest: int, *, required: bool = True, shortest: int = 1, keep_space: bool = False
) -> fields.String:
    rules: list[Callable[[str], object]] = [
        validate.Length(min=shortest if required else 0, max=longest),
        no_nul,
    ]
    metadata = {"keep_space": True} if keep_space else {}
    return fields.String(required=required, validate=rules, metadata=metadata)


class Load(Schema):
    """What comes in: unknown fields are refused."""

    class Meta:
        unknown = RAISE


class PasswordLoad(Load):
    username = text(60)
    password = text(1000, keep_space=True)


class FirstSignInLoad(Load):
    username = text(60)
    code = text(40)
    new_password = text(1000, keep_space=True)
    again = text(1000, keep_space=True)


class CodeLoad(Load):
    code = text(40)
