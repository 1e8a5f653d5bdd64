"""JSON of orders: looking at a sheet, price and due date, registering, reviewing, accepting, cancelling."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from flask import Response, request

from lims.core.clock import local_date
from lims.core.database import db
from lims.core.permissions import Actor
from lims.core.sheets import read_sheet, refused
from lims.core.web import clock, current_actor, request_key, unit_of_work
from lims.intake import editions, offer, order_reading, orders, review, sampling
from lims.intake.api_face import blueprint, refusals
from lims.intake.drafts import OrderDraft
from lims.intake.entry import Look, OrderEntry, look_at
from lims.intake.models import Order, ReviewFinding, SamplingForm
from lims.intake.order_schemas import (
    DecisionLoad,
    FindingDump,
    LookDump,
    OfferDump,
    OneDecisionLoad,
    OrderChangeLoad,
    OrderDump,
    OrderedSamplePageDump,
    OrderLoad,
    OrderPageDump,
    OrderQuery,
    OrderVersionLoad,
    PasteDump,
    PasteLoad,
    QuoteDump,
    QuoteLoad,
    SamplingFormDump,
    SamplingLoad,
    SheetCheckLoad,
    with_tests,
)
from lims.intake.paste import Paste, faulty_csv, parse_paste, parse_rows
from lims.ui.faces import ID
from lims.ui.shapes import PageQuery, ReasonLoad, VersionedReasonLoad

ORDER = f"/orders/{ID.format('order_id')}"
_SHEET = {"multipart/form-data": {"schema": {"type": "object", "properties": {"file": {"type": "string"}}}}}


# -- before saving -------------------------------------------------------------------


@blueprint.route("/offer")
@blueprint.response(200, OfferDump)
@refusals()
def show_offer() -> offer.Offer:
    """Kinds of business, packages, test items with prices, product classes: what an order may name."""
    return offer.offer_of_today(db.session())


@blueprint.route("/orders/quote", methods=["POST"])
@blueprint.arguments(QuoteLoad, as_kwargs=True)
@blueprint.response(200, QuoteDump)
@refusals(422)
def post_quote(draft: OrderDraft) -> offer.Quote:
    """Price and due date of what would be ordered. Nothing is saved."""
    return offer.quote(db.session(), draft, clock()(), today())


@blueprint.route("/orders/check-samples", methods=["POST"])
@blueprint.arguments(SheetCheckLoad, as_kwargs=True)
@blueprint.response(200, LookDump)
@refusals(422)
def check_samples(entry: OrderEntry) -> Look:
    """Lines of a sheet as they are typed: faults by line, price and due date of the right ones."""
    return look_at(db.session(), entry, clock()(), today())


@blueprint.route("/orders/paste", methods=["POST"])
@blueprint.arguments(PasteLoad, as_kwargs=True)
@blueprint.response(200, PasteDump)
@refusals(422)
def post_paste(text: str, items_for_all: bool) -> Paste:
    """Text copied from a spreadsheet as samples, with every fault by row. Nothing is saved."""
    return parse_paste(db.session(), text, today(), items_for_all=items_for_all)


@blueprint.route("/orders/paste/faulty-rows.csv", methods=["POST"])
@blueprint.arguments(PasteLoad, as_kwargs=True)
@blueprint.response(200, {"type": "string"}, content_type="text/csv")
@refusals(422)
def post_faulty_rows(text: str, items_for_all: bool) -> Response:
    """The faulty rows of a paste as a file, each with what is wrong."""
    paste = parse_paste(db.session(), text, today(), items_for_all=items_for_all)
    return as_csv(faulty_csv(paste))


@blueprint.route("/orders/sheet", methods=["POST"])
@blueprint.doc(requestBody={"required": True, "content": _SHEET})
@blueprint.response(200, PasteDump)
@refusals(413, 422)
def post_sheet() -> Paste:
    """An uploaded workbook (.xlsx) or CSV file, read like a paste. Nothing is saved."""
    file = request.files.get("file")
    if file is None:
        raise refused("sheet_empty")
    for_all = request.form.get("items_for_all", "") in {"true", "1", "on"}
    return parse_rows(db.session(), read_sheet(file.read()), today(), items_for_all=for_all)


# -- orders --------------------------------------------------------------------------


@blueprint.route("/orders", methods=["POST"])
@blueprint.arguments(OrderLoad, as_kwargs=True)
@blueprint.response(201, OrderDump)
@refusals(404, 409, 422)
def post_order(draft: OrderDraft) -> Order:
    """Register an order with its samples and tests, all or nothing. Takes an Idempotency-Key.

    409 ``customer_name_known`` asks for ``same_name``, 409 ``same_order_today`` for ``again``.
    """
    return orders.register_order(
        unit_of_work(), actor=current_actor(), draft=draft, request_key=request_key()
    )


@blueprint.route("/orders")
@blueprint.arguments(OrderQuery, location="query", as_kwargs=True)
@blueprint.response(200, OrderPageDump)
@refusals(422)
def list_orders(**wanted: Any) -> object:
    return order_reading.list_orders(db.session(), current_actor(), today=today(), **wanted)


@blueprint.route(ORDER)
@blueprint.response(200, OrderDump)
@refusals(404)
def show_order(order_id: int) -> Order:
    return orders.get_order(db.session(), current_actor(), order_id)


@blueprint.route(f"{ORDER}/samples")
@blueprint.arguments(PageQuery, location="query", as_kwargs=True)
@blueprint.response(200, OrderedSamplePageDump)
@refusals(404, 422)
def list_order_samples(order_id: int, **wanted: Any) -> dict[str, object]:
    """The samples of an order with their tests."""
    row = orders.get_order(db.session(), current_actor(), order_id)
    found = order_reading.samples_of_order(db.session(), row.id, **wanted)
    rows = [with_tests(sample, found.tests) for sample in found.page.rows]
    return {"rows": rows, "after": found.page.after, "before": found.page.before}


@blueprint.route(ORDER, methods=["PUT"])
@blueprint.arguments(OrderChangeLoad, as_kwargs=True)
@blueprint.response(200, OrderDump)
@refusals(404, 409, 422)
def put_order(order_id: int, **values: Any) -> Order:
    """Before acceptance only; what is not sent stays."""
    return orders.change_order(unit_of_work(), actor=current_actor(), order_id=order_id, **values)


@blueprint.route(f"{ORDER}/accept", methods=["POST"])
@blueprint.arguments(OrderVersionLoad, as_kwargs=True)
@blueprint.response(200, OrderDump)
@refusals(404, 409, 422)
def accept_order(order_id: int, version: int) -> Order:
    """409 ``review_open`` while a finding of the contract review waits for a decision."""
    return review.accept_order(unit_of_work(), actor=current_actor(), order_id=order_id, version=version)


@blueprint.route(f"{ORDER}/carry-over", methods=["POST"])
@blueprint.arguments(ReasonLoad, as_kwargs=True)
@blueprint.response(200, OrderDump)
@refusals(404, 409, 422)
def carry_over(order_id: int, reason: str) -> Order:
    """Tests not begun by an edition that is withdrawn or in transition follow the edition in force."""
    editions.carry_over(unit_of_work(), actor=current_actor(), order_id=order_id, reason=reason)
    return orders.get_order(db.session(), current_actor(), order_id)


@blueprint.route(f"{ORDER}/cancel", methods=["POST"])
@blueprint.arguments(VersionedReasonLoad, as_kwargs=True)
@blueprint.response(200, OrderDump)
@refusals(404, 409, 422)
def cancel_order(order_id: int, version: int, reason: str) -> Order:
    return orders.cancel_order(
        unit_of_work(), actor=current_actor(), order_id=order_id, version=version, reason=reason
    )


# -- contract review -----------------------------------------------------------------


@blueprint.route(f"{ORDER}/review", methods=["POST"])
@blueprint.response(200, FindingDump(many=True))
@refusals(404, 409)
def review_order(order_id: int) -> Sequence[ReviewFinding]:
    """What we cannot do of this order, asked anew; decisions taken before stay."""
    return review.review_order(unit_of_work(), actor=current_actor(), order_id=order_id)


@blueprint.route(f"{ORDER}/findings")
@blueprint.response(200, FindingDump(many=True))
@refusals(404)
def list_findings(order_id: int) -> Sequence[ReviewFinding]:
    row = orders.get_order(db.session(), current_actor(), order_id)
    return review.findings_of(db.session(), row.id)


@blueprint.route(f"{ORDER}/findings/{ID.format('finding_id')}/decision", methods=["POST"])
@blueprint.arguments(OneDecisionLoad, as_kwargs=True)
@blueprint.response(200, FindingDump)
@refusals(404, 409, 422)
def post_decision(order_id: int, finding_id: int, decision: str, reason: str) -> ReviewFinding:
    """``drop`` the test in question, or ``accept`` the order as it is, for a reason."""
    return decided(current_actor(), order_id, [finding_id], decision, reason)[0]


@blueprint.route(f"{ORDER}/findings/decisions", methods=["POST"])
@blueprint.arguments(DecisionLoad, as_kwargs=True)
@blueprint.response(200, FindingDump(many=True))
@refusals(404, 409, 422)
def post_decisions(
    order_id: int, finding_ids: list[int], decision: str, reason: str
) -> Sequence[ReviewFinding]:
    """The same decision for several findings, all or none."""
    return decided(current_actor(), order_id, finding_ids, decision, reason)


def decided(
    actor: Actor, order_id: int, finding_ids: Sequence[int], decision: str, reason: str
) -> list[ReviewFinding]:
    return review.decide_findings(
        unit_of_work(),
        actor=actor,
        order_id=order_id,
        finding_ids=finding_ids,
        decision=decision,
        reason=reason,
    )


@blueprint.route(f"{ORDER}/sampling-forms", methods=["POST"])
@blueprint.arguments(SamplingLoad, as_kwargs=True)
@blueprint.response(201, SamplingFormDump)
@refusals(404, 409, 422)
def post_sampling_form(order_id: int, **values: Any) -> SamplingForm:
    """Takes an Idempotency-Key."""
    return sampling.record_sampling(
        unit_of_work(), actor=current_actor(), order_id=order_id, request_key=request_key(), **values
    )


@blueprint.route(f"{ORDER}/sampling-forms")
@blueprint.response(200, SamplingFormDump(many=True))
@refusals(404)
def list_sampling_forms(order_id: int) -> Sequence[SamplingForm]:
    row = orders.get_order(db.session(), current_actor(), order_id)
    return order_reading.forms_of_order(db.session(), row.id)


def today() -> date:
    return local_date(clock()())


def as_csv(content: bytes) -> Response:
    response = Response(content, content_type="text/csv; charset=utf-8")
    response.headers["Content-Disposition"] = "attachment; filename=faulty-rows.csv"
    return response
