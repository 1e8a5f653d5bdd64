"""For customers with an account: own orders, progress, reports."""

from flask import render_template, url_for
from flask_babel import lazy_gettext as _l
from werkzeug.wrappers import Response as Answer

from lims.certificates.file_face import pdf_answer
from lims.core.database import db
from lims.core.web import current_actor, file_store, unit_of_work
from lims.intake.models import Order
from lims.intake.states import OrderState
from lims.portal import own
from lims.portal.face import blueprint
from lims.ui import lists
from lims.ui.faces import ID
from lims.ui.labels import choices
from lims.ui.lists import Column, Filter, Listing, Row


def _progress(row: Row) -> own.Progress:
    return own.progress_of(row.state, tests=row.tests, done=row.done, waiting=row.waiting)


ORDERS = Listing(
    caption=_l("My orders"),
    empty=_l("Your orders appear here once the laboratory has registered them."),
    statement=own.order_lines,
    keys=own.NEWEST_FIRST,
    columns=(
        Column("number", _l("Order"), href=lambda row: url_for("portal.order", order_id=row.id)),
        Column("progress", _l("Progress"), kind="state", value=_progress),
        Column("name", _l("Kind of business"), kind="bilingual"),
        Column("purpose", _l("Purpose")),
        Column("registered_on", _l("Registered"), kind="day"),
        Column("due_on", _l("Promised for"), kind="day"),
        Column("tests", _l("Tests"), kind="figure"),
        Column("done", _l("Measured"), kind="figure"),
        Column("reports", _l("Reports"), kind="figure"),
        Column("price", _l("Price"), kind="money"),
    ),
    filters=(
        Filter("q", _l("Order, sample or batch"), own.with_words),
        Filter(
            "state",
            _l("State"),
            lambda s, v: s.where(Order.state == OrderState(v)),
            options=lambda: choices(OrderState),
        ),
    ),
)
CERTIFICATES = Listing(
    caption=_l("My reports"),
    empty=_l("A report appears here the moment it is issued."),
    statement=own.certificate_lines,
    keys=own.CERTIFICATE_KEYS,
    columns=(
        Column("number", _l("Number"), href=lambda row: url_for("portal.file", certificate_id=row.id)),
        Column("state", _l("State"), kind="state"),
        Column("order_number", _l("Order"), href=lambda row: url_for("portal.order", order_id=row.order_id)),
        Column("issued_on", _l("Issued on"), kind="day"),
        Column("pdf_sha256", _l("SHA-256 of the file")),
    ),
)


@blueprint.get("/my/orders")
def orders() -> Answer | str:
    shown = lists.show(ORDERS, db.session(), current_actor())
    name = own.customer_name(db.session(), current_actor())
    return shown.download() or render_template("portal/orders.html", list=shown, customer=name)


@blueprint.get(f"/my/orders/{ID.format('order_id')}")
def order(order_id: int) -> str:
    found = own.get_order(db.session(), actor=current_actor(), order_id=order_id)
    return render_template("portal/order.html", found=found)


@blueprint.get("/my/reports")
def certificates() -> Answer | str:
    shown = lists.show(CERTIFICATES, db.session(), current_actor())
    return shown.download() or render_template("portal/certificates.html", list=shown)


@blueprint.get(f"/my/reports/{ID.format('certificate_id')}/file")
def file(certificate_id: int) -> Answer:
    """The issued bytes, the same for everyone and for ever."""
    certificate, content = own.download_own(
        unit_of_work(), file_store(), actor=current_actor(), certificate_id=certificate_id
    )
    return pdf_answer(content, name=f"{certificate.number}.pdf", inline=False, sha256=certificate.pdf_sha256)
