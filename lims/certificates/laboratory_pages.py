"""Who we are on paper."""

from flask import flash, redirect, render_template, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response as Answer

from lims.certificates.face import blueprint
from lims.certificates.laboratory import laboratory_details, save_laboratory
from lims.certificates.schemas import LaboratoryLoad
from lims.core.database import db
from lims.core.web import current_actor, unit_of_work
from lims.ui.forms import Form, empty_form, read_form


@blueprint.get("/laboratory")
def laboratory() -> str:
    return _page(empty_form(LaboratoryLoad, laboratory_details(db.session())))


def _page(form: Form) -> str:
    return render_template("certificates/laboratory.html", form=form)


@blueprint.post("/laboratory")
def save_details() -> Answer | tuple[str, int]:
    form = read_form(LaboratoryLoad)
    with form.attempt():
        save_laboratory(unit_of_work(), actor=current_actor(), **form.values)
        flash(_("Saved: reports approved from now on carry it."))
        return redirect(url_for("certificates.laboratory"))
    return _page(form), form.status
