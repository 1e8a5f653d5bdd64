"""Administration of the house: audit trail, numbering, calendar."""

from babel import Locale
from flask import Response, flash, redirect, render_template, request, url_for
from flask_babel import get_locale
from flask_babel import gettext as _
from werkzeug.wrappers import Response as Answer

from lims.core.calendar import DayKind, set_day
from lims.core.clock import local_date
from lims.core.database import db
from lims.core.errors import InvalidInput
from lims.core.numbering import set_pattern
from lims.core.web import clock, current_actor, unit_of_work
from lims.people import audit_labels, trail
from lims.people.face import blueprint
from lims.people.house_rules import calendar_year, list_patterns, preview_pattern
from lims.people.schemas import DayLoad, DayQuery, EventQuery, FilterQuery, PatternLoad, YearQuery
from lims.ui.faces import ID, asked, download
from lims.ui.forms import Form, empty_form, read_form
from lims.ui.labels import choices

# -- audit trail ---------------------------------------------------------------------


@blueprint.get("/audit-trail")
def audit_trail() -> str:
    wanted = asked(EventQuery)
    page = trail.list_events(db.session(), actor=current_actor(), **wanted)
    return render_template(
        "people/audit_trail.html",
        page=page,
        asked=request.args,
        verbs=audit_labels.verb_choices(request.args.get("verb", "")),
        objects=audit_labels.object_choices(request.args.get("object_type", "")),
        head=trail.head(db.session()),
    )


@blueprint.get(f"/audit-trail/{ID.format('seq')}")
def audit_event(seq: int) -> str:
    event = trail.get_event(db.session(), actor=current_actor(), seq=seq)
    return render_template(
        "people/audit_event.html",
        event=event,
        changes=trail.differences(event),
        holds=trail.holds(event),
        place=audit_labels.place_of(event.object_type, event.object_id, current_actor()),
        newest=trail.head(db.session())[0],
    )


@blueprint.get("/audit-trail/export.<any(csv, json):kind>")
def export_audit_trail(kind: str) -> Response:
    wanted = asked(FilterQuery)["wanted"]
    if kind == "csv":
        pieces = trail.export_csv(db.session(), actor=current_actor(), wanted=wanted)
        return download(pieces, "text/csv; charset=utf-8", "audit-trail.csv")
    pieces = trail.export_json(db.session(), actor=current_actor(), wanted=wanted)
    return download(pieces, "application/json", "audit-trail.json")


@blueprint.get("/audit-trail/chain")
def audit_chain() -> str:
    state = trail.check_chain(db.session(), actor=current_actor())
    return render_template("people/audit_chain.html", state=state, head=trail.head(db.session()))


# -- numbering and calendar ----------------------------------------------------------


@blueprint.get("/numbering")
def patterns() -> str:
    return _patterns(empty_form(PatternLoad))


def _patterns(form: Form, preview: str = "") -> str:
    today = local_date(clock()())
    lines = list_patterns(db.session(), actor=current_actor(), today=today)
    return render_template("people/patterns.html", lines=lines, form=form, preview=preview, year=today.year)


@blueprint.post("/numbering")
def save_pattern() -> Answer | tuple[str, int]:
    form = read_form(PatternLoad)
    with form.attempt():
        set_pattern(unit_of_work(), actor=current_actor(), **form.values)
        flash(_("Saved: it counts from the next number on."))
        return redirect(url_for("people.patterns"))
    return _patterns(form), form.status


@blueprint.post("/numbering/preview")
def preview_number() -> str | tuple[str, int]:
    """What the next number would look like; nothing is saved."""
    form = read_form(PatternLoad)
    with form.attempt():
        today = local_date(clock()())
        line = preview_pattern(db.session(), actor=current_actor(), **form.values, today=today)
        return _patterns(form, line.following)
    return _patterns(form), form.status


@blueprint.get("/calendar")
def calendar_page() -> str:
    day = asked(DayQuery)["day"]
    return _calendar(empty_form(DayLoad, day=day, kind=DayKind.OFF))


def _calendar(form: Form) -> str:
    year = asked(YearQuery)["year"] or local_date(clock()()).year
    shown = calendar_year(db.session(), actor=current_actor(), year=year)
    kinds = [*choices(DayKind), ("", _("ordinary day"))]
    return render_template(
        "people/calendar.html",
        calendar=shown,
        form=form,
        kinds=kinds,
        today=local_date(clock()()),
        weekdays=weekdays(),
    )


def weekdays() -> list[tuple[str, str]]:
    """Short and full names, Monday first."""
    days = (get_locale() or Locale("zh")).days["format"]
    return [(days["short"][n], days["wide"][n]) for n in range(7)]


@blueprint.post("/calendar")
def save_day() -> Answer | tuple[str, int]:
    form = read_form(DayLoad)
    with form.attempt():
        values = form.values
        if values["kind"] is not None and not values["name"]:
            fault = _("Say which holiday or make-up day it is.")
            raise InvalidInput(fault, fields={"name": [fault]})
        set_day(unit_of_work(), actor=current_actor(), **values)
        flash(_("Saved."))
        return redirect(url_for("people.calendar_page", year=values["day"].year))
    return _calendar(form), form.status
