"""States of nonconformities and proficiency entries, and the words that a record chooses from."""

from enum import StrEnum

from lims.core.workflow import step


class NonconformityState(StrEnum):
    OPENED = "opened"
    EVALUATED = "evaluated"
    DECIDED = "decided"
    CORRECTING = "correcting"
    CHECKING = "checking"  # the action is done; did it help?
    CLOSED = "closed"


N = NonconformityState
NONCONFORMITY_STEPS = {
    # Again, while nothing is decided: more becomes known.
    "evaluate": step(N.OPENED, N.EVALUATED, to=N.EVALUATED),
    "decide": step(N.EVALUATED, to=N.DECIDED),
    "plan": step(N.DECIDED, to=N.CORRECTING),
    "done": step(N.CORRECTING, to=N.CHECKING),
    "not_effective": step(N.CHECKING, to=N.CORRECTING),
    # House rule on top of ISO/IEC 17025 8.7: not by whoever is responsible for the action.
    "close": step(N.CHECKING, to=N.CLOSED, other_person=True),
    # Without a corrective action: not by whoever opened it.
    "close_at_once": step(N.DECIDED, to=N.CLOSED, other_person=True),
}


class Source(StrEnum):
    """How it was found."""

    CONTROL_FAILURE = "control_failure"
    EQUIPMENT = "equipment"
    PROFICIENCY = "proficiency"
    COMPLAINT = "complaint"
    AUDIT = "audit"
    OTHER = "other"


class CoverKind(StrEnum):
    """Kinds of rows that a nonconformity covers; the values are the names of their tables, orders apart."""

    REQUESTED_TEST = "requested_test"
    WORKSHEET = "worksheet"
    SAMPLE = "sample"
    ORDER = "order"
    EQUIPMENT = "equipment"
    CERTIFICATE = "certificate"
    TEST_ITEM = "test_item"
    PROFICIENCY = "proficiency"


class Significance(StrEnum):
    """MAJOR: results that were or could be reported are in doubt, or it can recur (ISO/IEC 17025 7.10.3)."""

    MINOR = "minor"
    MAJOR = "major"


class Decision(StrEnum):
    """What happens to the work (ISO/IEC 17025 7.10.1 d, e)."""

    ACCEPT = "accept"
    REPEAT = "repeat"
    REJECT = "reject"
    RECALL = "recall"
    STOP = "stop"
    NOT_CONFIRMED = "not_confirmed"


class CustomerTold(StrEnum):
    NOT_CONCERNED = "not_concerned"
    TO_TELL = "to_tell"
    TOLD = "told"


class EntryState(StrEnum):
    """Of one item in a proficiency round."""

    ASSIGNED = "assigned"
    REPORTED = "reported"
    SCORED = "scored"
    WITHDRAWN = "withdrawn"  # we did not take part after all


E = EntryState
ENTRY_STEPS = {
    # Again, until the scores are here: a slip of the pen is mended with the provider.
    "report": step(E.ASSIGNED, E.REPORTED, to=E.REPORTED),
    "score": step(E.REPORTED, to=E.SCORED),
    # The provider sent a corrected report.
    "correct": step(E.SCORED, to=E.REPORTED),
    "withdraw": step(E.ASSIGNED, E.REPORTED, to=E.WITHDRAWN),
}
