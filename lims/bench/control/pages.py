"""Pages of quality control: charts, the control template of a method, what a failing control holds."""

from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from werkzeug.wrappers import Response as Answer

from lims.bench import list_face
from lims.bench.control import decisions as control_decisions
from lims.bench.control import lines as control_lines
from lims.bench.control import reading as control_reading
from lims.bench.control.drawing import drawn
from lims.bench.control.models import ControlHold, ControlLine
from lims.bench.control.reading import ChartKind
from lims.bench.control.schemas import ControlLineLoad, DecideLoad, HideLoad, RetireLineLoad
from lims.bench.control.view import rule_words
from lims.bench.face import blueprint
from lims.bench.states import HoldDecision, HoldState
from lims.catalogue.methods import method as method_named
from lims.core.database import db
from lims.core.paging import Key
from lims.core.permissions import Permission
from lims.core.web import current_actor, request_key, unit_of_work
from lims.metrology.control_rules import RULE_SETS
from lims.metrology.control_samples import ControlKind, Memory
from lims.ui import lists, panels
from lims.ui.faces import ID
from lims.ui.forms import Form, empty_form, read_form
from lims.ui.labels import choices
from lims.ui.lists import Column, Filter, Listing

LINE = f"/quality-control/charts/{ID.format('line_id')}"
HOLD = f"/quality-control/holds/{ID.format('hold_id')}"
OF_METHOD = f"/quality-control/methods/{ID.format('method_id')}/new"
KIND = Column("kind", _l("Kind of control"), kind="state")
CHARTS = Listing(
    caption=_l("Control charts"),
    empty=_l(
        "A control chart begins with a control in the template of a method: open the method and add one."
    ),
    statement=control_reading.lines_listed,
    keys=(Key(ControlLine.id, descending=True),),
    columns=(
        Column("material", _l("Control"), href=lambda row: url_for("bench.control_chart", line_id=row.id)),
        KIND,
        list_face.ITEM,
        list_face.METHOD,
        Column("rule_set", _l("Rules")),
        Column("points", _l("Points"), kind="figure"),
        Column("outcome", _l("Newest point"), kind="state"),
        Column("evaluated_at", _l("Measured at"), kind="instant"),
        Column("retired_at", _l("Retired"), kind="instant"),
    ),
    filters=(
        Filter("q", _l("Control"), lambda s, v: s.where(ControlLine.material.icontains(v, autoescape=True))),
        list_face.BY_ITEM,
        list_face.BY_METHOD,
    ),
)
HOLDS = Listing(
    caption=_l("Held results"),
    empty=_l("When a control fails, the results it covers wait here for a decision."),
    statement=control_reading.holds_listed,
    keys=(Key(ControlHold.id, descending=True),),
    columns=(
        Column("worksheet", _l("Worksheet"), href=lambda row: url_for("bench.control_hold", hold_id=row.id)),
        Column("material", _l("Control that failed")),
        KIND,
        list_face.ITEM,
        list_face.METHOD,
        Column("held", _l("Results held"), kind="figure"),
        Column("state", _l("State"), kind="state"),
        Column("decision", _l("Decision"), kind="state"),
        Column("opened_at", _l("Since"), kind="instant"),
    ),
    filters=(
        Filter(
            "state",
            _l("State"),
            lambda s, v: s.where(ControlHold.state == HoldState(v)),
            options=lambda: choices(HoldState),
        ),
        list_face.BY_ITEM,
        list_face.BY_METHOD,
    ),
)


@blueprint.get("/quality-control")
def control_charts() -> str | Answer:
    shown = lists.show(CHARTS, db.session(), current_actor())
    return shown.download() or render_template("bench/control_charts.html", list=shown)


@blueprint.get(LINE)
def control_chart(line_id: int) -> str:
    return _chart(line_id, empty_form(RetireLineLoad), empty_form(HideLoad))


def _explained(version_id: int) -> str:
    return url_for("bench.explain", version_id=version_id)


@blueprint.app_template_filter()
def control_rule(name: str) -> str:
    return rule_words(name)


