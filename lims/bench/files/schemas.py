"""What comes in and goes out at the pages and the JSON face of instrument files and their mappings."""

from typing import Any

from marshmallow import Schema, fields, post_load, validate

from lims.bench.dump_schemas import PreviewDump
from lims.bench.files.layout import (
    Analyte,
    DecimalMark,
    Delimiter,
    Encoding,
    FileLayout,
    Meaning,
    Repeats,
    TableShape,
    Word,
)
from lims.bench.schemas import a_file
from lims.ui.shapes import Load, choice, number, row_version, storable, text

MOST_ANALYTES = 200
MOST_WORDS = 40
# Base64 of 5 MB.
LONGEST_CONTENT = 7_000_000


def upload(**more: Any) -> fields.Raw:
    return fields.Raw(load_default=None, allow_none=True, validate=a_file, **more)


class DropForm(Load):
    """A file of an instrument on a page."""

    file = upload()
    equipment_id = number(load_default=None, allow_none=True)


class FilePlanLoad(Load):
    """How a file is looked at; all may be missing."""

    mapping_id = number(load_default=None, allow_none=True)
    equipment_id = number(load_default=None, allow_none=True)
    worksheet_id = number(load_default=None, allow_none=True)


class FileTakeLoad(FilePlanLoad):
    reason = text(500, required=False, load_default=None, allow_none=True)


class AnalyteLoad(Load):
    name = text(120)
    item = text(60)
    input = text(40, required=False, load_default="")
    unit = text(40, required=False, load_default="")
    replicate = fields.Integer(load_default=1, validate=validate.Range(1, 1000))

    @post_load
    def _made(self, values: dict[str, Any], **_options: Any) -> Analyte:
        return Analyte(**values)


class WordLoad(Load):
    word = text(40)
    meaning = choice(Meaning, load_default=Meaning.NOT_DETECTED)

    @post_load
    def _made(self, values: dict[str, Any], **_options: Any) -> Word:
        return Word(**values)


def column() -> fields.String:
    return text(120, required=False, load_default="")


class LayoutFields(Load):
    encoding = choice(Encoding, load_default=Encoding.AUTO)
    delimiter = choice(Delimiter, load_default=Delimiter.AUTO)
    decimal = choice(DecimalMark, load_default=DecimalMark.POINT)
    header_row = fields.Integer(load_default=1, validate=validate.Range(0, 1000))
    header_text = column()
    skip = fields.Integer(load_default=0, validate=validate.Range(0, 100))
    end_text = column()
    end_at_blank = fields.Boolean(load_default=False)
    shape = choice(TableShape, load_default=TableShape.WIDE)
    sample_column = column()
    name_column = column()
    value_column = column()
    unit_column = column()
    flag_column = column()
    replicate_column = column()
    time_column = column()
    repeats = choice(Repeats, load_default=Repeats.REFUSE)
    leave_out = text(
        500,
        required=False,
        load_default="",
        metadata={"description": "Beginnings of sample numbers, by comma."},
    )
    analytes = fields.List(
        fields.Nested(AnalyteLoad), load_default=list, validate=validate.Length(max=MOST_ANALYTES)
    )
    words = fields.List(fields.Nested(WordLoad), load_default=list, validate=validate.Length(max=MOST_WORDS))


def _layout(values: dict[str, Any]) -> FileLayout:
    beginnings = (word.strip() for word in values.pop("leave_out").replace("，", ",").split(","))
    return FileLayout(
        **{
            **values,
            "leave_out": tuple(word for word in beginnings if word),
            "analytes": tuple(values["analytes"]),
            "words": tuple(values["words"]),
        }
    )


class LayoutLoad(LayoutFields):
    @post_load
    def _made(self, values: dict[str, Any], **_options: Any) -> FileLayout:
        return _layout(values)


class MappingForm(LayoutFields):
    """The editor: ``version`` of the draft that was shown, and perhaps another file to try it on."""

    version = row_version()
    file = upload()

    @post_load
    def _made(self, values: dict[str, Any], **_options: Any) -> dict[str, Any]:
        version, file = values.pop("version"), values.pop("file")
        return {"version": version, "file": file, "layout": _layout(values)}


class NewMappingForm(Load):
    name = text(80)
    equipment_class = text(60, required=False, load_default="")
    equipment_id = number(load_default=None, allow_none=True)
    file = upload()


class MappingVersionLoad(Load):
    version = row_version()


# -- JSON ----------------------------------------------------------------------------


class FileLoad(Load):
    """A file of an instrument in base64."""

    file_name = text(100)
    content = fields.String(
        required=True,
        validate=[validate.Length(1, LONGEST_CONTENT), storable],
        metadata={"description": "Base64 of at most 5 MB."},
    )
    equipment_id = number(load_default=None, allow_none=True)


class MappingLoad(Load):
    name = text(80)
    equipment_class = text(60, required=False, load_default="")
    equipment_id = number(load_default=None, allow_none=True)
    layout = fields.Nested(LayoutLoad, required=True)


class FileDump(Schema):
    id = fields.Integer()
    sha256 = fields.String()
    name = fields.String()
    size = fields.Integer()
    came_at = fields.AwareDateTime()
    equipment_id = fields.Integer(allow_none=True)
    capture_id = fields.Integer(allow_none=True, metadata={"description": "The first that carried it."})


class OutcomeDump(Schema):
    label = fields.String()
    fate = fields.Function(lambda o: o.fate.value, metadata={"description": "fills, stands or refused"})
    test_id = fields.Integer(allow_none=True)
    worksheet_id = fields.Integer(allow_none=True)
    key = fields.String()
    text = fields.String()
    unit = fields.String()
    replaces = fields.String()
    code = fields.Function(lambda o: o.fault.code if o.fault else None)
    sentence = fields.Function(lambda o: o.fault.sentence if o.fault else None)


class FileRowDump(Schema):
    number = fields.Integer()
    sample = fields.String()
    outcomes = fields.List(fields.Nested(OutcomeDump))
    codes = fields.List(fields.String())
    faults = fields.List(fields.String())


class FilePreviewDump(PreviewDump):
    rows = fields.List(fields.Nested(FileRowDump))


class MappingDump(Schema):
    id = fields.Integer()
    version = fields.Integer()
    name = fields.String()
    number = fields.Integer()
    equipment_class = fields.String()
    equipment_id = fields.Integer(allow_none=True)
    released_at = fields.AwareDateTime(allow_none=True)
    retired_at = fields.AwareDateTime(allow_none=True)
    layout = fields.Raw()
