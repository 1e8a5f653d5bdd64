"""Words of quality control, and its places in the navigation."""

from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import Session

from lims.bench.control import reading as control_reading
from lims.bench.control.lines import lines_of
from lims.bench.control.reading import ChartKind
from lims.bench.states import HoldDecision, HoldState
from lims.core.paging import CappedCount
from lims.core.permissions import Actor, Role
from lims.core.permissions import Permission as P
from lims.metrology.control_samples import ControlKind, ControlOutcome, Memory
from lims.ui import panels
from lims.ui.labels import Tone, register
from lims.ui.navigation import CAP, Card, Entry, register_card
from lims.ui.navigation import register as register_entry
from lims.ui.panels import Panel

register(
    ControlKind,
    {
        ControlKind.BLANK: _l("blank"),
        ControlKind.CONTROL: _l("control sample"),
        ControlKind.REFERENCE: _l("reference material"),
        ControlKind.DUPLICATE: _l("duplicate"),
        ControlKind.SPIKE: _l("spike"),
        ControlKind.BLIND: _l("blind sample"),
    },
    dict.fromkeys(ControlKind, Tone.HELD),
)
register(
    ControlOutcome,
    {
        ControlOutcome.IN_CONTROL: _l("in control"),
        ControlOutcome.BUILDING: _l("limits being built"),
        ControlOutcome.WARNING: _l("warning"),
        ControlOutcome.OUT_OF_CONTROL: _l("out of control"),
    },
    {
        ControlOutcome.IN_CONTROL: Tone.DONE,
        ControlOutcome.BUILDING: Tone.WAITING,
        ControlOutcome.WARNING: Tone.RETURNED,
        ControlOutcome.OUT_OF_CONTROL: Tone.FAULT,
    },
)
register(
    HoldState,
    {HoldState.OPEN: _l("on hold"), HoldState.DECIDED: _l("decided")},
    {HoldState.OPEN: Tone.HELD, HoldState.DECIDED: Tone.DONE},
)
register(
    HoldDecision,
    {
        HoldDecision.ACCEPT: _l("the results stand"),
        HoldDecision.REPEAT: _l("measure the results and the control again"),
    },
    {HoldDecision.ACCEPT: Tone.DONE, HoldDecision.REPEAT: Tone.RETURNED},
)
register(Memory, {Memory.NONE: _l("nothing"), Memory.CUSUM: _l("CUSUM"), Memory.EWMA: _l("EWMA")})
register(
    ChartKind,
    {
        ChartKind.SHEWHART: _l("Shewhart chart"),
        ChartKind.CUSUM: _l("CUSUM chart"),
        ChartKind.EWMA: _l("EWMA chart"),
    },
)
_DECIDING = frozenset({Role.SECTION_HEAD, Role.QUALITY_MANAGER})


def controls_of_method(session: Session, actor: Actor, method_id: int) -> Panel | None:
    """The control template on the page of its method."""
    if not actor.can(P.RESULT_READ):
        return None
    sees_blind = actor.can(P.CONTROL_DECIDE)
    lines = [one for one in lines_of(session, {method_id}) if sees_blind or one.kind is not ControlKind.BLIND]
    may_edit = actor.can(P.CONTROL_EDIT)
    if not lines and not may_edit:
        return None
    return Panel(
        "bench/controls_of_method.html", {"lines": lines, "method_id": method_id, "may_edit": may_edit}
    )


panels.register("catalogue.method", "controls", controls_of_method, 40)


def _held(session: Session, _actor: Actor) -> CappedCount:
    return control_reading.count_open_holds(session, CAP)


register_entry(
    Entry("bench.control_charts", _l("Quality control"), P.RESULT_READ, 360, _DECIDING | {Role.ANALYST})
)
register_card(
    Card(
        "bench.control_holds",
        _l("Results held by a control"),
        P.CONTROL_DECIDE,
        _held,
        345,
        _DECIDING,
        {"state": "open"},
        Tone.HELD,
    )
)