def _chart(line_id: int, retire: Form, hide: Form) -> str:
    wanted = request.args.get("chart", "")
    kind = ChartKind(wanted) if wanted in set(ChartKind) else None
    chart = control_reading.load_chart(db.session(), actor=current_actor(), line_id=line_id, kind=kind)
    actor = current_actor()
    return render_template(
        "bench/control_chart.html",
        may_edit=actor.can(Permission.CONTROL_EDIT),
        may_decide=actor.can(Permission.CONTROL_DECIDE),
        chart=chart,
        drawing=drawn(chart, _explained),
        kinds=list(ChartKind),
        retire=retire,
        hide=hide,
    )


@blueprint.post(f"{LINE}/retire")
def retire_control(line_id: int) -> Answer | tuple[str, int]:
    form = read_form(RetireLineLoad)
    with form.attempt():
        control_lines.retire_line(unit_of_work(), actor=current_actor(), line_id=line_id, **form.values)
        flash(_("The control is retired; its chart stays."))
        return redirect(url_for("bench.control_chart", line_id=line_id))
    return _chart(line_id, form, empty_form(HideLoad)), form.status


@blueprint.post(f"{LINE}/hide")
def hide_control(line_id: int) -> Answer | tuple[str, int]:
    form = read_form(HideLoad)
    with form.attempt():
        control_lines.hide_control(unit_of_work(), actor=current_actor(), line_id=line_id, **form.values)
        flash(_("Sample %(number)s is a blind control now; whoever measures it is not told.", **form.values))
        return redirect(url_for("bench.control_chart", line_id=line_id))
    return _chart(line_id, empty_form(RetireLineLoad), form), form.status


@blueprint.get(OF_METHOD)
def new_control(method_id: int) -> str:
    """``like``: begin with what another control of the method says."""
    like = request.args.get("like", type=int)
    old = control_lines.control_line(db.session(), like) if like else None
    return _new(method_id, empty_form(ControlLineLoad, old if old and old.method_id == method_id else None))


def _new(method_id: int, form: Form) -> str:
    method = method_named(db.session(), method_id)
    current_actor().require(Permission.CONTROL_EDIT)
    memories: list[tuple[object, Any]] = [(one, words) for one, words in choices(Memory) if one]
    return render_template(
        "bench/control_form.html",
        method=method,
        form=form,
        kinds=choices(ControlKind),
        rule_sets=[(name, name) for name in RULE_SETS],
        memories=memories,
    )


@blueprint.post(OF_METHOD)
def add_control(method_id: int) -> Answer | tuple[str, int]:
    form = read_form(ControlLineLoad)
    with form.attempt():
        line = control_lines.add_line(
            unit_of_work(),
            actor=current_actor(),
            method_id=method_id,
            request_key=request_key(),
            **form.values,
        )
        flash(_("Worksheets opened from now on get this control."))
        return redirect(url_for("bench.control_chart", line_id=line.id))
    return _new(method_id, form), form.status


@blueprint.get("/quality-control/holds")
def control_holds() -> str | Answer:
    shown = lists.show(HOLDS, db.session(), current_actor())
    return shown.download() or render_template("bench/control_holds.html", list=shown)


@blueprint.get(HOLD)
def control_hold(hold_id: int) -> str:
    return _hold(hold_id, None)


def _hold(hold_id: int, form: Form | None) -> str:
    story = control_reading.load_hold(db.session(), actor=current_actor(), hold_id=hold_id)
    actor = current_actor()
    return render_template(
        "bench/control_hold.html",
        story=story,
        hold=story.hold,
        drawing=drawn(story.chart, _explained),
        form=form or empty_form(DecideLoad, version=story.hold.version),
        decisions=choices(HoldDecision),
        may_decide=control_decisions.may_decide(actor, story.hold),
        panels=panels.panels_of("bench.control_hold", db.session(), actor, hold_id),
    )


@blueprint.post(f"{HOLD}/decide")
def decide_hold(hold_id: int) -> Answer | tuple[str, int]:
    form = read_form(DecideLoad)
    with form.attempt():
        control_decisions.decide_hold(unit_of_work(), actor=current_actor(), hold_id=hold_id, **form.values)
        flash(_("The decision is recorded."))
        return redirect(url_for("bench.control_hold", hold_id=hold_id))
    return _hold(hold_id, form), form.status
