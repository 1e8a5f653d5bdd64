"""The page of a new order: customer, kind of business, tests and samples on one screen."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from flask import Response, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response as Answer

from lims.catalogue.labels import decision_rule_choices
from lims.core.clock import local_date
from lims.core.database import db
from lims.core.errors import NotFound
from lims.core.sheets import read_sheet, split_text
from lims.core.web import clock, current_actor, request_key, unit_of_work
from lims.intake import customers
from lims.intake.entry import COLUMNS, Look, OrderEntry, draft_of, look_at, read_lines
from lims.intake.face import blueprint
from lims.intake.labels import LANGUAGE_WORDS
from lims.intake.models import Customer
from lims.intake.offer import offer_of_today, other_methods
from lims.intake.order_form_schemas import OrderFormLoad
from lims.intake.orders import register_order
from lims.intake.paste import HEADINGS, faulty_csv, lines_of
from lims.intake.review import review_new
from lims.metrology.decision_rules import SIMPLE_ACCEPTANCE
from lims.ui.forms import Form, empty_form, read_form
from lims.ui.labels import Text, bilingual, day
from lims.ui.shapes import MAX_ID

# Lines of a fresh page, and those left blank below what was typed: without script there is no adding.
FRESH_LINES, BLANK_LINES = 6, 2
WORDS: Mapping[str, Text] = {
    "name": _l("Sample name"),
    "specification": _l("Specification"),
    "batch": _l("Batch"),
    "produced_on": _l("Produced on"),
    "expires_on": _l("Expires on or shelf life"),
    "quantity": _l("Quantity"),
    "producer": _l("Producer"),
    "items": _l("Further tests"),
    "category": _l("Product class"),
    "brand": _l("Brand"),
    "producer_address": _l("Producer's address"),
}


@blueprint.get("/orders/new")
def new_order() -> str:
    offer = offer_of_today(db.session())
    first = offer.types[0].id if offer.types else None
    form = empty_form(
        OrderFormLoad,
        business_type_id=first,
        report_language="zh",
        judge=True,
        decision_rule=SIMPLE_ACCEPTANCE.rule_id,
        customer_id=whole_number(request.args.get("customer", "")),
    )
    return _page(form, pristine=True)


@blueprint.post("/orders/new")
def create_order() -> Answer | str | tuple[str, int]:
    form = read_form(OrderFormLoad)
    if _unread():
        return look_at_order()  # what was pasted as text or uploaded is shown before it is saved
    with form.attempt():
        draft = draft_of(db.session(), form.values["entry"], today())
        order = register_order(unit_of_work(), actor=current_actor(), draft=draft, request_key=request_key())
        review_new(unit_of_work(), actor=current_actor(), order_id=order.id)
        flash(_("Order %(number)s is registered.", number=order.number))
        return redirect(url_for("intake.order", order_id=order.id))
    return _page(form), form.status


@blueprint.post("/orders/new/look")
def look_at_order() -> str | tuple[str, int]:
    """Find the customer, read what was pasted or uploaded, show faults and price; nothing is saved."""
    form = read_form(OrderFormLoad)
    with form.attempt():
        read = _read_sheet()
        form = _with_lines(form, read)
        look = look_at(db.session(), _typed_entry(form), clock()(), today())
        _show_faults(form, look)
        return _page(form, look=look)
    return _page(form), form.status


@blueprint.post("/orders/new/faulty-rows.csv")
def faulty_rows() -> Response:
    """The lines that are not right yet as a file, each with what is wrong."""
    paste = read_lines(db.session(), _typed_entry(read_form(OrderFormLoad)), today())
    response = Response(faulty_csv(paste), content_type="text/csv; charset=utf-8")
    response.headers["Content-Disposition"] = "attachment; filename=faulty-rows.csv"
    return response


def today() -> date:
    return local_date(clock()())


def whole_number(text: str) -> int | None:
    """The number of a row as an address or a field holds it; None for anything else."""
    found = int(text) if text.isascii() and text.isdigit() and len(text) < 17 else 0
    return found if 0 < found <= MAX_ID else None


# -- lines ---------------------------------------------------------------------------


def _unread() -> bool:
    file = request.files.get("file")
    return bool(request.form.get("pasted", "").strip() or (file and file.filename))


def _read_sheet() -> list[Mapping[str, str]]:
    """Lines of the text box and of the uploaded file. Raises InvalidInput for what is no table."""
    found: list[Mapping[str, str]] = []
    if request.form.get("pasted", "").strip():
        found.extend(lines_of(split_text(request.form["pasted"]), field="pasted"))
    file = request.files.get("file")
    if file is not None and file.filename:
        found.extend(lines_of(read_sheet(file.read()), field="file"))
    return found


def _typed_lines(form: Form) -> list[Mapping[str, str]]:
    return [
        {name: form.typed(f"samples-{n}-{name}") for name in COLUMNS} for n in range(form.count("samples"))
    ]


def _with_lines(form: Form, more: Sequence[Mapping[str, str]]) -> Form:
    """The same form with these lines behind those that were typed."""
    shown: MultiDict[str, str] = MultiDict()
    for name, values in request.form.lists():
        if not name.startswith("samples-") and name not in {"csrf_token", "pasted"}:
            shown.setlist(name, values)
    for n, line in enumerate([*_typed_lines(form), *more]):
        for column, text in line.items():
            shown[f"samples-{n}-{column}"] = text
    longer = Form(form.schema, shown)
    longer.errors = {k: v for k, v in form.errors.items() if not k.startswith("samples-")}
    return longer


def _typed_entry(form: Form) -> OrderEntry:
    """As much of the entry as faults and price depend on; the rest may still be wrong."""
    return OrderEntry(
        business_type_id=whole_number(form.typed("business_type_id")),
        asks=[ask for ask in form.typed_list("asks") if ask.strip()][:400],
        lines=_typed_lines(form),
    )


def _show_faults(form: Form, look: Look) -> None:
    for n, faults in look.faults.items():
        for column, sentences in faults.items():
            form.errors[f"samples-{n}-{column}"] = list(sentences)


# -- the page ------------------------------------------------------------------------


def _page(form: Form, *, look: Look | None = None, pristine: bool = False) -> str:
    session, actor = db.session(), current_actor()
    picked = _picked(form)
    offer = offer_of_today(session)
    kind_id = whole_number(form.typed("business_type_id"))
    words = "".join(c for c in form.typed("customer") if c.isprintable())[:100]
    return render_template(
        "intake/new_order.html",
        form=form,
        look=look,
        pristine=pristine,
        offer=offer,
        kind=next((row for row in offer.types if row.id == kind_id), None),
        picked=picked,
        contacts=[(str(c.id), f"{c.name} {c.phone}".strip()) for c in picked.contacts] if picked else [],
        categories=[(str(c.id), indented(c)) for c in offer.categories],
        methods=[
            (f"{r.id}-{r.method_id}", method_words(r)) for r in other_methods(session, clock()(), today())
        ],
        languages=LANGUAGE_WORDS,
        decision_rules=decision_rule_choices(),
        parts={part for part in ("new_customer", "new_contact", "sampling_form") if _is_filled(form, part)},
        matches=[] if picked else customers.matching_customers(session, actor, words),
        columns=[(name, WORDS[name], ",".join(HEADINGS[name])) for name in COLUMNS],
        count=max(FRESH_LINES, form.count("samples") + BLANK_LINES),
        faulty={int(name.split("-")[1]) for name in form.errors if name.startswith("samples-")},
    )


def method_words(row: Any) -> str:
    """An item with a method that is not its usual one."""
    words = f"{bilingual(row)} · {row.standard} {row.clause}".strip()
    if row.withdrawn_from is None or row.withdrawn_from > today():
        return words
    until = _("in transition until %(day)s", day=day(row.transition_until))
    return f"{words} ({until})"


def indented(category: Any) -> str:
    """A product class as a line of a select box: deeper ones further right."""
    indent: str = "\u2003" * (category.level - 1)
    return f"{indent}{bilingual(category)} {category.code}"


def _is_filled(form: Form, part: str) -> bool:
    """Something was typed in this group, or is wrong with it."""
    schema = form.schema.fields[part].schema  # type: ignore[attr-defined]
    names = [f"{part}-{name}" for name in schema.fields]
    return any(form.typed(name).strip() or name in form.errors for name in names)


def _picked(form: Form) -> Customer | None:
    number = whole_number(form.typed("customer_id"))
    if number is None:
        return None
    try:
        return customers.get_customer(db.session(), current_actor(), number)
    except NotFound:
        return None
