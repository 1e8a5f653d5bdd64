"""One page with every part of the house on it: to be looked at, and for axe. Only in tests."""

from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum, StrEnum
from types import SimpleNamespace

from flask import Blueprint, Flask, g, redirect, render_template
from marshmallow import EXCLUDE, Schema, fields, validate
from werkzeug.wrappers import Response

from lims.access import ACCESS, Open
from lims.core.errors import Conflict, NotFound, TransitionRefused
from lims.core.jobs import JobState
from lims.core.paging import Page
from lims.core.permissions import Actor, Permission, Role
from lims.ui import labels
from lims.ui.forms import empty_form, read_form


class Colour(StrEnum):
    TO_TEST = "to_test"
    IN_TEST = "in_test"
    RETURNED = "returned"
    FAIL = "fail"
    VERIFIED = "verified"
    RETAINED = "retained"


WORDS: dict[Enum, str] = dict(
    zip(Colour, ("to test", "in test", "returned", "out of limit", "verified", "held"), strict=True)
)


class SampleLoad(Schema):
    name = fields.String(required=True, validate=validate.Length(max=20))
    mass = fields.Decimal(load_default=None)


class AddressLoad(Schema):
    street = fields.String(load_default="")


class FormLoad(Schema):
    class Meta:
        unknown = EXCLUDE

    customer = fields.String(required=True, validate=validate.Length(min=2, max=40))
    mass = fields.Decimal(load_default=None, validate=validate.Range(min=Decimal(0), max=Decimal(200)))
    due_on = fields.Date(load_default=None)
    note = fields.String(load_default="", validate=validate.Length(max=200))
    kind = fields.String(required=True, validate=validate.OneOf(["a", "b"]))
    urgent = fields.Boolean(load_default=False)
    colours = fields.List(fields.Enum(Colour, by_value=True), load_default=list)
    address = fields.Nested(AddressLoad, load_default=dict)
    inputs = fields.Dict(keys=fields.String(), values=fields.Decimal(), load_default=dict)
    samples = fields.List(fields.Nested(SampleLoad), load_default=list)
    received_at = fields.AwareDateTime(load_default=None)


blueprint = Blueprint("gallery", __name__, template_folder="templates")


def rows(count: int) -> list[SimpleNamespace]:
    return [
        SimpleNamespace(
            number=f"WT2026-{n:05d}",
            name_zh="花生油（压榨一级）",
            name_en="Peanut oil, pressed",
            state=list(Colour)[n % 6],
            mass=Decimal("100.20") + n,
            due_on=date(2026, 11, 23),
        )
        for n in range(1, count + 1)
    ]


@blueprint.get("/gallery")
def page() -> str:
    form = empty_form(
        FormLoad, customer="青岛某油脂有限公司", mass=Decimal("100.20"), kind="b", colours=[Colour.FAIL]
    )
    return render_template("gallery/page.html", form=form, **parts())


@blueprint.post("/gallery")
def send() -> Response | tuple[str, int]:
    form = read_form(FormLoad)
    with form.attempt():
        if form.values["customer"] == "conflict":
            raise Conflict("已有同名单位", code="same_name", fields={"customer": ["已有同名单位"]})
        if form.values["customer"] == "refuse":
            raise TransitionRefused("样品已检，不能再收样")
        if form.values["customer"] == "missing":
            raise NotFound("no")
        g.saved = form.values
        return redirect("/gallery?saved=1")
    return render_template("gallery/page.html", form=form, **parts()), form.status


@blueprint.get("/gallery/fault")
def fault() -> str:
    raise RuntimeError("meant")


def parts() -> dict[str, object]:
    now = datetime(2026, 11, 22, 6, 5, tzinfo=UTC)
    return {
        "rows": rows(24),
        "page": Page(rows(24), after="x", before="y"),
        "states": list(Colour),
        "job": SimpleNamespace(
            kind="certificates.issue", state=JobState.RUNNING, total=120, done=48, error=None
        ),
        "events": [
            (now, "Received", "王芳", "seal intact, 4 °C", "done"),
            (now, "Handed over", "李强", "", "working"),
            (now, "Returned", "赵敏", "second reading missing", "returned"),
        ],
    }


STAFF = Actor(
    id=1,
    name="王芳",
    permissions=frozenset(Permission) - {Permission.PORTAL_READ, Permission.PORTAL_ORDER},
    roles=frozenset(Role) - {Role.CUSTOMER},
)


def install(app: Flask) -> None:
    """Add the gallery to an application that has not served a request yet."""
    labels.register(Colour, dict(WORDS))
    app.register_blueprint(blueprint)
    for endpoint in ("gallery.page", "gallery.send", "gallery.fault"):
        ACCESS[endpoint] = Open.PUBLIC
