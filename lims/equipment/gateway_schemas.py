"""What comes in and goes out of gateways and their devices; types and bounds only."""

from marshmallow import Schema, fields

from lims.equipment.signed import key_fingerprint
from lims.ui.shapes import Load, ReasonLoad, VersionedReasonLoad, number, row_version, text


class GatewayLoad(Load):
    name = text(80)
    place = text(120, required=False, load_default="")


class GatewayDeviceLoad(Load):
    name = text(80)


class BindLoad(Load):
    equipment_id = number(required=True)
    version = row_version()


class RevokeLoad(VersionedReasonLoad):
    """``reason``: lost, replaced, tampered with ..."""


class UnbindLoad(ReasonLoad):
    version = row_version()


# -- what goes out -------------------------------------------------------------------


class CodeDump(Schema):
    id = fields.Integer(attribute="gateway.id")
    name = fields.String(attribute="gateway.name")
    code = fields.String(metadata={"description": "Shown now and never again."})
    expires_at = fields.AwareDateTime()


class GatewayDump(Schema):
    id = fields.Integer(attribute="gateway.id")
    name = fields.String(attribute="gateway.name")
    place = fields.String(attribute="gateway.place")
    state = fields.String(metadata={"description": "waiting, alive, away or revoked"})
    seen_at = fields.AwareDateTime(allow_none=True)
    fingerprint = fields.Function(lambda now: key_fingerprint(now.gateway.public_key))
    enrolled_at = fields.AwareDateTime(attribute="gateway.enrolled_at", allow_none=True)
    revoked_at = fields.AwareDateTime(attribute="gateway.revoked_at", allow_none=True)
    revoke_reason = fields.String(attribute="gateway.revoke_reason")
    clock_off_s = fields.Integer(allow_none=True)
    spool = fields.Dict(keys=fields.String(), values=fields.Raw())
    version = fields.Integer(attribute="gateway.version")


class BoundDeviceDump(Schema):
    id = fields.Integer(attribute="device.id")
    name = fields.String(attribute="device.name")
    equipment_id = fields.Integer(attribute="device.equipment_id", allow_none=True)
    equipment_code = fields.String(attribute="device.equipment.code", allow_none=True)
    link = fields.String()
    is_other = fields.Boolean()
    serial = fields.String(attribute="live.identity", allow_none=True)
    expected_serial = fields.String(attribute="live.expected_identity", allow_none=True)
    version = fields.Integer(attribute="device.version")


class GatewayPageDump(Schema):
    gateway = fields.Nested(GatewayDump, attribute="now")
    devices = fields.List(fields.Nested(BoundDeviceDump))


class DeviceRowDump(Schema):
    id = fields.Integer()
    name = fields.String()
    gateway_id = fields.Integer()
    equipment_id = fields.Integer(allow_none=True)
    version = fields.Integer()


class EnrolledDump(Schema):
    gateway_id = fields.String()
