"""Pages of methods: the list, adding one, and one version: its text, its bench, its release, its comparison."""

from flask import flash, redirect, render_template, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from werkzeug.wrappers import Response as Answer

from lims.catalogue import budgets, items, methods, revising
from lims.catalogue.case_schemas import CaseKeepLoad
from lims.catalogue.cases import outcomes_of
from lims.catalogue.choose import standard_problem, successors, transition_note
from lims.catalogue.compare import compare_versions, pair_to_compare, version_before
from lims.catalogue.conformance import CASE_LIMITS
from lims.catalogue.face import blueprint, class_options, may_edit, saved, standard_options, today
from lims.catalogue.formulas import FormulaRefused, Trial
from lims.catalogue.method_schemas import (
    AgainstQuery,
    FormulaFiguresLoad,
    MethodEditLoad,
    MethodLoad,
    MethodVersionFormLoad,
    MethodVersionLoad,
)
from lims.catalogue.method_text import text_of
from lims.catalogue.models import (
    Comparison,
    Method,
    MethodVersion,
    ResultKind,
    StandardEdition,
    StandardStatus,
    TestItem,
)
from lims.catalogue.overview import formula_neighbours
from lims.catalogue.packages import packages_with
from lims.catalogue.readiness import readiness_of, try_stored
from lims.catalogue.references import holds_words
from lims.catalogue.revising import heirs_of, successor_of
from lims.catalogue.watch import Watch, method_lines, needs_look
from lims.core.database import db
from lims.core.paging import Key
from lims.core.web import current_actor, request_key, unit_of_work
from lims.metrology.judgements import Verdict
from lims.ui import lists, panels
from lims.ui.faces import ID, asked
from lims.ui.forms import Form, empty_form, read_form
from lims.ui.labels import choices, label
from lims.ui.lists import Column, Filter, Listing
from lims.ui.shapes import ReasonLoad

SPARE_INPUTS = 3
VERSION = f"/catalogue/versions/{ID.format('version_id')}"
METHODS = Listing(
    caption=_l("Test methods"),
    empty=_l("Methods appear here when a test item is given the standard it is measured by."),
    statement=lambda _actor: method_lines(today()),
    keys=(Key(TestItem.code), Key(Method.id)),
    columns=(
        Column("code", _l("Item code"), href=lambda row: url_for("catalogue.item", test_item_id=row.item_id)),
        Column("name", _l("Test item"), kind="bilingual"),
        Column(
            "standard",
            _l("Standard"),
            href=lambda row: url_for("catalogue.standard", standard_id=row.standard_id),
        ),
        Column("clause", _l("Clause")),
        Column("status", _l("Standard is"), kind="state", value=lambda row: StandardStatus(row.status)),
        Column("in_use", _l("Version in use"), kind="figure"),
        Column(
            "draft_id",
            _l("Draft"),
            value=lambda row: _("open draft") if row.draft_id else "",
            href=lambda row: url_for("catalogue.version", version_id=row.draft_id) if row.draft_id else "",
        ),
    ),
    filters=(
        Filter(
            "q",
            _l("Item or standard"),
            lambda s, v: s.where(
                holds_words(v, TestItem.code, TestItem.name_zh, TestItem.name_en, StandardEdition.code)
            ),
        ),
        Filter(
            "watch",
            _l("Needs a look"),
            lambda s, v: s.where(needs_look(Watch(v), today())),
            options=lambda: choices(Watch),
        ),
    ),
)


@blueprint.get("/catalogue/methods", endpoint="methods")
def methods_list() -> Answer | str:
    shown = lists.show(METHODS, db.session(), current_actor())
    return shown.download() or render_template("catalogue/methods.html", list=shown)


@blueprint.get(f"/catalogue/items/{ID.format('test_item_id')}/methods/new")
def new_method(test_item_id: int) -> str:
    return _method_form(empty_form(MethodLoad, preferred=True), items.item(db.session(), test_item_id))


