"""HTML pages of orders: the list, one order, contract review, acceptance, change, cancellation."""

from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import pgettext
from werkzeug.wrappers import Response as Answer

from lims.catalogue.labels import decision_rule_choices
from lims.core.database import db
from lims.core.permissions import Permission
from lims.core.web import current_actor, request_key, unit_of_work
from lims.intake import order_reading, orders, receiving, review, sampling
from lims.intake.face import blueprint
from lims.intake.labels import LANGUAGE_WORDS, VERBS
from lims.intake.models import Order
from lims.intake.order_form_schemas import AddSamplingFormLoad, OrderEditLoad
from lims.intake.order_list_pages import listing_of_orders, order_tabs
from lims.intake.order_schemas import DecisionLoad, OrderVersionLoad
from lims.intake.states import OrderState
from lims.people.audit_labels import actor_words
from lims.ui import lists, panels
from lims.ui.faces import ID
from lims.ui.forms import Form, empty_form, read_form
from lims.ui.shapes import VersionedReasonLoad

ORDER = f"/orders/{ID.format('order_id')}"


@blueprint.get("/orders", endpoint="orders")
def orders_page() -> str | Answer:
    shown = lists.show(listing_of_orders(), db.session(), current_actor())
    tabs = order_tabs(db.session(), current_actor())
    return shown.download() or render_template("intake/orders.html", list=shown, tabs=tabs)


@blueprint.get(ORDER)
def order(order_id: int) -> str:
    return _order(order_id)


def _order(order_id: int, **forms: Form) -> str:
    session, actor = db.session(), current_actor()
    row = orders.get_order(session, actor, order_id)
    shown = {
        "cancel": empty_form(VersionedReasonLoad),
        "decide": empty_form(DecisionLoad),
        "sampling": empty_form(AddSamplingFormLoad),
        **forms,
    }
    for name, form in shown.items():
        form.prefix = name
    events = order_reading.events_of_order(session, row.id)
    gaps = order_reading.gaps_of_order(session, row.id)
    return render_template(
        "intake/order.html",
        order=row,
        contact=order_reading.contact_of_order(session, row),
        samples=order_reading.samples_of_order(session, row.id, cursor=request.args.get("samples")),
        sampling_forms=order_reading.forms_of_order(session, row.id),
        gaps=gaps,
        undecided=sum(1 for gap in gaps if gap.decision is None and gap.level == "blocking"),
        reviewed=any(event.verb == "order.review" for event in events),
        events=_timeline([*_lines(events), *panels.events_of("intake.order", session, actor, row.id)]),
        panels=panels.panels_of("intake.order", session, actor, row.id),
        forms=shown,
        may=_may(row),
        languages=dict(LANGUAGE_WORDS),
        decision_words=_decision_words,
        decision_reason=_decision_reason,
    )


def _decision_words(decision: str) -> str:
    """``drop``, ``accept: why`` and ``gone`` as the review stores them, in words."""
    kind = decision.partition(":")[0]
    words = {
        review.DROP: pgettext("finding", "dropped"),
        review.ACCEPT: pgettext("finding", "accepted"),
        "gone": pgettext("finding", "no longer so"),
    }
    return str(words.get(kind, kind))


def _decision_reason(decision: str) -> str:
    return decision.partition(":")[2].strip()


def _may(row: Order) -> set[str]:
    """The steps that this person may take now."""
    actor, registered = current_actor(), row.state is OrderState.REGISTERED
    steps = {
        "review": registered and (actor.can(Permission.ORDER_REGISTER) or actor.can(Permission.ORDER_ACCEPT)),
        "accept": registered and actor.can(Permission.ORDER_ACCEPT),
        "change": registered and actor.can(Permission.ORDER_REGISTER),
        "cancel": row.state in order_reading.OPEN and actor.can(Permission.ORDER_CANCEL),
        "receive": row.state in order_reading.OPEN
        and actor.can(Permission.SAMPLE_RECEIVE)
        and bool(receiving.expected_of(db.session(), row.id, most=1)),
    }
    return {name for name, open_ in steps.items() if open_}


def _timeline(events: list[panels.Event]) -> list[tuple[Any, ...]]:
    ordered = sorted(events, key=lambda event: event.at)
    return [(e.at, e.title, e.who, e.detail, e.tone) for e in ordered]


def _lines(events: Any) -> list[panels.Event]:
    return [
        panels.Event(
            e.at,
            VERBS.get(e.verb, (e.verb, ""))[0],
            actor_words(e.actor_name),
            e.reason or "",
            VERBS.get(e.verb, ("", ""))[1],
        )
        for e in events
    ]


@blueprint.post(f"{ORDER}/review")
def review_order(order_id: int) -> Answer:
    review.review_order(unit_of_work(), actor=current_actor(), order_id=order_id)
    return _back(order_id)


@blueprint.post(f"{ORDER}/accept")
def accept_order(order_id: int) -> Answer | tuple[str, int]:
    form = read_form(OrderVersionLoad)
    with form.attempt():
        review.accept_order(unit_of_work(), actor=current_actor(), order_id=order_id, **form.values)
        flash(_("The order is accepted."))
        return _back(order_id)
    return _order(order_id, accept=form), form.status


@blueprint.post(f"{ORDER}/findings")
def decide_findings(order_id: int) -> Answer | tuple[str, int]:
    form = read_form(DecisionLoad)
    with form.attempt():
        review.decide_findings(unit_of_work(), actor=current_actor(), order_id=order_id, **form.values)
        return _back(order_id)
    return _order(order_id, decide=form), form.status


@blueprint.post(f"{ORDER}/cancel")
def cancel_order(order_id: int) -> Answer | tuple[str, int]:
    form = read_form(VersionedReasonLoad)
    with form.attempt():
        orders.cancel_order(unit_of_work(), actor=current_actor(), order_id=order_id, **form.values)
        flash(_("The order is cancelled."))
        return _back(order_id)
    return _order(order_id, cancel=form), form.status


@blueprint.post(f"{ORDER}/sampling-forms")
def add_sampling_form(order_id: int) -> Answer | tuple[str, int]:
    form = read_form(AddSamplingFormLoad)
    with form.attempt():
        sampling.record_sampling(
            unit_of_work(),
            actor=current_actor(),
            order_id=order_id,
            draft=form.values["entry"].draft(),
            request_key=request_key(),
        )
        review.review_new(unit_of_work(), actor=current_actor(), order_id=order_id)
        return _back(order_id)
    return _order(order_id, sampling=form), form.status


def _back(order_id: int) -> Answer:
    return redirect(url_for("intake.order", order_id=order_id))


# -- change before acceptance --------------------------------------------------------


@blueprint.get(f"{ORDER}/edit")
def edit_order(order_id: int) -> str:
    row = orders.get_order(db.session(), current_actor(), order_id)
    return _edit(row, empty_form(OrderEditLoad, row))


@blueprint.post(f"{ORDER}/edit")
def change_order(order_id: int) -> Answer | tuple[str, int]:
    form = read_form(OrderEditLoad)
    with form.attempt():
        orders.change_order(unit_of_work(), actor=current_actor(), order_id=order_id, **form.values)
        flash(_("Saved."))
        return _back(order_id)
    return _edit(orders.get_order(db.session(), current_actor(), order_id), form), form.status


def _edit(row: Order, form: Form) -> str:
    contacts = [(str(c.id), f"{c.name} {c.phone}".strip()) for c in row.customer.contacts]
    return render_template(
        "intake/edit_order.html",
        order=row,
        form=form,
        contacts=contacts,
        languages=LANGUAGE_WORDS,
        decision_rules=decision_rule_choices(),
    )
