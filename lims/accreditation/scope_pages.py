"""Pages of the granted scope."""

from flask import flash, redirect, render_template, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from werkzeug.wrappers import Response as Answer

from lims.accreditation import scope
from lims.accreditation.face import blueprint, category_choices, method_choices, today
from lims.accreditation.models import Scheme
from lims.accreditation.schemas import MethodQuery, ScopeEditLoad, ScopeEndLoad, ScopeLoad
from lims.accreditation.scope import ScopeStanding
from lims.core.database import db
from lims.core.web import current_actor, request_key, unit_of_work
from lims.ui import lists
from lims.ui.faces import ID, asked
from lims.ui.forms import Form, empty_form, read_form
from lims.ui.labels import bilingual, choices

LINE = f"/scope/{ID.format('scope_row_id')}"
SCOPE = lists.Listing(
    caption=_l("Accredited scope"),
    empty=_l("Granted lines appear here when they are entered from the accreditation's annex."),
    statement=lambda _actor: scope.statement(),
    keys=scope.keys(),
    columns=(
        lists.Column(
            "item",
            _l("Test item"),
            value=bilingual,
            href=lambda row: url_for("accreditation.scope_row", scope_row_id=row.id),
        ),
        lists.Column(
            "standard", _l("Standard"), kind="broad", value=lambda row: f"{row.standard} {row.clause}".strip()
        ),
        lists.Column("category", _l("Products"), value=lambda row: bilingual(row, "category") or _("all")),
        lists.Column("scheme", _l("Scheme"), value=lambda row: row.scheme.value),
        lists.Column("valid_from", _l("Valid from"), kind="day"),
        lists.Column("valid_to", _l("Valid until"), kind="day"),
        lists.Column(
            "standing", _l("Stands today"), kind="state", value=lambda row: scope.standing_of(row, today())
        ),
        lists.Column("restriction", _l("Restriction")),
    ),
    filters=(
        lists.Filter("q", _l("Item or standard"), scope.having_words),
        lists.Filter(
            "scheme",
            _l("Scheme"),
            lambda s, v: scope.of_scheme(s, Scheme(v)),
            options=lambda: choices(Scheme),
        ),
        lists.Filter(
            "standing",
            _l("Stands today"),
            lambda s, v: scope.standing_so(s, ScopeStanding(v), today()),
            options=lambda: choices(ScopeStanding),
        ),
        lists.Filter(
            "on",
            _l("Granted on the day"),
            lambda s, v: scope.standing_so(s, ScopeStanding.CURRENT, v),
            kind="day",
        ),
        lists.Filter("method", _l("Method"), lambda s, v: scope.of_method(s, _number(v)), hidden=True),
    ),
    orders=(lists.Order("ending", _l("ending first"), scope.ending_first()),),
    is_late=lambda row: scope.standing_of(row, today()) is ScopeStanding.ENDED,
)


def _number(text: str) -> int:
    """Raises ValueError for what is no number of a row."""
    if not (text.isascii() and text.isdigit() and len(text) < 16):
        raise ValueError(text)
    return int(text)


@blueprint.get("/scope", endpoint="scope")
def scope_page() -> str | Answer:
    shown = lists.show(SCOPE, db.session(), current_actor())
    return shown.download() or render_template("accreditation/scope.html", list=shown)


@blueprint.get("/scope/new")
def new_scope() -> str:
    """``?method_id=``: chosen already."""
    return _new(empty_form(ScopeLoad, valid_from=today(), method_id=asked(MethodQuery)["method_id"]))


@blueprint.post("/scope/new")
def create_scope() -> Answer | tuple[str, int]:
    form = read_form(ScopeLoad)
    with form.attempt():
        row = scope.add_scope(unit_of_work(), actor=current_actor(), request_key=request_key(), **form.values)
        flash(_("Saved."))
        return redirect(url_for("accreditation.scope_row", scope_row_id=row.id))
    return _new(form), form.status


def _new(form: Form) -> str:
    return render_template(
        "accreditation/new_scope.html",
        form=form,
        schemes=choices(Scheme),
        methods=method_choices(),
        categories=category_choices(),
    )


@blueprint.get(LINE)
def scope_row(scope_row_id: int) -> str:
    return _row(scope_row_id)


def _row(scope_row_id: int, **forms: Form) -> str:
    line = scope.one_line(db.session(), scope_row_id, today())
    shown = {
        "edit": empty_form(ScopeEditLoad, line),
        "end": empty_form(ScopeEndLoad, version=line.version, valid_to=today()),
        **forms,
    }
    shown["end"].prefix = "end"
    return render_template(
        "accreditation/scope_row.html", line=line, forms=shown, categories=category_choices()
    )


@blueprint.post(f"{LINE}/edit")
def edit_scope(scope_row_id: int) -> Answer | tuple[str, int]:
    form = read_form(ScopeEditLoad)
    with form.attempt():
        scope.edit_scope(unit_of_work(), actor=current_actor(), scope_row_id=scope_row_id, **form.values)
        flash(_("Saved."))
        return redirect(url_for("accreditation.scope_row", scope_row_id=scope_row_id))
    return _row(scope_row_id, edit=form), form.status


@blueprint.post(f"{LINE}/end")
def end_scope(scope_row_id: int) -> Answer | tuple[str, int]:
    form = read_form(ScopeEndLoad)
    with form.attempt():
        scope.expire_scope(unit_of_work(), actor=current_actor(), scope_row_id=scope_row_id, **form.values)
        flash(_("The grant ends with that day."))
        return redirect(url_for("accreditation.scope_row", scope_row_id=scope_row_id))
    return _row(scope_row_id, end=form), form.status
