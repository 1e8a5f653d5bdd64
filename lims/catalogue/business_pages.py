"""Pages of business types: who pays, which papers, which clock."""

from flask import flash, redirect, render_template, url_for
from werkzeug.wrappers import Response as Answer

from lims.catalogue import business as use_cases
from lims.catalogue.face import blueprint, may_edit, saved
from lims.catalogue.models import BusinessType, Payer
from lims.catalogue.product_schemas import BusinessTypeEditLoad, BusinessTypeLoad
from lims.core.database import db
from lims.core.web import current_actor, request_key, unit_of_work
from lims.ui.faces import ID
from lims.ui.forms import Form, empty_form, read_form
from lims.ui.labels import choices

TYPE = f"/catalogue/business-types/{ID.format('business_type_id')}"


@blueprint.get("/catalogue/business-types")
def business_types() -> str:
    rows = use_cases.business_types(db.session(), also_retired=True)
    return render_template("catalogue/business_types.html", rows=rows, may_edit=may_edit())


@blueprint.get("/catalogue/business-types/new")
def new_business_type() -> str:
    return _form(empty_form(BusinessTypeLoad, active=True, judged=True, retention_days=90))


@blueprint.post("/catalogue/business-types/new")
def create_business_type() -> Answer | tuple[str, int]:
    form = read_form(BusinessTypeLoad)
    with form.attempt():
        use_cases.create_business_type(
            unit_of_work(), actor=current_actor(), request_key=request_key(), **form.values
        )
        flash(saved())
        return redirect(url_for("catalogue.business_types"))
    return _form(form), form.status


@blueprint.get(TYPE)
def business_type(business_type_id: int) -> str:
    row = use_cases.business_type(db.session(), business_type_id)
    return render_template("catalogue/business_type.html", type=row, may_edit=may_edit())


@blueprint.get(f"{TYPE}/edit")
def edit_business_type_page(business_type_id: int) -> str:
    row = use_cases.business_type(db.session(), business_type_id)
    return _form(empty_form(BusinessTypeEditLoad, row), row)


@blueprint.post(f"{TYPE}/edit")
def edit_business_type(business_type_id: int) -> Answer | tuple[str, int]:
    form = read_form(BusinessTypeEditLoad)
    with form.attempt():
        use_cases.edit_business_type(
            unit_of_work(), actor=current_actor(), business_type_id=business_type_id, **form.values
        )
        flash(saved())
        return redirect(url_for("catalogue.business_type", business_type_id=business_type_id))
    return _form(form, use_cases.business_type(db.session(), business_type_id)), form.status


def _form(form: Form, row: BusinessType | None = None) -> str:
    return render_template("catalogue/business_type_form.html", form=form, type=row, payers=choices(Payer))
