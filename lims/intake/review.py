"""Contract review (合同评审): what we cannot do is said, and decided, before an order is accepted."""

from collections.abc import Collection, Iterable, Sequence

from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.orm import Session

from lims.accreditation.gate import GateAnswer, check_many
from lims.catalogue.budgets import with_budget_in_use
from lims.catalogue.models import MethodVersion, ResultKind
from lims.core.clock import local_date
from lims.core.errors import Conflict, InvalidInput, NotFound, TransitionRefused
from lims.core.permissions import Actor, Permission
from lims.core.uow import UnitOfWork
from lims.core.workflow import take_step
from lims.intake.models import Order, RequestedTest, ReviewFinding, Sample, SamplingForm
from lims.intake.progress import advance_test
from lims.intake.states import ORDER_STEPS, FindingLevel, OrderState, TestState
from lims.metrology.decision_rules import SIMPLE_ACCEPTANCE

Place = tuple[int | None, str]
DROP, ACCEPT = "drop", "accept"


def review_order(uow: UnitOfWork, *, actor: Actor, order_id: int) -> Sequence[ReviewFinding]:
    """Ask the gate about every requested test and store what it finds. Repeated, it adds what is new.

    Decisions taken before stay. What is no longer true is decided by the review itself. Who registers
    orders may ask; deciding is for who accepts them.
    """
    if not actor.can(Permission.ORDER_REGISTER):
        actor.require(Permission.ORDER_ACCEPT)
    with uow:
        order = uow.get(Order, order_id)
        if order.state is not OrderState.REGISTERED:
            raise TransitionRefused(_("The contract is reviewed before acceptance only."))
        findings = _review(uow, actor, order)
        uow.audit(
            "order.review",
            actor,
            ("customer_order", order.id),
            after={"findings": [[f.requested_test_id, f.code, f.level] for f in findings]},
        )
        uow.commit()
    return findings


def review_new(uow: UnitOfWork, *, actor: Actor, order_id: int) -> None:
    """Review straight after registering; an order that is past it (saved by a repeated request) stays."""
    order = uow.session.get_one(Order, order_id)
    if order.state is OrderState.REGISTERED:
        review_order(uow, actor=actor, order_id=order_id)


def _review(uow: UnitOfWork, actor: Actor, order: Order) -> list[ReviewFinding]:
    found = {**_form_gaps(uow.session, order), **_test_gaps(uow, order)}
    known = {(f.requested_test_id, f.code): f for f in findings_of(uow.session, order.id)}
    for place, finding in found.items():
        if place not in known:
            uow.session.add(finding)
            known[place] = finding
        elif known[place].decided_by is None and known[place].decision is not None:
            known[place].decision = None  # gone for a while, and back
    for place, finding in known.items():
        if place not in found and finding.decision is None:
            finding.decision, finding.decided_at = "gone", uow.now
    uow.flush()
    return [f for place, f in known.items() if place in found]


def _test_gaps(uow: UnitOfWork, order: Order) -> dict[Place, ReviewFinding]:
    session = uow.session
    rows = session.execute(
        select(RequestedTest.id, RequestedTest.method_version_id, Sample.category_id)
        .join(Sample, Sample.id == RequestedTest.sample_id)
        .where(Sample.order_id == order.id, RequestedTest.state != TestState.CANCELLED)
        .order_by(RequestedTest.id)
    ).all()
    version_ids = {row.method_version_id for row in rows}
    versions = {
        v.id: v for v in session.scalars(select(MethodVersion).where(MethodVersion.id.in_(version_ids)))
    }
    uncertain = _without_uncertainty(session, order, versions.values())
    asked = [(versions[row.method_version_id], row.category_id) for row in rows]
    answers = check_many(session, asked, local_date(uow.now))
    found: dict[Place, ReviewFinding] = {}
    for row in rows:
        answer = answers[row.method_version_id, row.category_id]
        for finding in _findings(order.id, row.id, answer):
            found.setdefault((row.id, finding.code), finding)
        if versions[row.method_version_id].method_id in uncertain:
            found[row.id, "uncertainty_missing"] = _no_uncertainty(order, row.id)
    return found


