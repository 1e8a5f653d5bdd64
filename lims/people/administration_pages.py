"""Administration: people, sections, audit trail, numbering, calendar."""

from flask import Response, flash, redirect, render_template, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response as Answer

from lims.core.calendar import set_day
from lims.core.clock import local_date
from lims.core.database import db
from lims.core.errors import InvalidInput
from lims.core.numbering import set_pattern
from lims.core.permissions import Permission, Role
from lims.core.web import clock, current_actor, unit_of_work
from lims.people import accounts, sections, trail
from lims.people.face import blueprint
from lims.people.house_rules import calendar_year, list_patterns
from lims.people.schemas import (
    AccountEditLoad,
    AccountLoad,
    AccountQuery,
    DayLoad,
    EventQuery,
    FilterQuery,
    PatternLoad,
    RolesLoad,
    SectionLoad,
    YearQuery,
)
from lims.ui.faces import ID, asked, download
from lims.ui.forms import Form, empty_form, read_form
from lims.ui.labels import Text, bilingual, choices
from lims.ui.shapes import ReasonLoad

# -- people --------------------------------------------------------------------------


@blueprint.get("/people")
def accounts_page() -> str:
    wanted = asked(AccountQuery)
    page = accounts.list_accounts(db.session(), actor=current_actor(), **wanted)
    return render_template(
        "people/accounts.html",
        page=page,
        wanted=wanted,
        role_choices=choices(Role),
        section_choices=section_choices(),
        may_edit=current_actor().can(Permission.ACCOUNT_EDIT),
    )


def section_choices() -> list[tuple[str, Text]]:
    return [(str(row.id), bilingual(row)) for row in sections.list_sections(db.session())]


@blueprint.get("/people/new")
def new_account() -> str:
    return _new_account(empty_form(AccountLoad))


@blueprint.post("/people/new")
def create_account() -> str | tuple[str, int]:
    form = read_form(AccountLoad)
    with form.attempt():
        made = accounts.create_account(unit_of_work(), actor=current_actor(), **form.values)
        return render_template("people/invited.html", made=made)
    return _new_account(form), form.status


def _new_account(form: Form) -> str:
    return render_template(
        "people/new_account.html",
        form=form,
        role_choices=choices(Role),
        section_choices=section_choices(),
    )


@blueprint.get(f"/people/{ID.format('account_id')}")
def account(account_id: int) -> str:
    return _account(account_id)


def _account(account_id: int, **forms: Form) -> str:
    row = accounts.get_account(db.session(), actor=current_actor(), account_id=account_id)
    held = [r.role for r in row.roles]
    shown = {
        "edit": empty_form(AccountEditLoad, row),
        "roles": empty_form(RolesLoad, version=row.version, roles=held),
        "reset": empty_form(ReasonLoad),
        "retire": empty_form(ReasonLoad),
    }
    return render_template(
        "people/account.html",
        account=row,
        held=held,
        forms={**shown, **forms},
        role_choices=choices(Role),
        section_choices=section_choices(),
        may_edit=current_actor().can(Permission.ACCOUNT_EDIT) and row.retired_at is None,
        own=current_actor().id == row.id,
    )


@blueprint.post(f"/people/{ID.format('account_id')}/edit")
def edit_account(account_id: int) -> Answer | tuple[str, int]:
    form = read_form(AccountEditLoad)
    with form.attempt():
        accounts.edit_account(unit_of_work(), actor=current_actor(), account_id=account_id, **form.values)
        return _changed(account_id)
    return _account(account_id, edit=form), form.status


@blueprint.post(f"/people/{ID.format('account_id')}/roles")
def set_roles(account_id: int) -> Answer | tuple[str, int]:
    form = read_form(RolesLoad)
    with form.attempt():
        accounts.set_roles(unit_of_work(), actor=current_actor(), account_id=account_id, **form.values)
        return _changed(account_id)
    return _account(account_id, roles=form), form.status


