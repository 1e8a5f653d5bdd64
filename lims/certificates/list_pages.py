"""Lists: every certificate, orders that wait for one, and the page that drafts it."""

from typing import Any

from flask import flash, redirect, render_template, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext
from werkzeug.wrappers import Response as Answer

from lims.certificates import search
from lims.certificates.drafting import draft_many as draft_for_orders
from lims.certificates.drafting import offer_of
from lims.certificates.face import blueprint
from lims.certificates.models import Certificate
from lims.certificates.road import draft_certificate as draft
from lims.certificates.schemas import ReportDraftLoad, ReportOrdersLoad
from lims.certificates.search import Waiting
from lims.certificates.states import CertificateState
from lims.core.clock import local_date
from lims.core.database import db
from lims.core.paging import Key
from lims.core.permissions import Permission
from lims.core.web import clock, current_actor, request_key, unit_of_work
from lims.intake.models import Customer, Order
from lims.ui import lists
from lims.ui.faces import ID
from lims.ui.forms import Form, empty_form, read_form
from lims.ui.labels import choices
from lims.ui.lists import Bulk, Column, Filter, Listing
from lims.ui.lists import Order as Sorting
from lims.ui.pages import safe_path
from reports.document import Language


def _waiting(lines: search.Lines, value: Any) -> search.Lines:
    today = local_date(clock()())
    return search.waiting_for(lines, Waiting(value), db.session(), current_actor(), today)


def _late(row: Any) -> bool:
    over = {CertificateState.ISSUED, CertificateState.WITHDRAWN, CertificateState.DROPPED}
    return bool(row.state not in over and row.due_on < local_date(clock()()))


CERTIFICATES = Listing(
    caption=_l("Reports"),
    empty=_l("Reports appear here when somebody drafts one from verified results."),
    statement=lambda actor: search.certificate_lines(),
    keys=search.NEWEST_FIRST,
    columns=(
        Column(
            "number",
            _l("Number"),
            value=lambda row: row.number or _("no number yet (%(id)s)", id=row.id),
            href=lambda row: url_for("certificates.certificate", certificate_id=row.id),
        ),
        Column("state", _l("State"), kind="state"),
        Column("customer", _l("Customer")),
        Column(
            "order_number",
            _l("Order"),
            href=lambda row: url_for("intake.order", order_id=row.order_id),
        ),
        Column("reported", _l("Values"), kind="figure"),
        Column("failed", _l("Failed"), kind="figure", value=lambda row: row.failed or None),
        Column("drafted_at", _l("Prepared"), kind="instant"),
        Column("due_on", _l("Promised for"), kind="day"),
        Column("issued_on", _l("Issued on"), kind="day"),
    ),
    filters=(
        Filter("q", _l("Number, order, sample or customer"), search.with_words),
        Filter(
            "state",
            _l("State"),
            lambda s, v: s.where(Certificate.state == CertificateState(v)),
            options=lambda: choices(CertificateState),
        ),
        Filter("waiting", _l("Waits"), _waiting, options=lambda: choices(Waiting)),
        Filter("from", _l("Issued from"), lambda s, v: s.where(Certificate.issued_on >= v), kind="day"),
        Filter("to", _l("Issued until"), lambda s, v: s.where(Certificate.issued_on <= v), kind="day"),
        Filter(
            "customer_id",
            _l("Customer"),
            lambda s, v: s.where(Customer.id == min(int(v), 2**53)),
            hidden=True,
        ),
    ),
    orders=(Sorting("due", _l("Promised for"), (Key(Order.due_on), Key(Certificate.id))),),
    is_late=_late,
)

READY = Listing(
    caption=_l("Orders ready for a report"),
    empty=_l("An order appears here when results of it are verified and no report holds them yet."),
    statement=lambda actor: search.ready_orders(),
    keys=search.FIRST_DUE,
    columns=(
        Column(
            "number",
            _l("Order"),
            href=lambda row: url_for("certificates.compose", order_id=row.id),
        ),
        Column("customer", _l("Customer")),
        Column("name", _l("Kind of business"), kind="bilingual"),
        Column("waiting", _l("Verified, not reported"), kind="figure"),
        Column("at_bench", _l("Still at the bench"), kind="figure"),
        Column("due_on", _l("Promised for"), kind="day"),
        Column(
            "draft",
            _l("Report"),
            value=lambda row: _("Draft …"),
            href=lambda row: url_for("certificates.compose", order_id=row.id),
        ),
    ),
    filters=(
        Filter("q", _l("Order"), lambda s, v: s.where(Order.number.startswith(v, autoescape=True))),
        Filter(
            "whole",
            _l("Which"),
            lambda s, v: search.only_finished(s),
            options=lambda: [("yes", _l("only complete ones"))],
        ),
    ),
    bulk=(Bulk("certificates.draft_many", _l("Draft one report each"), Permission.CERTIFICATE_DRAFT),),
    is_late=lambda row: row.due_on < local_date(clock()()),
)


@blueprint.get("/certificates")
def certificates() -> str | Answer:
    shown = lists.show(CERTIFICATES, db.session(), current_actor())
    return shown.download() or render_template("certificates/certificates.html", list=shown)


@blueprint.get("/certificates/ready")
def ready() -> str | Answer:
    shown = lists.show(READY, db.session(), current_actor())
    return shown.download() or render_template("certificates/ready.html", list=shown)


@blueprint.post("/certificates/ready")
def draft_many() -> Answer:
    """One report for each ticked order; an order that cannot have one is named."""
    form = read_form(ReportOrdersLoad)
    back = safe_path(form.typed("next")) if form.typed("next") else url_for("certificates.ready")
    if not form.is_valid:
        flash(_("Tick between 1 and 50 orders."), "error")
        return redirect(back)
    done = draft_for_orders(unit_of_work(), actor=current_actor(), order_ids=form.values["ids"])
    made = [one for one in done if one.ok]
    if made:
        flash(ngettext("%(num)s report drafted.", "%(num)s reports drafted.", len(made)))
    for one in done:
        if not one.ok:
            flash(f"{one.number}: {one.sentence}", "error")
    return redirect(back)


@blueprint.get(f"/orders/{ID.format('order_id')}/report")
def compose(order_id: int) -> str:
    return _compose(order_id, None)


def _compose(order_id: int, form: Form | None) -> str:
    offer = offer_of(db.session(), actor=current_actor(), order_id=order_id)
    shown = form or empty_form(
        ReportDraftLoad, language=offer.order.report_language, test_ids=[t.id for t, _v in offer.values]
    )
    return render_template("certificates/compose.html", offer=offer, form=shown, languages=choices(Language))


@blueprint.post(f"/orders/{ID.format('order_id')}/report")
def draft_certificate(order_id: int) -> Answer | tuple[str, int]:
    form = read_form(ReportDraftLoad)
    with form.attempt():
        made = draft(
            unit_of_work(),
            actor=current_actor(),
            order_id=order_id,
            request_key=request_key(),
            **form.values,
        )
        return redirect(url_for("certificates.certificate", certificate_id=made.id))
    return _compose(order_id, form), form.status
