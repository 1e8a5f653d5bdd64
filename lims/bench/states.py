"""States of worksheets and captures. A requested test's own state lives in ``lims.intake.states``."""

from enum import StrEnum

from lims.core.workflow import step


class WorksheetState(StrEnum):
    OPEN = "open"
    SUBMITTED = "submitted"
    CLOSED = "closed"


WORKSHEET_STEPS = {
    "submit": step(WorksheetState.OPEN, to=WorksheetState.SUBMITTED),
    "reopen": step(WorksheetState.SUBMITTED, to=WorksheetState.OPEN),
    "close": step(WorksheetState.SUBMITTED, WorksheetState.OPEN, to=WorksheetState.CLOSED),
}


class InputSource(StrEnum):
    CAPTURE = "capture"
    TYPED = "typed"
    IMPORT = "import"


class CaptureKind(StrEnum):
    """What the bytes say; anything but a reading is evidence without a value."""

    READING = "reading"
    STATUS = "status"
    FAULT = "fault"
    UNPARSED = "unparsed"
    FILE = "file"  # a file of an analyser, or a chunk of it


class Verdict(StrEnum):
    PASS = "pass"  # noqa: S105
    FAIL = "fail"
    NOT_JUDGED = "not_judged"


class HoldState(StrEnum):
    OPEN = "open"
    DECIDED = "decided"


HOLD_STEPS = {"decide": step(HoldState.OPEN, to=HoldState.DECIDED, other_person=True)}


class HoldDecision(StrEnum):
    """ACCEPT: the results stand, for the reason given. REPEAT: they and the control are measured again."""

    ACCEPT = "accept"
    REPEAT = "repeat"


class BaselineSource(StrEnum):
    """Where the limits of a chart come from."""

    NONE = "none"
    ASSIGNED = "assigned"
    OWN_POINTS = "own_points"
