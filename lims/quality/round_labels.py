"""Words and places in the navigation of proficiency rounds."""

from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import Session

from lims.core.paging import CappedCount, capped_count
from lims.core.permissions import Actor, Role
from lims.core.permissions import Permission as P
from lims.metrology.proficiency import Performance, ScoreKind
from lims.quality.face import today
from lims.quality.plans import PlanStanding, how_many_behind
from lims.quality.round_search import mine_to_report
from lims.quality.states import EntryState
from lims.ui import navigation
from lims.ui.labels import Tone, register
from lims.ui.navigation import CAP, Card, Entry

E = EntryState
register(
    EntryState,
    {
        E.ASSIGNED: _l("to measure"),
        E.REPORTED: _l("result reported"),
        E.SCORED: _l("scored"),
        E.WITHDRAWN: _l("took no part"),
    },
    {E.ASSIGNED: Tone.WAITING, E.REPORTED: Tone.WORKING, E.SCORED: Tone.DONE, E.WITHDRAWN: Tone.PLAIN},
)
register(
    Performance,
    {
        Performance.SATISFACTORY: _l("satisfactory"),
        Performance.QUESTIONABLE: _l("questionable"),
        Performance.UNSATISFACTORY: _l("unsatisfactory"),
    },
    {
        Performance.SATISFACTORY: Tone.DONE,
        Performance.QUESTIONABLE: Tone.RETURNED,
        Performance.UNSATISFACTORY: Tone.FAULT,
    },
)
register(
    ScoreKind,
    {
        ScoreKind.Z: _l("z: our distance over σpt"),
        ScoreKind.Z_PRIME: _l("z′: with u of the assigned value"),
        ScoreKind.ZETA: _l("ζ: over both standard uncertainties"),
        ScoreKind.EN: _l("En: over both expanded uncertainties"),
    },
)
register(
    PlanStanding,
    {
        PlanStanding.BEHIND: _l("behind"),
        PlanStanding.NEVER: _l("never in a round"),
        PlanStanding.SOON: _l("soon due"),
        PlanStanding.ENTERED: _l("in a running round"),
        PlanStanding.IN_ORDER: _l("in order"),
    },
    {
        PlanStanding.BEHIND: Tone.FAULT,
        PlanStanding.NEVER: Tone.FAULT,
        PlanStanding.SOON: Tone.RETURNED,
        PlanStanding.ENTERED: Tone.WORKING,
        PlanStanding.IN_ORDER: Tone.DONE,
    },
)


def _count_mine(session: Session, actor: Actor) -> CappedCount:
    return capped_count(session, mine_to_report(actor), CAP)


def _count_behind(session: Session, _actor: Actor) -> int:
    return how_many_behind(session, today())


navigation.register(
    Entry(
        "quality.rounds",
        _l("Proficiency rounds"),
        P.PROFICIENCY_READ,
        450,
        frozenset({Role.QUALITY_MANAGER, Role.DIRECTOR}),
    )
)
navigation.register_card(
    Card(
        "quality.plan_page",
        _l("Items behind in proficiency rounds"),
        P.PROFICIENCY_EDIT,
        _count_behind,
        order=450,
        tone=Tone.FAULT,
        quiet=True,
    )
)
navigation.register_card(
    Card(
        "quality.own_scores",
        _l("Proficiency results I owe"),
        P.PROFICIENCY_READ,
        _count_mine,
        order=451,
        tone=Tone.RETURNED,
        quiet=True,
    )
)
