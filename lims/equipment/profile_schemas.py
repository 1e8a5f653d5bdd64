"""What comes in and goes out of device profiles; types and bounds only."""

from collections.abc import Callable

from marshmallow import Schema, ValidationError, fields, validate
from werkzeug.datastructures import FileStorage

from instruments.facts import BAUDS, HANDSHAKES
from instruments.modbus import FUNCTIONS, HIGHEST_UNIT
from instruments.profiles import LONGEST_PART, LONGEST_PROFILE, MOST_DIALOGUES, MOST_SETUPS
from lims.catalogue.models import VersionState
from lims.ui.shapes import Figure, Load, choice, number, storable, text

TYPES = ("int16", "uint16", "int32", "uint32", "bcd16", "bcd32", "int64", "uint64", "float32", "float64")
ORDERS = ("ABCD", "CDAB", "BADC", "DCBA")
PARITIES = ("N", "E", "O", "M", "S")
LONGEST_PASTE = 40_000
LONGEST_HEX = 3 * LONGEST_PART


def _exact(longest: int) -> fields.String:
    """A text whose blanks count."""
    rules: list[Callable[[str], object]] = [validate.Length(max=longest), storable]
    return fields.String(load_default="", validate=rules, metadata={"keep_space": True})


def _optional(longest: int) -> fields.String:
    return text(longest, required=False, load_default="", allow_none=True)


def _one_of(values: tuple[int, ...]) -> fields.Integer:
    return fields.Integer(required=True, validate=validate.OneOf(values))


class RegisterLoad(Load):
    name = text(80)
    slave = fields.Integer(load_default=1, validate=validate.Range(0, HIGHEST_UNIT))
    function = fields.Integer(load_default=3, validate=validate.OneOf(FUNCTIONS))
    address = fields.Integer(required=True, validate=validate.Range(0, 65535))
    type = fields.String(load_default="int16", validate=validate.OneOf(TYPES))
    order = fields.String(load_default="ABCD", validate=validate.OneOf(ORDERS))
    scale = _optional(40)
    unit = _optional(20)
    label_zh = _optional(80)
    label_en = _optional(80)


class SetupLoad(Load):
    """``send``: commands, one a line; ``confirms``: how the configuration begins that the device then says it has."""

    key = text(40)
    en = _optional(80)
    zh = _optional(80)
    send = text(2100)
    confirms = text(200)
    unit = _optional(20)


class DialogueLoad(Load):
    """``request``, ``response``: pairs of hexadecimal digits; ``expected``: JSON of one event, or of a list."""

    request = _optional(LONGEST_HEX)
    response = _optional(LONGEST_HEX)
    expected = text(20_000)
    source = text(300)
    drop = fields.Boolean(load_default=False)


class ProfileFormLoad(Load):
    """The editor: which of its fields a profile has depends on its protocol."""

    title = text(200)
    note = _optional(500)
    based_on = number(required=True)
    baud = _one_of(BAUDS)
    bytesize = _one_of((7, 8))
    parity = fields.String(required=True, validate=validate.OneOf(PARITIES))
    stopbits = _one_of((1, 2))
    handshake = fields.String(required=True, validate=validate.OneOf(HANDSHAKES))
    dtr = fields.Boolean(load_default=None, allow_none=True)
    rts = fields.Boolean(load_default=None, allow_none=True)
    binary = fields.Boolean(load_default=False)
    controls = _exact(200)
    pause_ms = fields.Integer(load_default=0, validate=validate.Range(0, 10_000))
    equal = fields.Integer(load_default=5, validate=validate.Range(2, 1000))
    seconds = Figure(required=True)
    facts = fields.Dict(keys=text(40), values=_exact(200), load_default=dict)
    opening = _optional(4000)
    setups = fields.List(
        fields.Nested(SetupLoad), load_default=list, validate=validate.Length(max=MOST_SETUPS)
    )
    pattern = _exact(500)
    terminator = _exact(40)
    unit = _optional(20)
    stable = _optional(1000)
    dynamic = _optional(1000)
    deadline_s = Figure(load_default=None, allow_none=True)
    decimal = fields.String(load_default=".", allow_none=True, validate=validate.OneOf((".", ",")))
    commands = fields.Dict(keys=text(20), values=_exact(400), load_default=dict)
    echoes = fields.Boolean(load_default=False)
    registers = fields.List(fields.Nested(RegisterLoad), load_default=list, validate=validate.Length(max=500))
    dialogues = fields.List(
        fields.Nested(DialogueLoad), load_default=list, validate=validate.Length(max=MOST_DIALOGUES)
    )
    paste = _exact(LONGEST_PASTE)
    paste_as = fields.String(load_default="text", validate=validate.OneOf(("hex", "text")))
    paste_source = _optional(300)


class NewProfileLoad(Load):
    """``start``: the profile to begin with, by its key."""

    key = text(60)
    title = text(200)
    start = text(60)
    paste = _exact(LONGEST_PASTE)


def _is_small(file: object) -> None:
    """A text may come under the file's name from a program, never from a page."""
    if not isinstance(file, FileStorage):
        raise ValidationError("Not a valid file.")
    file.stream.seek(0, 2)
    size = file.stream.tell()
    file.stream.seek(0)
    if size > 4 * LONGEST_PROFILE:
        raise ValidationError("Longer than maximum length.")


class ImportLoad(Load):
    file = fields.Raw(required=True, validate=_is_small, metadata={"type": "string", "format": "binary"})
    key = _optional(60)


class VersionNumberLoad(Load):
    number = number(required=True)


class ProfileTextLoad(Load):
    """``text``: the TOML of a profile."""

    text = text(LONGEST_PROFILE)
    note = _optional(500)


class CreateProfileLoad(ProfileTextLoad):
    key = text(60)


class SaveProfileLoad(ProfileTextLoad):
    based_on = number(required=True, metadata={"description": "The newest version that its author saw."})


class TryLoad(Load):
    """``request``, ``response``: pairs of hexadecimal digits, as ``python -m instruments decode`` takes them."""

    text = text(LONGEST_PROFILE)
    request = _optional(LONGEST_HEX)
    response = _optional(LONGEST_HEX)


# -- what goes out -------------------------------------------------------------------


class ProfileVersionDump(Schema):
    number = fields.Integer()
    title = fields.String()
    protocol = fields.String()
    state = choice(VersionState)
    sha256 = fields.String()
    note = fields.String()
    made_at = fields.AwareDateTime()
    released_at = fields.AwareDateTime(allow_none=True)
    retired_at = fields.AwareDateTime(allow_none=True)


class ProfileTextDump(ProfileVersionDump):
    text = fields.String()


class ProfileListDump(Schema):
    id = fields.Integer(attribute="profile.id")
    key = fields.String(attribute="profile.key")
    newest = fields.Nested(ProfileVersionDump)
    in_use = fields.Nested(ProfileVersionDump, allow_none=True)


class ProfileDump(Schema):
    id = fields.Integer()
    key = fields.String()


class FrameDump(Schema):
    """``parts``: what each byte decides, most weighty first."""

    start = fields.Integer()
    raw = fields.Function(lambda frame: frame.raw.hex())
    verdict = fields.Function(lambda frame: frame.verdict.value)
    event = fields.Function(lambda frame: frame.event.as_json())
    parts = fields.Function(lambda frame: [[part.value for part in parts] for parts in frame.parts])


class TrialDump(Schema):
    frames = fields.List(fields.Nested(FrameDump))
    faults = fields.List(
        fields.String(), metadata={"description": "Dialogues that do not give what they say."}
    )
