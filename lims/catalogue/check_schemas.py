"""Shapes of currency checks: what comes in and what goes out, apart."""

from marshmallow import Schema, ValidationError, fields, post_load, validate
from werkzeug.datastructures import FileStorage

from lims.catalogue.check_models import StandardDecision
from lims.catalogue.decisions import DecisionText
from lims.ui.shapes import Load, PageDump, choice, legal_day, row_version, storable, text


def a_file(value: object) -> None:
    """A text may come under the file's name from a program, never from a page."""
    if not isinstance(value, FileStorage):
        raise ValidationError("Not a valid file.")


class CheckForm(Load):
    """A list as the page sends it: a file or rows; ``content``: the file that was looked at before, in base64."""

    source = text(300)
    file = fields.Raw(load_default=None, allow_none=True, validate=a_file)
    pasted = fields.String(load_default="", validate=[validate.Length(max=1_000_000), storable])
    file_name = text(200, required=False, load_default="")
    content = fields.String(load_default="", validate=[validate.Length(max=7_000_000), storable])
    leave_out_faulty = fields.Boolean(load_default=False)


class CheckLoad(Load):
    source = text(300)
    file_name = text(200, required=False, load_default="")
    content = fields.String(
        required=True,
        validate=[validate.Length(1, 7_000_000), storable],
        metadata={"description": "The list (.xlsx or CSV, headings first) in base64, at most 5 MB."},
    )
    leave_out_faulty = fields.Boolean(load_default=False)


class DecisionLoad(Load):
    decision = choice(StandardDecision, required=True)
    reason = text(500)
    effective_on = legal_day(load_default=None, allow_none=True)
    title_zh = text(200, required=False, load_default="")
    title_en = text(300, required=False, load_default="")
    version = row_version()

    @post_load
    def _text(self, values: dict[str, object], **_kwargs: object) -> dict[str, object]:
        version = values.pop("version")
        return {"version": version, "text": DecisionText(**values)}  # type: ignore[arg-type]


class CloseLoad(Load):
    version = row_version()


class CheckLineDump(Schema):
    """``decided`` of ``to_decide`` standards; ``closed_at`` None: open."""

    id = fields.Integer()
    number = fields.String()
    source = fields.String()
    made_on = fields.Date()
    list_rows = fields.Integer()
    to_decide = fields.Integer()
    decided = fields.Integer()
    closed_at = fields.AwareDateTime(allow_none=True)


class CheckPageDump(PageDump):
    rows = fields.List(fields.Nested(CheckLineDump), data_key="items")


class FindingDump(Schema):
    """``row``: of the list. Dates and texts are those of the list; ``effective_on``: of the decision."""

    id = fields.Integer()
    version = fields.Integer()
    row = fields.Integer(allow_none=True)
    outcome = fields.String()
    standard_id = fields.Integer(allow_none=True)
    code = fields.String()
    title = fields.String()
    listed_as = fields.String(allow_none=True)
    published_on = fields.Date(allow_none=True)
    in_force_from = fields.Date(allow_none=True)
    withdrawn_from = fields.Date(allow_none=True)
    successor_code = fields.String()
    successor_title = fields.String()
    successor_from = fields.Date(allow_none=True)
    decision = fields.String(allow_none=True)
    effective_on = fields.Date(allow_none=True)
    reason = fields.String(allow_none=True)
    decided_by = fields.Integer(allow_none=True)
    decided_at = fields.AwareDateTime(allow_none=True)


class CheckDump(Schema):
    id = fields.Integer()
    version = fields.Integer()
    number = fields.String()
    source = fields.String()
    file_name = fields.String()
    file_sha256 = fields.String()
    list_rows = fields.Integer()
    left_out = fields.Integer()
    made_on = fields.Date()
    made_by = fields.Integer()
    closed_at = fields.AwareDateTime(allow_none=True)
    evidence_sha256 = fields.String(allow_none=True)


class CheckWholeDump(Schema):
    check = fields.Nested(CheckDump)
    findings = fields.List(fields.Nested(FindingDump))


class TouchedDump(Schema):
    kind = fields.String()
    name_zh = fields.String()
    name_en = fields.String()
    values = fields.Dict(keys=fields.String(), values=fields.Integer())


class TouchedListDump(Schema):
    rows = fields.List(fields.Nested(TouchedDump), data_key="items")