def _without_uncertainty(session: Session, order: Order, versions: Iterable[MethodVersion]) -> set[int]:
    """Methods that give figures but no uncertainty, where the order needs one."""
    if not (order.report_uncertainty or _rule_needs_uncertainty(order)):
        return set()
    figures = {v.method_id for v in versions if v.result_kind is ResultKind.NUMBER}
    return figures - with_budget_in_use(session, figures)


def _rule_needs_uncertainty(order: Order) -> bool:
    judged = order.judge and order.business_type.judged
    return judged and order.decision_rule != SIMPLE_ACCEPTANCE.rule_id


def _no_uncertainty(order: Order, test_id: int) -> ReviewFinding:
    """Without an uncertainty the agreed rule gives no verdict; on the report alone it would only be missing."""
    needed = _rule_needs_uncertainty(order)
    return ReviewFinding(
        order_id=order.id,
        requested_test_id=test_id,
        level=FindingLevel.BLOCKING if needed else FindingLevel.NOTE,
        code="uncertainty_missing",
        text_zh="该方法没有已发布的不确定度评定，"
        + ("约定的判定规则无法应用。" if needed else "报告不能给出不确定度。"),
        text_en="The method has no released uncertainty budget: "
        + (
            "the agreed decision rule cannot be applied."
            if needed
            else "the report cannot state an uncertainty."
        ),
    )


def _findings(order_id: int, test_id: int, answer: GateAnswer) -> list[ReviewFinding]:
    return [
        ReviewFinding(
            order_id=order_id,
            requested_test_id=test_id,
            level=FindingLevel.BLOCKING if link.blocking else FindingLevel.NOTE,
            # Two schemes may lack the same method: each is its own finding.
            code=f"{link.code}:{link.scheme.value}" if link.scheme else link.code,
            text_zh=link.sentence.zh,
            text_en=link.sentence.en,
        )
        for link in answer.missing
    ]


def _form_gaps(session: Session, order: Order) -> dict[Place, ReviewFinding]:
    if not order.business_type.sampling_form:
        return {}
    with_form = select(SamplingForm.id).where(SamplingForm.order_id == order.id).limit(1)
    if session.scalar(with_form) is not None:
        return {}
    finding = ReviewFinding(
        order_id=order.id,
        level=FindingLevel.BLOCKING,
        code="sampling_form_missing",
        text_zh="该检验类别需要抽样单，尚未登记。",
        text_en="This kind of business needs a sampling form; none is registered yet.",
    )
    return {(None, finding.code): finding}


def findings_of(session: Session, order_id: int) -> Sequence[ReviewFinding]:
    return session.scalars(
        select(ReviewFinding).where(ReviewFinding.order_id == order_id).order_by(ReviewFinding.id)
    ).all()


def open_findings(session: Session, order_id: int) -> Sequence[ReviewFinding]:
    """Blocking findings that nobody has decided about."""
    return session.scalars(
        select(ReviewFinding)
        .where(ReviewFinding.order_id == order_id, ReviewFinding.level == FindingLevel.BLOCKING)
        .where(ReviewFinding.decision.is_(None))
        .order_by(ReviewFinding.id)
    ).all()


def decide_finding(
    uow: UnitOfWork, *, actor: Actor, order_id: int, finding_id: int, decision: str, reason: str = ""
) -> ReviewFinding:
    """``drop`` cancels the test in question; ``accept`` takes the order as it is, for a written reason."""
    found = decide_findings(
        uow, actor=actor, order_id=order_id, finding_ids=[finding_id], decision=decision, reason=reason
    )
    return found[0]


