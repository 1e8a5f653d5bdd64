"""Sampling forms (抽样单): two people draw, seal and sign."""

from datetime import date

from flask_babel import gettext as _
from sqlalchemy import update

from lims.core.clock import local_date
from lims.core.errors import InvalidInput, TransitionRefused
from lims.core.numbering import take_numbers
from lims.core.permissions import Actor, Permission
from lims.core.uow import RequestKey, UnitOfWork
from lims.intake.drafts import SamplingFormDraft
from lims.intake.models import Order, Sample, SamplingForm, name_key
from lims.intake.states import OrderState


def check_form(draft: SamplingFormDraft, today: date) -> None:
    """Raises InvalidInput: firm named, not sampled in the future, two different samplers."""
    fields: dict[str, list[str]] = {}
    if not draft.sampled_firm.strip():
        fields["sampling_form.sampled_firm"] = [_("Name the firm that was sampled.")]
    if draft.sampled_on > today:
        fields["sampling_form.sampled_on"] = [_("The sampling date lies in the future.")]
    for name in ("sampler_one", "sampler_two"):
        if not getattr(draft, name).strip():
            fields[f"sampling_form.{name}"] = [_("Two samplers sign a sampling form.")]
    if not fields and name_key(draft.sampler_one) == name_key(draft.sampler_two):
        fields["sampling_form.sampler_two"] = [_("The two samplers must be different people.")]
    if fields:
        raise InvalidInput(next(iter(fields.values()))[0], code="sampling_form", fields=fields)


def add_form(uow: UnitOfWork, actor: Actor, order_id: int, draft: SamplingFormDraft) -> SamplingForm:
    """Inside the caller's unit of work, after ``check_form``."""
    number = draft.number.strip() or take_numbers(uow, "sampling_form", local_date(uow.now))[0]
    form = uow.add(
        SamplingForm(
            order_id=order_id,
            number=number,
            sampled_firm=draft.sampled_firm.strip(),
            sampled_firm_address=draft.sampled_firm_address.strip(),
            licence_number=draft.licence_number.strip(),
            place=draft.place.strip(),
            stage=draft.stage.strip(),
            sampled_on=draft.sampled_on,
            sampler_one=draft.sampler_one.strip(),
            sampler_two=draft.sampler_two.strip(),
            seal_numbers=draft.seal_numbers.strip(),
            base_quantity=draft.base_quantity.strip(),
            note=draft.note.strip(),
        )
    )
    uow.audit("sampling_form.create", actor, form)
    return form


def record_sampling(
    uow: UnitOfWork,
    *,
    actor: Actor,
    order_id: int,
    draft: SamplingFormDraft,
    sample_ids: tuple[int, ...] = (),
    request_key: RequestKey | None = None,
) -> SamplingForm:
    """Add a sampling form to a registered order, for the named samples (none named: all without a form)."""
    actor.require(Permission.ORDER_REGISTER)
    check_form(draft, local_date(uow.now))
    with uow:
        if (earlier := uow.replayed(SamplingForm, actor=actor, request_key=request_key)) is not None:
            return earlier
        order = uow.get(Order, order_id)
        if order.state is not OrderState.REGISTERED:
            raise TransitionRefused(_("An order that was accepted or cancelled is not changed any more."))
        form = add_form(uow, actor, order.id, draft)
        which = Sample.id.in_(sample_ids) if sample_ids else Sample.sampling_form_id.is_(None)
        uow.session.execute(
            update(Sample)
            .where(Sample.order_id == order.id, which)
            .values(sampling_form_id=form.id, version=Sample.version + 1)
            .execution_options(synchronize_session=False)
        )
        uow.remember(form)
        uow.commit()
    return form
