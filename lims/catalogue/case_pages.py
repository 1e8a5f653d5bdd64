"""Worked examples on the page of a method version: keep this try, drop one."""

from flask import flash, redirect, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response as Answer

from lims.catalogue import cases
from lims.catalogue.case_schemas import CaseKeepLoad
from lims.catalogue.face import blueprint
from lims.catalogue.method_pages import VERSION, version_page
from lims.core.web import current_actor, request_key, unit_of_work
from lims.ui.faces import ID
from lims.ui.forms import read_form


@blueprint.post(f"{VERSION}/cases")
def keep_case(version_id: int) -> Answer | tuple[str, int]:
    form = read_form(CaseKeepLoad)
    with form.attempt():
        made = cases.keep_case(
            unit_of_work(),
            actor=current_actor(),
            version_id=version_id,
            request_key=request_key(),
            **form.values,
        )
        flash(_("“%(name)s” is kept as a worked example.", name=made.name))
        return redirect(url_for("catalogue.version", version_id=version_id, _anchor="cases"))
    return version_page(version_id, case=form), form.status


@blueprint.post(f"/catalogue/cases/{ID.format('case_id')}/drop")
def drop_case(case_id: int) -> Answer:
    owner = cases.drop_case(unit_of_work(), actor=current_actor(), case_id=case_id)
    return redirect(url_for("catalogue.version", version_id=owner.id, _anchor="cases"))
