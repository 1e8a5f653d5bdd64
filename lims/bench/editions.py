"""May this work still begin by the edition that was agreed?"""

from collections.abc import Sequence
from datetime import date

from flask_babel import gettext as _
from sqlalchemy.orm import Session

from lims.catalogue.choose import standard_problem, successors
from lims.core.errors import TransitionRefused
from lims.intake.models import RequestedTest
from lims.intake.states import TestState

# Not begun: what is under way is finished as it was begun.
WAITING = frozenset({TestState.TO_DO, TestState.ASSIGNED})


def refuse_withdrawn(session: Session, tests: Sequence[RequestedTest], on: date) -> None:
    """Raises TransitionRefused (``method_withdrawn``, ``method_transition_over``, ``method_not_in_force``)."""
    waiting = [test for test in tests if test.state in WAITING]
    faulty = [test for test in waiting if standard_problem(test.method, on) is not None]
    if not faulty:
        return
    problem = standard_problem(
        faulty[0].method, on, successors(session, {test.method.standard for test in faulty})
    )
    assert problem is not None
    advice = _("Carry the test over to the edition in force, on the page of its order.")
    raise TransitionRefused(f"{problem.text} {advice}", code=problem.code)
