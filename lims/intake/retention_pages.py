"""Pages of storage places, of retained samples whose time is over, and of disposals to decide."""

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from werkzeug.wrappers import Response as Answer

from lims.core.database import db
from lims.core.errors import LimsError
from lims.core.permissions import Actor, Permission
from lims.core.web import current_actor, request_key, unit_of_work
from lims.intake import retention as use
from lims.intake import sample_list
from lims.intake import storage as places
from lims.intake.face import blueprint
from lims.intake.sample_list import Due, Wanted
from lims.intake.sample_pages import COLUMNS, back_with_ticks, sample_page, ticked, today
from lims.intake.sample_schemas import (
    DisposalLoad,
    KeepLongerLoad,
    PlaceEditLoad,
    PlaceLoad,
    RetainLoad,
    ReturnLoad,
    VersionLoad,
)
from lims.intake.states import SampleState
from lims.ui import lists
from lims.ui.faces import ID
from lims.ui.forms import Form, empty_form, read_form
from lims.ui.lists import Bulk, Column, Listing, Statement
from lims.ui.pages import safe_path

# -- storage places ------------------------------------------------------------------


@blueprint.get("/storage")
def storage() -> str:
    return _storage(empty_form(PlaceLoad))


def _storage(form: Form) -> str:
    lines = places.list_places(db.session())
    may_edit = current_actor().can(Permission.SAMPLE_RECEIVE)
    return render_template("intake/storage.html", lines=lines, form=form, may_edit=may_edit)


@blueprint.post("/storage")
def create_place() -> Answer | tuple[str, int]:
    form = read_form(PlaceLoad)
    with form.attempt():
        made = places.create_place(
            unit_of_work(), actor=current_actor(), **form.values, request_key=request_key()
        )
        flash(_("Place %(code)s is there.", code=made.code))
        return redirect(url_for("intake.storage"))
    return _storage(form), form.status


@blueprint.get(f"/storage/{ID.format('place_id')}")
def place(place_id: int) -> str:
    row = places.get_place(db.session(), place_id)
    return _place(place_id, empty_form(PlaceEditLoad, row))


def _place(place_id: int, form: Form) -> str:
    row = places.get_place(db.session(), place_id)
    may_edit = current_actor().can(Permission.SAMPLE_RECEIVE)
    return render_template("intake/place.html", place=row, form=form, may_edit=may_edit)


@blueprint.post(f"/storage/{ID.format('place_id')}")
def edit_place(place_id: int) -> Answer | tuple[str, int]:
    form = read_form(PlaceEditLoad)
    with form.attempt():
        places.change_place(unit_of_work(), actor=current_actor(), place_id=place_id, **form.values)
        flash(_("Saved."))
        return redirect(url_for("intake.storage"))
    return _place(place_id, form), form.status


# -- retention over, disposals to decide ---------------------------------------------


def _over(actor: Actor) -> Statement:
    return _rows(actor, Wanted(due=Due.RETENTION))


def _asked(actor: Actor) -> Statement:
    return _rows(actor, Wanted(state=SampleState.DISPOSAL_ASKED)).add_columns(
        *sample_list.columns_of_disposal()
    )


def _rows(actor: Actor, wanted: Wanted) -> Statement:
    return sample_list.filtered(db.session(), sample_list.all_samples(actor), wanted, today())


_SHOWN = tuple(c for c in COLUMNS if c.name in {"number", "name", "customer", "state", "where"})
RETENTION = Listing(
    caption=_l("Retention over"),
    empty=_l("Retained samples appear here on the day their retention ends."),
    statement=_over,
    keys=sample_list.BY_RELEASE,
    columns=(*_SHOWN, Column("retain_until", _l("Kept until"), kind="day")),
    bulk=(Bulk("intake.ask_disposals", _l("Ask for disposal"), Permission.SAMPLE_DISPOSE, danger=True),),
)
DISPOSALS = Listing(
    caption=_l("Disposal to decide"),
    empty=_l("Samples appear here when somebody asks for their disposal; another person decides."),
    statement=_asked,
    keys=sample_list.BY_DUE_DAY,
    columns=(
        *(c for c in _SHOWN if c.name != "state"),
        Column("asker", _l("Asked by"), kind="bilingual"),
        Column("disposal_why", _l("Reason"), kind="clip"),
    ),
    bulk=(
        Bulk("intake.approve_disposals", _l("Approve disposal"), Permission.DISPOSAL_APPROVE, danger=True),
    ),
)


