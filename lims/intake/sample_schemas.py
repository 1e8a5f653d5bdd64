"""Shapes of samples, their receive check, custody, storage and labels: what comes in and what goes out."""

import base64
import binascii
from typing import Any

from marshmallow import Schema, fields, post_load, validate
from werkzeug.datastructures import FileStorage

from lims.intake.custody import MOST_AT_ONCE, Target
from lims.intake.images import MAX_BYTES
from lims.intake.receiving import MOST_AT_ONCE as MOST_ARRIVALS
from lims.intake.receiving import Arrival, ReceiveCheck, SealState
from lims.intake.states import CustodyKind
from lims.ui.shapes import (
    MAX_ID,
    Figure,
    Load,
    ReasonLoad,
    choice,
    legal_day,
    number,
    row_version,
    text,
)

CHECK = ("seal", "temperature", "amount", "condition", "photo", "place_id")


class Photo(fields.Field[bytes]):
    """A picture: a file of a form, or base64 text in JSON. What it is called is of no interest."""

    default_error_messages = {"invalid": "Not a valid photo."}

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> bytes:
        if isinstance(value, FileStorage):
            return bytes(value.read(MAX_BYTES + 1))
        if not isinstance(value, str) or len(value) > MAX_BYTES * 4 // 3 + 8:
            raise self.make_error("invalid")
        try:
            return base64.b64decode(value, validate=True)
        except (binascii.Error, ValueError):
            raise self.make_error("invalid") from None


def check_of(values: dict[str, Any]) -> ReceiveCheck:
    return ReceiveCheck(**{name: values.pop(name) for name in CHECK if name in values})


def optional_number() -> fields.Integer:
    return number(load_default=None, allow_none=True)


def some_ids(most: int = MOST_AT_ONCE) -> fields.List[Any]:
    one = fields.Integer(validate=validate.Range(1, MAX_ID))
    return fields.List(one, required=True, validate=validate.Length(1, most))


# -- receiving -----------------------------------------------------------------------


class CheckLoad(Load):
    """``temperature`` in °C, as text with every digit read."""

    seal = choice(SealState, required=True)
    temperature = Figure(load_default=None, allow_none=True)
    amount = text(80)
    condition = text(500)
    photo = Photo(load_default=None, allow_none=True, metadata={"format": "byte"})
    place_id = optional_number()


class ReceiveLoad(CheckLoad):
    version = row_version()

    @post_load
    def made(self, values: dict[str, Any], **_more: Any) -> dict[str, Any]:
        return {"check": check_of(values), **values}


class RefuseLoad(ReceiveLoad):
    reason = text(500)


class ReceiveFormLoad(ReceiveLoad):
    """The page's form: one button accepts, the other refuses and needs the reason."""

    verdict = fields.String(required=True, validate=validate.OneOf(["accept", "refuse"]))
    reason = text(500, required=False, load_default="")


class ArrivalLoad(CheckLoad):
    """``refused_why``: refused for this reason."""

    sample_id = number(required=True)
    version = row_version()
    refused_why = text(500, required=False, load_default=None, allow_none=True)

    @post_load
    def made(self, values: dict[str, Any], **_more: Any) -> Arrival:
        return Arrival(check=check_of(values), **values)


class ArrivalsLoad(Load):
    arrivals = fields.List(
        fields.Nested(ArrivalLoad),
        required=True,
        validate=validate.Length(1, MOST_ARRIVALS),
        data_key="samples",
    )


class ExceptionLoad(Load):
    """One line of the page for many: what is empty is as it is for all."""

    sample_id = number(required=True)
    version = row_version()
    came = fields.Boolean(load_default=False)
    seal = choice(SealState, load_default=None, allow_none=True)
    temperature = Figure(load_default=None, allow_none=True)
    amount = text(80, required=False, load_default="")
    condition = text(500, required=False, load_default="")
    refused_why = text(500, required=False, load_default="")


