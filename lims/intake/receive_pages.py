"""Pages of the receive check: what is awaited, one sample, all samples of an order."""

from collections.abc import Sequence
from typing import Any

from flask import flash, redirect, render_template, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response as Answer

from lims.core.database import db
from lims.core.errors import LimsError, TransitionRefused
from lims.core.web import current_actor, file_store, unit_of_work
from lims.intake import arrivals as awaited
from lims.intake import receiving
from lims.intake.face import blueprint
from lims.intake.models import Sample
from lims.intake.orders import get_order
from lims.intake.receiving import Arrival, SealState
from lims.intake.sample_pages import place_choices
from lims.intake.sample_schemas import ManyFormLoad, ReceiveFormLoad
from lims.intake.samples import get_sample
from lims.intake.states import SampleState
from lims.ui.faces import ID
from lims.ui.forms import Form, empty_form, read_form
from lims.ui.labels import choices


@blueprint.get("/receive")
def arrivals() -> str:
    """What is awaited, by order; the scanner opens the right sample."""
    orders = awaited.awaited_orders(db.session(), actor=current_actor())
    return render_template("intake/arrivals.html", orders=orders, most=awaited.MOST)


@blueprint.get(f"/samples/{ID.format('sample_id')}/receive")
def receive(sample_id: int) -> str:
    row = get_sample(db.session(), current_actor(), sample_id)
    return _receive(row, empty_form(ReceiveFormLoad, version=row.version, amount=row.quantity))


def _receive(row: Sample, form: Form) -> str:
    order = get_order(db.session(), current_actor(), row.order_id)
    return render_template(
        "intake/receive.html",
        sample=row,
        order=order,
        form=form,
        seals=choices(SealState),
        places=place_choices(),
        is_expected=row.state is SampleState.EXPECTED,
        still_awaited=len(receiving.expected_of(db.session(), row.order_id)) - 1,
    )


@blueprint.post(f"/samples/{ID.format('sample_id')}/receive")
def take_in(sample_id: int) -> Answer | tuple[str, int]:
    """Accept or refuse, as the button says."""
    form = read_form(ReceiveFormLoad)
    with form.attempt():
        done = _take_in(sample_id, dict(form.values))
        return _next_of(done)
    return _receive(get_sample(db.session(), current_actor(), sample_id), form), form.status


def _take_in(sample_id: int, values: dict[str, Any]) -> Sample:
    verdict, reason = values.pop("verdict"), values.pop("reason")
    by: dict[str, Any] = {"actor": current_actor(), "sample_id": sample_id, "store": file_store(), **values}
    if verdict == "refuse":
        return receiving.refuse_sample(unit_of_work(), reason=reason, **by)
    return receiving.receive_sample(unit_of_work(), **by)


def _next_of(done: Sample) -> Answer:
    """The next awaited sample of the order; the sample itself after the last one or a refusal."""
    waiting = receiving.expected_of(db.session(), done.order_id, 1)
    if done.state is SampleState.REFUSED:
        flash(_("%(number)s is refused; the letter is being written.", number=done.number), "warning")
    else:
        flash(_("%(number)s is received.", number=done.number))
    if waiting and done.state is not SampleState.REFUSED:
        return redirect(url_for("intake.receive", sample_id=waiting[0].id))
    return redirect(url_for("intake.sample", sample_id=done.id))


@blueprint.get(f"/orders/{ID.format('order_id')}/receive")
def receive_order(order_id: int) -> str:
    rows = receiving.expected_of(db.session(), get_order(db.session(), current_actor(), order_id).id)
    lines = [{"sample_id": row.id, "version": row.version, "came": True} for row in rows]
    return _receive_order(order_id, rows, empty_form(ManyFormLoad, seal=None, samples=lines))


def _receive_order(order_id: int, rows: Sequence[Sample], form: Form) -> str:
    return render_template(
        "intake/receive_order.html",
        order=get_order(db.session(), current_actor(), order_id),
        rows=rows,
        form=form,
        seals=choices(SealState),
        places=place_choices(),
        most=receiving.MOST_AT_ONCE,
    )


@blueprint.post(f"/orders/{ID.format('order_id')}/receive")
def take_in_order(order_id: int) -> Answer | tuple[str, int]:
    form = read_form(ManyFormLoad)
    with form.attempt():
        values = form.values
        done = _take_in_many(order_id, values["arrivals"], values["places"])
        refused = sum(row.state is SampleState.REFUSED for row in done)
        flash(_("%(n)s samples are received.", n=len(done) - refused))
        if refused:
            flash(_("%(n)s are refused; their letters are being written.", n=refused), "warning")
        return redirect(url_for("intake.order", order_id=order_id))
    rows = _shown_again(order_id, form)
    return _receive_order(order_id, rows, form), form.status


def _take_in_many(order_id: int, came: list[Arrival], places: list[int]) -> list[Sample]:
    """Faults are shown at the lines of the page, not at those that came."""
    try:
        return receiving.receive_many(
            unit_of_work(), actor=current_actor(), order_id=order_id, arrivals=came, store=file_store()
        )
    except LimsError as error:
        error.fields = {_at_line(name, places): said for name, said in error.fields.items()}
        raise


def _at_line(name: str, places: list[int]) -> str:
    parts = name.split(".", 2)
    if len(parts) == 3 and parts[0] == "samples":
        return f"samples.{places[int(parts[1])]}.{parts[2]}"
    return name


def _shown_again(order_id: int, form: Form) -> Sequence[Sample]:
    """The samples whose lines were sent, in that order; some may have been received meanwhile."""
    sent = [form.typed(f"samples-{n}-sample_id") for n in range(form.count("samples"))]
    rows = {str(row.id): row for row in awaited.samples_of(db.session(), current_actor(), order_id)}
    if not sent or any(number not in rows for number in sent):
        raise TransitionRefused(_("These lines are not of this order; open the page again."))
    return [rows[number] for number in sent]