@blueprint.get("/retention")
def retention() -> str | Answer:
    shown = lists.show(RETENTION, db.session(), current_actor())
    return shown.download() or render_template("intake/retention.html", list=shown, asked=False)


@blueprint.get("/retention/disposals")
def disposals() -> str | Answer:
    shown = lists.show(DISPOSALS, db.session(), current_actor())
    return shown.download() or render_template("intake/retention.html", list=shown, asked=True)


@blueprint.post("/retention/ask-disposal")
def ask_disposals() -> Answer:
    reason = request.form.get("reason", "")[:500].replace("\x00", "")
    try:
        done = use.ask_disposals(unit_of_work(), actor=current_actor(), sample_ids=ticked(), reason=reason)
    except LimsError as error:
        return back_with_ticks(error)
    flash(_("Disposal of %(n)s samples is asked; another person decides.", n=len(done)))
    return redirect(safe_path(request.form.get("next", "")))


@blueprint.post("/retention/approve")
def approve_disposals() -> Answer:
    try:
        done = use.approve_disposals(unit_of_work(), actor=current_actor(), sample_ids=ticked())
    except LimsError as error:
        return back_with_ticks(error)
    flash(_("%(n)s samples are disposed of.", n=len(done)))
    return redirect(safe_path(request.form.get("next", "")))


# -- one sample ----------------------------------------------------------------------


@blueprint.post(f"/samples/{ID.format('sample_id')}/retain")
def retain(sample_id: int) -> Answer | tuple[str, int]:
    form = read_form(RetainLoad)
    with form.attempt():
        use.retain_sample(unit_of_work(), actor=current_actor(), sample_id=sample_id, **form.values)
        return _done(sample_id)
    return sample_page(sample_id, retain=form), form.status


@blueprint.post(f"/samples/{ID.format('sample_id')}/keep-longer")
def keep_longer(sample_id: int) -> Answer | tuple[str, int]:
    form = read_form(KeepLongerLoad)
    with form.attempt():
        use.extend_retention(unit_of_work(), actor=current_actor(), sample_id=sample_id, **form.values)
        return _done(sample_id)
    return sample_page(sample_id, keep_longer=form), form.status


@blueprint.post(f"/samples/{ID.format('sample_id')}/return")
def return_sample(sample_id: int) -> Answer | tuple[str, int]:
    form = read_form(ReturnLoad)
    with form.attempt():
        use.return_sample(unit_of_work(), actor=current_actor(), sample_id=sample_id, **form.values)
        return _done(sample_id)
    return sample_page(sample_id, **{"return": form}), form.status


@blueprint.post(f"/samples/{ID.format('sample_id')}/ask-disposal")
def ask_disposal(sample_id: int) -> Answer | tuple[str, int]:
    form = read_form(DisposalLoad)
    with form.attempt():
        use.ask_disposal(unit_of_work(), actor=current_actor(), sample_id=sample_id, **form.values)
        return _done(sample_id)
    return sample_page(sample_id, ask_disposal=form), form.status


@blueprint.post(f"/samples/{ID.format('sample_id')}/approve-disposal")
def approve_disposal(sample_id: int) -> Answer | tuple[str, int]:
    form = read_form(VersionLoad)
    with form.attempt():
        use.approve_disposal(unit_of_work(), actor=current_actor(), sample_id=sample_id, **form.values)
        return _done(sample_id)
    return sample_page(sample_id, approve_disposal=form), form.status


@blueprint.post(f"/samples/{ID.format('sample_id')}/refuse-disposal")
def refuse_disposal(sample_id: int) -> Answer | tuple[str, int]:
    form = read_form(DisposalLoad)
    with form.attempt():
        use.refuse_disposal(unit_of_work(), actor=current_actor(), sample_id=sample_id, **form.values)
        return _done(sample_id)
    return sample_page(sample_id, refuse_disposal=form), form.status


def _done(sample_id: int) -> Answer:
    flash(_("Saved."))
    return redirect(url_for("intake.sample", sample_id=sample_id))