def decide_findings(
    uow: UnitOfWork,
    *,
    actor: Actor,
    order_id: int,
    finding_ids: Sequence[int],
    decision: str,
    reason: str = "",
) -> list[ReviewFinding]:
    """The same decision for several findings, all or none (one missing link often hits every sample)."""
    actor.require(Permission.ORDER_ACCEPT)
    with uow:
        order = uow.get(Order, order_id)
        known = {f.id: f for f in findings_of(uow.session, order.id)}
        if not finding_ids or not known.keys() >= set(finding_ids):
            raise NotFound(_("There is no such finding on this order."))
        if order.state is not OrderState.REGISTERED:
            raise TransitionRefused(_("The contract is reviewed before acceptance only."))
        # In the order of the tests: two such transactions must not wait for each other.
        wanted = sorted((known[i] for i in set(finding_ids)), key=lambda f: (f.requested_test_id or 0, f.id))
        if any(f.decision is not None for f in wanted):
            raise Conflict(_("This was decided already."), code="already_decided")
        dropped: set[int | None] = set()
        for finding in wanted:
            if decision == DROP and finding.requested_test_id in dropped:
                finding.decision = DROP
            else:
                finding.decision = _decided(uow, actor, finding, decision, reason.strip())
            finding.decided_by, finding.decided_at = actor.id, uow.now
            uow.audit("review.decide", actor, finding, reason=reason.strip() or None)
            if decision == DROP:
                dropped.add(finding.requested_test_id)
        if dropped:
            _close_others(uow, actor, known.values(), dropped)
            _reprice(uow, actor, order)
        uow.commit()
    return wanted


def _decided(uow: UnitOfWork, actor: Actor, finding: ReviewFinding, decision: str, reason: str) -> str:
    if decision == ACCEPT:
        if not reason:
            text = _("Say why the order is taken all the same.")
            raise InvalidInput(text, code="reason_missing", fields={"reason": [text]})
        return f"accept: {reason}"
    if decision != DROP or finding.requested_test_id is None:
        text = _("A finding is decided by dropping its test or by accepting it with a reason.")
        raise InvalidInput(text, code="unknown_decision", fields={"decision": [text]})
    test = uow.get(RequestedTest, finding.requested_test_id)
    advance_test(uow, test, "cancel", actor=actor, reason=reason or finding.text_zh)
    return f"drop: {reason}" if reason else "drop"


def _close_others(
    uow: UnitOfWork, actor: Actor, findings: Iterable[ReviewFinding], dropped: Collection[int | None]
) -> None:
    """Further findings about a test that was dropped need no decision of their own."""
    for other in findings:
        if other.requested_test_id in dropped and other.decision is None:
            other.decision, other.decided_by, other.decided_at = DROP, actor.id, uow.now


def _reprice(uow: UnitOfWork, actor: Actor, order: Order) -> None:
    """The customer does not pay for what is not done."""
    if order.price == 0:
        return
    prices = uow.session.scalars(
        select(RequestedTest.price)
        .join(Sample, Sample.id == RequestedTest.sample_id)
        .where(Sample.order_id == order.id, RequestedTest.state != TestState.CANCELLED)
    ).all()
    order.price = sum(prices, order.price * 0)
    uow.audit("order.reprice", actor, order)


def accept_order(uow: UnitOfWork, *, actor: Actor, order_id: int, version: int) -> Order:
    """Review once more and accept. Raises Conflict (``review_open``) while a blocking finding is undecided."""
    actor.require(Permission.ORDER_ACCEPT)
    with uow:
        order = uow.get(Order, order_id, version=version)
        order.state = take_step(ORDER_STEPS, "accept", order.state, actor_id=actor.id)
        order.accepted_by, order.accepted_at = actor.id, uow.now
        uow.audit("order.accept", actor, order)
        _review(uow, actor, order)
        undecided = open_findings(uow.session, order.id)
        if undecided:
            refusal = Conflict(
                _("%(n)s findings of the contract review wait for a decision.", n=len(undecided)),
                code="review_open",
            )
        elif not _anything_left(uow.session, order.id):
            refusal = Conflict(_("Nothing is left to test on this order; cancel it."), code="nothing_to_test")
        else:
            uow.commit()
            return order
    # The findings are kept although the acceptance was refused: somebody has to decide about them.
    review_order(uow, actor=actor, order_id=order_id)
    raise refusal


def _anything_left(session: Session, order_id: int) -> bool:
    wanted = (
        select(RequestedTest.id)
        .join(Sample, Sample.id == RequestedTest.sample_id)
        .where(Sample.order_id == order_id, RequestedTest.state != TestState.CANCELLED)
        .limit(1)
    )
    return session.scalar(wanted) is not None