class ManyFormLoad(CheckLoad):
    samples = fields.List(
        fields.Nested(ExceptionLoad), required=True, validate=validate.Length(1, MOST_ARRIVALS)
    )

    @post_load
    def made(self, values: dict[str, Any], **_more: Any) -> dict[str, Any]:
        """Arrivals of those that came, each with its place on the page."""
        common = check_of(values)
        came = [(place, line) for place, line in enumerate(values["samples"]) if line["came"]]
        return {"places": [p for p, _line in came], "arrivals": [_arrival(common, x) for _p, x in came]}


def _arrival(common: ReceiveCheck, line: dict[str, Any]) -> Arrival:
    own = line["temperature"]
    check = ReceiveCheck(
        seal=line["seal"] or common.seal,
        temperature=own if own is not None else common.temperature,
        amount=line["amount"] or common.amount,
        condition=line["condition"] or common.condition,
        photo=common.photo,
        place_id=common.place_id,
    )
    return Arrival(line["sample_id"], line["version"], check, line["refused_why"] or None)


# -- custody -------------------------------------------------------------------------


class TargetLoad(Load):
    """Exactly one of them; the use case says so in a sentence."""

    holder_id = optional_number()
    place_id = optional_number()

    @post_load
    def made(self, values: dict[str, Any], **_more: Any) -> dict[str, Any]:
        target = Target(values.pop("holder_id"), values.pop("place_id"))
        return {"target": target, **values}


class NotedTargetLoad(TargetLoad):
    note = text(300, required=False, load_default="")


class MoveManyLoad(NotedTargetLoad):
    sample_ids = some_ids()


class ScanLoad(TargetLoad):
    code = text(200)


class CustodyEventDump(Schema):
    id = fields.Integer()
    sample_id = fields.Integer()
    at = fields.AwareDateTime()
    kind = fields.Enum(CustodyKind, by_value=True)
    actor_id = fields.Integer(allow_none=True)
    from_holder_id = fields.Integer(allow_none=True)
    from_place_id = fields.Integer(allow_none=True)
    to_holder_id = fields.Integer(allow_none=True)
    place_id = fields.Integer(allow_none=True)
    undoes_id = fields.Integer(allow_none=True)
    note = fields.String()


class MovedDump(Schema):
    """``echo``: what a scanner's page shows large."""

    sample_id = fields.Integer(attribute="sample.id")
    number = fields.String(attribute="sample.number")
    name = fields.String(attribute="sample.name")
    event = fields.Nested(CustodyEventDump)


class ScannedDump(MovedDump):
    """Of a sample's number; a storage place's code answers with ``open`` only."""

    open = fields.String(metadata={"description": "Address of the page that stores at this place."})
    echo = fields.String()
    line = fields.String(metadata={"description": "What happened, in words."})
    undo = fields.String(metadata={"description": "Address that takes it back."})


class HolderDump(Schema):
    id = fields.Integer()
    name_zh = fields.String()
    name_en = fields.String()


# -- storage and retention -----------------------------------------------------------


class PlaceLoad(Load):
    code = text(60)
    name_zh = text(120)
    name_en = text(160, required=False, load_default="")
    conditions = text(120, required=False, load_default="")


class PlaceEditLoad(PlaceLoad):
    active = fields.Boolean(load_default=True)
    version = row_version()


class PlaceDump(Schema):
    id = fields.Integer()
    version = fields.Integer()
    code = fields.String()
    name_zh = fields.String()
    name_en = fields.String()
    conditions = fields.String()
    active = fields.Boolean()


class PlaceLineDump(Schema):
    place = fields.Nested(PlaceDump)
    samples = fields.Integer()


class VersionLoad(Load):
    version = row_version()


class RetainLoad(VersionLoad):
    place_id = number(required=True)
    retain_until = legal_day(load_default=None, allow_none=True)


class KeepLongerLoad(VersionLoad):
    retain_until = legal_day(required=True)
    reason = text(500)


class ReturnLoad(VersionLoad):
    received_by = text(200)
    note = text(300, required=False, load_default="")


class DisposalLoad(VersionLoad):
    reason = text(500)


class DisposalsLoad(ReasonLoad):
    sample_ids = some_ids()


class IdsLoad(Load):
    sample_ids = some_ids()