@blueprint.post(f"/catalogue/items/{ID.format('test_item_id')}/methods/new")
def add_method(test_item_id: int) -> Answer | tuple[str, int]:
    form = read_form(MethodLoad)
    with form.attempt():
        made = methods.add_method(
            unit_of_work(),
            actor=current_actor(),
            test_item_id=test_item_id,
            request_key=request_key(),
            **form.values,
        )
        return redirect(url_for("catalogue.method", method_id=made.id))
    return _method_form(form, items.item(db.session(), test_item_id)), form.status


def _method_form(form: Form, item: TestItem) -> str:
    return render_template(
        "catalogue/method_form.html", form=form, item=item, standard_options=standard_options()
    )


@blueprint.get(f"/catalogue/methods/{ID.format('method_id')}")
def method(method_id: int) -> str:
    row = methods.method(db.session(), method_id)
    return _method(row, empty_form(MethodEditLoad, row))


@blueprint.post(f"/catalogue/methods/{ID.format('method_id')}")
def edit_method(method_id: int) -> Answer | tuple[str, int]:
    form = read_form(MethodEditLoad)
    with form.attempt():
        methods.edit_method(unit_of_work(), actor=current_actor(), method_id=method_id, **form.values)
        flash(saved())
        return redirect(url_for("catalogue.method", method_id=method_id))
    return _method(methods.method(db.session(), method_id), form), form.status


def _method(row: Method, form: Form) -> str:
    session = db.session()
    versions = methods.versions_of(session, [row.id]).get(row.id, [])
    replaced = successors(session, [row.standard])
    return render_template(
        "catalogue/method.html",
        method=row,
        problem=standard_problem(row, today(), replaced),
        ending=transition_note(row, today(), replaced),
        successor=successor_of(session, row.standard),
        heir=heirs_of(session, [row]).get(row.id),
        panels=panels.panels_of("catalogue.method", session, current_actor(), row.id),
        versions=versions,
        form=form,
        budgets=budgets.budgets_of(db.session(), row.id),
        packages=packages_with(db.session(), row.test_item_id),
        needed_by=formula_neighbours(db.session(), row.test_item)[0],
        numeric=any(v.result_kind is ResultKind.NUMBER for v in versions),
        may_edit=may_edit(),
        day=today(),
        may_draft=may_edit() and (not versions or versions[0].released_at is not None),
    )


@blueprint.post(f"/catalogue/methods/{ID.format('method_id')}/revise")
def revise_method(method_id: int) -> Answer:
    """Go on under the edition that replaces its standard."""
    made = revising.revise_method(
        unit_of_work(), actor=current_actor(), method_id=method_id, request_key=request_key()
    )
    flash(_("The method goes on under %(code)s as a draft: check what changed.", code=made.standard.code))
    return redirect(url_for("catalogue.method", method_id=made.id))


@blueprint.post(f"/catalogue/methods/{ID.format('method_id')}/draft")
def draft_version(method_id: int) -> Answer:
    """A copy of the newest version, opened for editing."""
    made = methods.draft_version(
        unit_of_work(), actor=current_actor(), method_id=method_id, request_key=request_key()
    )
    return redirect(url_for("catalogue.edit_version_page", version_id=made.id))


# -- one version ---------------------------------------------------------------------


@blueprint.get(VERSION)
def version(version_id: int) -> str:
    return version_page(version_id)


def version_page(
    version_id: int, trial: Trial | None = None, position: int | None = None, **forms: Form
) -> str:
    """The page of one version, with what its forms hold."""
    row = methods.method_version(db.session(), version_id)
    shown = {
        "bench": empty_form(FormulaFiguresLoad),
        "release": empty_form(MethodVersionLoad, version=row.version),
        "retire": empty_form(ReasonLoad),
        "case": empty_form(CaseKeepLoad, version=row.version, comparison=Comparison.FULL_VALUE),
    }
    readiness = readiness_of(db.session(), row)
    return render_template(
        "catalogue/version.html",
        version=row,
        method=row.method,
        item=row.method.test_item,
        before=version_before(db.session(), row),
        readiness=readiness,
        position=readiness.position if position is None else position,
        trial=trial,
        figure_names=[*readiness.inputs, *(f"@{code}" for code in readiness.items)],
        cases=list(zip(row.cases, outcomes_of(db.session(), row), strict=False)),
        case_choices={
            "kinds": [(kind.value, label(kind)) for kind in CASE_LIMITS],
            "comparisons": choices(Comparison),
            "verdicts": choices(Verdict),
        },
        forms={**shown, **forms},
        may_edit=may_edit(),
        class_names=dict(class_options()),
    )


