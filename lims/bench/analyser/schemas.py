"""What comes in and goes out of an analyser's names and worklists; types and bounds only."""

from marshmallow import Schema, fields, validate

from lims.bench.analyser.states import AnalyserOrderState
from lims.ui.shapes import MAX_ID, Load, choice, number, text

MOST_NAMES = 500


class NamesLoad(Load):
    """``names``: test item -> what the analyser calls it; "" for a test that it does not do."""

    names = fields.Dict(
        keys=fields.Integer(validate=validate.Range(1, MAX_ID)),
        values=text(60, required=False),
        load_default=dict,
        validate=validate.Length(max=MOST_NAMES),
    )


class OrdersLoad(Load):
    order_ids = fields.List(number(), load_default=list, validate=validate.Length(max=MOST_NAMES))


# -- what goes out -------------------------------------------------------------------


class NameDump(Schema):
    test_item_id = fields.Integer(attribute="item.id")
    code = fields.String(attribute="item.code")
    name = fields.String(metadata={"description": "Empty: the analyser has none for it."})


class ChangedNamesDump(Schema):
    changed = fields.Integer()


class WorklistDump(Schema):
    id = fields.Integer()
    worksheet_id = fields.Integer()
    device_id = fields.Integer()
    equipment_id = fields.Integer()
    sent_at = fields.AwareDateTime()


class OrderDump(Schema):
    """An order at an analyser. ``reason``: a sentence where it was refused or taken back by itself."""

    id = fields.Integer(attribute="order.id")
    requested_test_id = fields.Integer(attribute="order.requested_test_id")
    specimen = fields.String(attribute="order.specimen")
    test_name = fields.String(attribute="order.test_name")
    state = choice(AnalyserOrderState, attribute="now.state")
    code = fields.String(attribute="now.reason")
    reason = fields.String()
    sent_at = fields.AwareDateTime()
    changed_at = fields.AwareDateTime(attribute="now.changed_at")


class AnalyserDump(Schema):
    orders = fields.List(fields.Nested(OrderDump))
    to_send = fields.Integer(metadata={"description": "Rows that the analyser has not been told of."})
    refusal = fields.String(metadata={"description": "Why nothing can be sent; empty when it can."})
    trouble = fields.String(metadata={"description": "Why the analyser has not taken what waits for it."})
    arrived = fields.Function(lambda view: len(view.arrived))
    unclear = fields.Integer()


class WithdrawnDump(Schema):
    orders = fields.List(fields.Integer())


class TakenDump(Schema):
    taken = fields.Integer()
    left = fields.Integer()
    refused = fields.String()
