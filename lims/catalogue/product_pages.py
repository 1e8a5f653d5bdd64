"""Pages of the product tree and of packages."""

from typing import Any

from flask import flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as Answer

from lims.catalogue import categories as tree
from lims.catalogue import packages as use_cases
from lims.catalogue.face import blueprint, category_options, may_edit, saved, today
from lims.catalogue.items import all_items
from lims.catalogue.packages import PackageText, contents_of, items_named
from lims.catalogue.product_schemas import (
    CategoryEditLoad,
    CategoryLoad,
    PackageEditFormLoad,
    PackageFormLoad,
)
from lims.core.database import db
from lims.core.web import current_actor, request_key, unit_of_work
from lims.ui.faces import ID
from lims.ui.forms import Form, empty_form, read_form
from lims.ui.labels import bilingual

CATEGORY = f"/catalogue/categories/{ID.format('category_id')}"
PACKAGE = f"/catalogue/packages/{ID.format('package_id')}"
SPARE_ROWS = 4


@blueprint.get("/catalogue/categories")
def categories() -> str:
    return _tree(empty_form(CategoryLoad))


def _tree(form: Form) -> str:
    return render_template(
        "catalogue/categories.html",
        roots=tree.category_tree(db.session()),
        form=form,
        category_options=category_options() if may_edit() else [],
        may_edit=may_edit(),
    )


@blueprint.post("/catalogue/categories")
def add_category() -> Answer | tuple[str, int]:
    form = read_form(CategoryLoad)
    with form.attempt():
        made = tree.add_category(
            unit_of_work(), actor=current_actor(), request_key=request_key(), **form.values
        )
        flash(saved())
        return redirect(url_for("catalogue.category", category_id=made.id))
    return _tree(form), form.status


@blueprint.get(CATEGORY)
def category(category_id: int) -> str:
    return _category(category_id)


def _category(category_id: int, **forms: Form) -> str:
    shown = tree.belonging_to(db.session(), category_id)
    return render_template(
        "catalogue/category.html",
        shown=shown,
        category=shown.category,
        forms={
            "rename": empty_form(CategoryEditLoad, shown.category),
            "below": empty_form(CategoryLoad, parent_id=category_id),
            **forms,
        },
        may_edit=may_edit(),
        day=today(),
    )


@blueprint.post(CATEGORY)
def rename_category(category_id: int) -> Answer | tuple[str, int]:
    form = read_form(CategoryEditLoad)
    with form.attempt():
        tree.rename_category(unit_of_work(), actor=current_actor(), category_id=category_id, **form.values)
        flash(saved())
        return redirect(url_for("catalogue.category", category_id=category_id))
    return _category(category_id, rename=form), form.status


# -- packages ------------------------------------------------------------------------


@blueprint.get("/catalogue/packages")
def packages() -> str:
    page = use_cases.list_packages(
        db.session(), also_retired=True, cursor=request.args.get("cursor"), size=100
    )
    return render_template(
        "catalogue/packages.html", page=page, rows=contents_of(db.session(), page.rows), may_edit=may_edit()
    )


@blueprint.get("/catalogue/packages/new")
def new_package() -> str:
    return _package_form(empty_form(PackageFormLoad, active=True))


@blueprint.post("/catalogue/packages/new")
def create_package() -> Answer | tuple[str, int]:
    form = read_form(PackageFormLoad)
    with form.attempt():
        made = use_cases.create_package(
            unit_of_work(), actor=current_actor(), text=_text(form.values), request_key=request_key()
        )
        flash(saved())
        return redirect(url_for("catalogue.package", package_id=made.id))
    return _package_form(form), form.status


@blueprint.get(PACKAGE)
def package(package_id: int) -> str:
    row = use_cases.package(db.session(), package_id)
    return render_template(
        "catalogue/package.html",
        package=row,
        shown=contents_of(db.session(), [row])[0],
        category=tree.category(db.session(), row.category_id) if row.category_id else None,
        may_edit=may_edit(),
    )


@blueprint.get(f"{PACKAGE}/edit")
def edit_package_page(package_id: int) -> str:
    row = use_cases.package(db.session(), package_id)
    shown = contents_of(db.session(), [row])[0]
    rows = [{"item": item.code, "place": n} for n, item in enumerate(shown.items, start=1)]
    return _package_form(empty_form(PackageEditFormLoad, row, rows=rows), package_id)


@blueprint.post(f"{PACKAGE}/edit")
def edit_package(package_id: int) -> Answer | tuple[str, int]:
    form = read_form(PackageEditFormLoad)
    with form.attempt():
        values = dict(form.values)
        version = values.pop("version")
        use_cases.edit_package(
            unit_of_work(), actor=current_actor(), package_id=package_id, version=version, text=_text(values)
        )
        flash(saved())
        return redirect(url_for("catalogue.package", package_id=package_id))
    return _package_form(form, package_id), form.status


def _text(values: dict[str, Any]) -> PackageText:
    return PackageText(
        item_ids=items_named(db.session(), values["names"]),
        **{name: value for name, value in values.items() if name != "names"},
    )


def _package_form(form: Form, package_id: int | None = None) -> str:
    rows = all_items(db.session())
    return render_template(
        "catalogue/package_form.html",
        form=form,
        package=use_cases.package(db.session(), package_id) if package_id else None,
        places=form.count("rows") + SPARE_ROWS,
        items=rows,
        names={row.code: bilingual(row) for row in rows},
        category_options=category_options(),
    )