@blueprint.get(f"{VERSION}/edit")
def edit_version_page(version_id: int) -> Answer | str:
    row = methods.method_version(db.session(), version_id)
    if row.released_at is not None:
        flash(_("A released version never changes: draft a new one."), "warning")
        return redirect(url_for("catalogue.version", version_id=version_id))
    text = text_of(row)
    inputs = [
        {name: getattr(one, name) for name in one.__slots__ if name != "typed"}
        | {"device_only": not one.typed}
        for one in text.inputs
    ]
    form = empty_form(
        MethodVersionFormLoad, row, inputs=inputs, equipment_classes=list(text.equipment_classes)
    )
    return _version_form(form, row)


@blueprint.post(f"{VERSION}/edit")
def edit_version(version_id: int) -> Answer | tuple[str, int]:
    form = read_form(MethodVersionFormLoad)
    with form.attempt():
        methods.edit_version(unit_of_work(), actor=current_actor(), version_id=version_id, **form.values)
        flash(_("The draft is kept. Try it with figures below, then release it."))
        return redirect(url_for("catalogue.version", version_id=version_id))
    return _version_form(form, methods.method_version(db.session(), version_id)), form.status


def _version_form(form: Form, row: MethodVersion) -> str:
    return render_template(
        "catalogue/version_form.html",
        form=form,
        version=row,
        item=row.method.test_item,
        rows=form.count("inputs") + SPARE_INPUTS,
        kinds=choices(ResultKind),
        class_options=class_options(),
    )


@blueprint.post(f"{VERSION}/try")
def try_version(version_id: int) -> str | tuple[str, int]:
    """The formula bench: changes nothing."""
    form, position = read_form(FormulaFiguresLoad), None
    with form.attempt():
        try:
            trial = try_stored(db.session(), version_id, form.values["figures"])
            return version_page(version_id, trial=trial, bench=form)
        except FormulaRefused as refusal:
            position = refusal.position
            raise
    return version_page(version_id, position=position, bench=form), form.status


@blueprint.post(f"{VERSION}/release")
def release_version(version_id: int) -> Answer | tuple[str, int]:
    form = read_form(MethodVersionLoad)
    with form.attempt():
        made = methods.release_version(
            unit_of_work(), actor=current_actor(), version_id=version_id, **form.values
        )
        flash(_("Version %(n)s is released: new orders use it from now on.", n=made.number))
        return redirect(url_for("catalogue.version", version_id=version_id))
    return version_page(version_id, release=form), form.status


@blueprint.post(f"{VERSION}/retire")
def retire_version(version_id: int) -> Answer | tuple[str, int]:
    form = read_form(ReasonLoad)
    with form.attempt():
        reason = form.values["reason"]
        methods.retire_version(unit_of_work(), actor=current_actor(), version_id=version_id, why=reason)
        flash(_("The version is retired; tests under way finish with it."))
        return redirect(url_for("catalogue.version", version_id=version_id))
    return version_page(version_id, retire=form), form.status


@blueprint.get(f"{VERSION}/compare")
def compare(version_id: int) -> str:
    old, new = pair_to_compare(db.session(), version_id, **asked(AgainstQuery))
    return render_template(
        "catalogue/compare.html",
        old=old,
        new=new,
        item=new.method.test_item,
        lines=compare_versions(old, new),
        versions=methods.versions_of(db.session(), [new.method_id])[new.method_id],
    )
