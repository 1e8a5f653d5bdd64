"""Pages of standards: the list by status, one with all that rests on it, its withdrawal."""

from flask import flash, redirect, render_template, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from werkzeug.wrappers import Response as Answer

from lims.catalogue import standards as use_cases
from lims.catalogue.categories import categories_by_id
from lims.catalogue.checks import findings_about
from lims.catalogue.choose import released_versions
from lims.catalogue.face import blueprint, may_edit, saved, standard_options, today
from lims.catalogue.models import StandardEdition, StandardStatus
from lims.catalogue.overview import resting_on
from lims.catalogue.references import holds_words
from lims.catalogue.revising import heirs_of, successor_of
from lims.catalogue.standard_schemas import StandardEditLoad, StandardLoad, StandardWithdrawLoad
from lims.catalogue.standards import has_status
from lims.catalogue.touched import TouchedKind, by_kind, touched_by
from lims.catalogue.watch import changes_soon, standard_lines
from lims.core.database import db
from lims.core.paging import Key
from lims.core.web import current_actor, request_key, unit_of_work
from lims.ui import lists
from lims.ui.faces import ID
from lims.ui.forms import Form, empty_form, read_form
from lims.ui.labels import choices
from lims.ui.lists import Column, Filter, Listing

# Kinds with a table of their own on the page.
OWN_TABLES = frozenset({TouchedKind.METHOD, TouchedKind.LIMIT})
STANDARD = f"/catalogue/standards/{ID.format('standard_id')}"
STANDARDS = Listing(
    caption=_l("Standards"),
    empty=_l("Standards appear here when somebody adds the first one."),
    statement=lambda _actor: standard_lines(today()),
    keys=(Key(StandardEdition.code),),
    columns=(
        Column(
            "code", _l("Standard number"), href=lambda row: url_for("catalogue.standard", standard_id=row.id)
        ),
        Column("title", _l("Title"), kind="bilingual"),
        Column("status", _l("State"), kind="state", value=lambda row: StandardStatus(row.status)),
        Column("in_force_from", _l("In force from"), kind="day"),
        Column("withdrawn_from", _l("Withdrawn from"), kind="day"),
    ),
    filters=(
        Filter(
            "q",
            _l("Number or title"),
            lambda s, v: s.where(
                holds_words(v, StandardEdition.code, StandardEdition.title_zh, StandardEdition.title_en)
            ),
        ),
        Filter(
            "status",
            _l("State"),
            lambda s, v: s.where(has_status(StandardStatus(v), today())),
            options=lambda: choices(StandardStatus),
        ),
        Filter(
            "soon",
            _l("Changes within 60 days"),
            lambda s, _v: s.where(changes_soon(today())),
            options=lambda: [("yes", _("yes"))],
            hidden=True,
        ),
    ),
)


@blueprint.get("/catalogue/standards")
def standards() -> Answer | str:
    shown = lists.show(STANDARDS, db.session(), current_actor())
    return shown.download() or render_template("catalogue/standards.html", list=shown, may_edit=may_edit())


@blueprint.get("/catalogue/standards/new")
def new_standard() -> str:
    return _standard_form(empty_form(StandardLoad))


@blueprint.post("/catalogue/standards/new")
def create_standard() -> Answer | tuple[str, int]:
    form = read_form(StandardLoad)
    with form.attempt():
        made = use_cases.create_standard(
            unit_of_work(), actor=current_actor(), request_key=request_key(), **form.values
        )
        flash(saved())
        return redirect(url_for("catalogue.standard", standard_id=made.id))
    return _standard_form(form), form.status


def _standard_form(form: Form, row: StandardEdition | None = None) -> str:
    return render_template(
        "catalogue/standard_form.html", form=form, standard=row, standard_options=standard_options()
    )


@blueprint.get(STANDARD)
def standard(standard_id: int) -> str:
    return _standard(standard_id)


def _standard(standard_id: int, form: Form | None = None) -> str:
    session = db.session()
    row = use_cases.standard(session, standard_id)
    resting = resting_on(session, row, today())
    heirs = heirs_of(session, resting.methods)
    touched = by_kind(touched_by(session, [standard_id], today())[standard_id])
    return render_template(
        "catalogue/standard.html",
        standard=row,
        status=row.status_on(today()),
        successor=successor_of(session, row),
        replaces=use_cases.replaces(session, standard_id),
        resting=resting,
        classes=categories_by_id(session, {limit.category_id for limit, _item in resting.limits}),
        heirs=heirs,
        released=set(released_versions(session, [one.id for one in heirs.values()])),
        touched={kind: rows for kind, rows in touched.items() if kind not in OWN_TABLES},
        decisions=findings_about(session, standard_id),
        form=form or empty_form(StandardWithdrawLoad, row),
        standard_options=standard_options() if may_edit() else [],
        may_edit=may_edit(),
        day=today(),
    )


@blueprint.get(f"{STANDARD}/edit")
def edit_standard_page(standard_id: int) -> str:
    row = use_cases.standard(db.session(), standard_id)
    return _standard_form(empty_form(StandardEditLoad, row), row)


@blueprint.post(f"{STANDARD}/edit")
def edit_standard(standard_id: int) -> Answer | tuple[str, int]:
    form = read_form(StandardEditLoad)
    with form.attempt():
        use_cases.edit_standard(unit_of_work(), actor=current_actor(), standard_id=standard_id, **form.values)
        flash(saved())
        return redirect(url_for("catalogue.standard", standard_id=standard_id))
    return _standard_form(form, use_cases.standard(db.session(), standard_id)), form.status


@blueprint.post(f"{STANDARD}/withdraw")
def withdraw_standard(standard_id: int) -> Answer | tuple[str, int]:
    form = read_form(StandardWithdrawLoad)
    with form.attempt():
        row = use_cases.withdraw_standard(
            unit_of_work(), actor=current_actor(), standard_id=standard_id, **form.values
        )
        flash(_("%(code)s is withdrawn from %(day)s.", code=row.code, day=row.withdrawn_from))
        return redirect(url_for("catalogue.standard", standard_id=standard_id))
    return _standard(standard_id, form), form.status