@blueprint.post(f"/people/{ID.format('account_id')}/reset")
def reset_account(account_id: int) -> str | tuple[str, int]:
    form = read_form(ReasonLoad)
    with form.attempt():
        made = accounts.reset_account(
            unit_of_work(), actor=current_actor(), account_id=account_id, **form.values
        )
        return render_template("people/invited.html", made=made)
    return _account(account_id, reset=form), form.status


@blueprint.post(f"/people/{ID.format('account_id')}/retire")
def retire_account(account_id: int) -> Answer | tuple[str, int]:
    form = read_form(ReasonLoad)
    with form.attempt():
        accounts.retire_account(unit_of_work(), actor=current_actor(), account_id=account_id, **form.values)
        return _changed(account_id)
    return _account(account_id, retire=form), form.status


def _changed(account_id: int) -> Answer:
    flash(_("Saved."))
    return redirect(url_for("people.account", account_id=account_id))


@blueprint.get("/sections")
def sections_page() -> str:
    return _sections(empty_form(SectionLoad))


def _sections(form: Form, editing: int | None = None) -> str:
    rows = sections.list_sections(db.session())
    return render_template("people/sections.html", rows=rows, form=form, editing=editing)


@blueprint.get(f"/sections/{ID.format('section_id')}")
def section(section_id: int) -> str:
    row = sections.get_section(db.session(), section_id)
    return _sections(empty_form(SectionLoad, row), section_id)


@blueprint.post("/sections")
def create_section() -> Answer | tuple[str, int]:
    return _save_section(None)


@blueprint.post(f"/sections/{ID.format('section_id')}")
def edit_section(section_id: int) -> Answer | tuple[str, int]:
    return _save_section(section_id)


def _save_section(section_id: int | None) -> Answer | tuple[str, int]:
    form = read_form(SectionLoad)
    with form.attempt():
        sections.save_section(unit_of_work(), actor=current_actor(), section_id=section_id, **form.values)
        return redirect(url_for("people.sections_page"))
    return _sections(form, section_id), form.status


# -- audit trail ---------------------------------------------------------------------


@blueprint.get("/audit-trail")
def audit_trail() -> str:
    wanted = asked(EventQuery)
    page = trail.list_events(db.session(), actor=current_actor(), **wanted)
    return render_template(
        "people/audit_trail.html", page=page, wanted=wanted["wanted"], head=trail.head(db.session())
    )


@blueprint.get(f"/audit-trail/{ID.format('seq')}")
def audit_event(seq: int) -> str:
    event = trail.get_event(db.session(), actor=current_actor(), seq=seq)
    return render_template("people/audit_event.html", event=event, changes=trail.differences(event))


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


def _patterns(form: Form) -> str:
    today = local_date(clock()())
    lines = list_patterns(db.session(), actor=current_actor(), today=today)
    return render_template("people/patterns.html", lines=lines, form=form)


@blueprint.post("/numbering")
def save_pattern() -> Answer | tuple[str, int]:
    form = read_form(PatternLoad)
    with form.attempt():
        set_pattern(unit_of_work(), actor=current_actor(), **form.values)
        flash(_("Saved: it counts from the next number on."))
        return redirect(url_for("people.patterns"))
    return _patterns(form), form.status


@blueprint.get("/calendar")
def calendar_page() -> str:
    return _calendar(empty_form(DayLoad, kind="off"))


def _calendar(form: Form) -> str:
    year = asked(YearQuery)["year"] or local_date(clock()()).year
    shown = calendar_year(db.session(), actor=current_actor(), year=year)
    return render_template("people/calendar.html", calendar=shown, form=form)


@blueprint.post("/calendar")
def save_day() -> Answer | tuple[str, int]:
    form = read_form(DayLoad)
    with form.attempt():
        values = form.values
        if values["kind"] is not None and not values["name"]:
            fault = _("Say which holiday or make-up day it is.")
            raise InvalidInput(fault, fields={"name": [fault]})
        set_day(unit_of_work(), actor=current_actor(), **values)
        return redirect(url_for("people.calendar_page", year=values["day"].year))
    return _calendar(form), form.status
