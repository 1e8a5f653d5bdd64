"""States of orders, samples and requested tests, and the steps between them."""

from enum import StrEnum

from lims.core.workflow import step


class OrderState(StrEnum):
    REGISTERED = "registered"
    ACCEPTED = "accepted"
    COMPLETED = "completed"
    CANCELLED = "cancelled"


ORDER_STEPS = {
    "accept": step(OrderState.REGISTERED, to=OrderState.ACCEPTED),
    "complete": step(OrderState.ACCEPTED, to=OrderState.COMPLETED),
    "reopen": step(OrderState.COMPLETED, to=OrderState.ACCEPTED),
    "cancel": step(OrderState.REGISTERED, OrderState.ACCEPTED, to=OrderState.CANCELLED),
}


class SampleState(StrEnum):
    EXPECTED = "expected"
    TO_TEST = "to_test"
    IN_TEST = "in_test"
    TESTED = "tested"
    RETAINED = "retained"
    DISPOSAL_ASKED = "disposal_asked"
    DISPOSED = "disposed"
    RETURNED = "returned"
    REFUSED = "refused"
    CANCELLED = "cancelled"


S = SampleState
SAMPLE_STEPS = {
    "accept": step(S.EXPECTED, to=S.TO_TEST),
    "refuse": step(S.EXPECTED, to=S.REFUSED),
    "start": step(S.TO_TEST, to=S.IN_TEST),
    "finish": step(S.IN_TEST, to=S.TESTED),
    "resume": step(S.TESTED, S.RETAINED, to=S.IN_TEST),
    # A sealed backup is never tested: it is stored as it came.
    "retain": step(S.TO_TEST, S.TESTED, to=S.RETAINED),
    # What was refused, or cancelled after it came, lies here as well and must leave one day.
    "ask_disposal": step(S.TESTED, S.RETAINED, S.REFUSED, S.CANCELLED, to=S.DISPOSAL_ASKED),
    "refuse_disposal": step(S.DISPOSAL_ASKED, to=S.RETAINED, other_person=True),
    "refuse_disposal_of_refused": step(S.DISPOSAL_ASKED, to=S.REFUSED, other_person=True),
    "refuse_disposal_of_cancelled": step(S.DISPOSAL_ASKED, to=S.CANCELLED, other_person=True),
    "dispose": step(S.DISPOSAL_ASKED, to=S.DISPOSED, other_person=True),
    "return": step(S.TESTED, S.RETAINED, S.REFUSED, S.CANCELLED, to=S.RETURNED),
    "cancel": step(S.EXPECTED, S.TO_TEST, to=S.CANCELLED),
}


class TestState(StrEnum):
    """Of one requested test (检验项目)."""

    __test__ = False
    TO_DO = "to_do"
    ASSIGNED = "assigned"
    IN_PROGRESS = "in_progress"
    SUBMITTED = "submitted"
    RETURNED = "returned"
    VERIFIED = "verified"
    REJECTED = "rejected"
    CANCELLED = "cancelled"


T = TestState
TEST_STEPS = {
    "assign": step(T.TO_DO, T.ASSIGNED, T.IN_PROGRESS, T.RETURNED, to=T.ASSIGNED),
    "unassign": step(T.ASSIGNED, to=T.TO_DO),
    "begin": step(T.ASSIGNED, T.RETURNED, T.IN_PROGRESS, to=T.IN_PROGRESS),
    "submit": step(T.IN_PROGRESS, T.RETURNED, to=T.SUBMITTED),
    "take_back": step(T.SUBMITTED, to=T.IN_PROGRESS),
    "verify": step(T.SUBMITTED, to=T.VERIFIED, other_person=True),
    "return": step(T.SUBMITTED, to=T.RETURNED, other_person=True),
    "reject": step(T.SUBMITTED, to=T.REJECTED, other_person=True),
    "retest": step(T.VERIFIED, T.REJECTED, to=T.ASSIGNED),
    "cancel": step(T.TO_DO, T.ASSIGNED, T.IN_PROGRESS, T.RETURNED, to=T.CANCELLED),
}


class CustodyKind(StrEnum):
    RECEIVED = "received"
    HANDED_OVER = "handed_over"
    STORED = "stored"
    TAKEN = "taken"
    SPLIT = "split"
    SENT_BACK = "sent_back"
    DISPOSED = "disposed"
    # A hand-over or storing undone by who did it, before anybody else acted.
    UNDONE = "undone"


class FindingLevel(StrEnum):
    """How grave a contract-review finding is: a blocking one needs a recorded decision."""

    NOTE = "note"
    BLOCKING = "blocking"
