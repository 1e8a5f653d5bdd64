"""Words of currency checks, their card on the start page, and the sentences that other pages show."""

from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import Session

from lims.catalogue.check_models import CheckOutcome, ListStatus, StandardDecision
from lims.catalogue.checks import open_checks
from lims.catalogue.face import blueprint
from lims.catalogue.strictness import strictness
from lims.catalogue.touched import TouchedKind
from lims.core.permissions import Actor, Permission, Role
from lims.metrology.limit_comparison import Strictness
from lims.ui.labels import Tone, register
from lims.ui.navigation import Card, register_card

register(
    CheckOutcome,
    {
        CheckOutcome.REPLACED: _l("replaced"),
        CheckOutcome.WITHDRAWN: _l("withdrawn"),
        CheckOutcome.NEW_EDITION: _l("new edition"),
        CheckOutcome.DIFFERENT: _l("differs from ours"),
        CheckOutcome.NOT_MENTIONED: _l("not in the list"),
        CheckOutcome.UNCHANGED: _l("unchanged"),
        CheckOutcome.UNKNOWN: _l("not in our library"),
    },
    {
        CheckOutcome.REPLACED: Tone.FAULT,
        CheckOutcome.WITHDRAWN: Tone.FAULT,
        CheckOutcome.NEW_EDITION: Tone.RETURNED,
        CheckOutcome.DIFFERENT: Tone.RETURNED,
        CheckOutcome.NOT_MENTIONED: Tone.WAITING,
        CheckOutcome.UNCHANGED: Tone.DONE,
        CheckOutcome.UNKNOWN: Tone.PLAIN,
    },
)
register(
    ListStatus,
    {
        ListStatus.IN_FORCE: _l("in force"),
        ListStatus.UPCOMING: _l("not yet in force"),
        ListStatus.WITHDRAWN: _l("withdrawn"),
        ListStatus.REPLACED: _l("replaced"),
    },
)
register(
    StandardDecision,
    {
        StandardDecision.ADOPT: _l("adopt the new edition from that day"),
        StandardDecision.KEEP_UNTIL: _l("keep the old edition until that day"),
        StandardDecision.WITHDRAW: _l("withdraw it from that day"),
        StandardDecision.TAKE_DATES: _l("take over the dates of the list"),
        StandardDecision.NOT_RELEVANT: _l("not relevant: nothing changes"),
    },
)
register(
    Strictness,
    {
        Strictness.STRICTER: _l("stricter"),
        Strictness.LOOSER: _l("looser"),
        Strictness.EQUAL: _l("equal"),
        Strictness.NOT_COMPARABLE: _l("not comparable"),
    },
    {
        Strictness.STRICTER: Tone.DONE,
        Strictness.LOOSER: Tone.FAULT,
        Strictness.EQUAL: Tone.PLAIN,
        Strictness.NOT_COMPARABLE: Tone.WAITING,
    },
)
register(
    TouchedKind,
    {
        TouchedKind.METHOD: _l("Test methods"),
        TouchedKind.LIMIT: _l("Limits"),
        TouchedKind.PACKAGE: _l("Packages"),
        TouchedKind.SCOPE: _l("Scope lines"),
        TouchedKind.AUTHORISATION: _l("Authorisations"),
        TouchedKind.ORDER: _l("Open orders"),
        TouchedKind.WORKSHEET: _l("Open worksheets"),
    },
)


blueprint.add_app_template_global(strictness, "strictness")


def _open(session: Session, _actor: Actor) -> int:
    return open_checks(session)


register_card(
    Card(
        "catalogue.checks",
        _l("Currency checks to decide"),
        Permission.CATALOGUE_EDIT,
        _open,
        505,
        frozenset({Role.QUALITY_MANAGER, Role.ADMINISTRATOR}),
        {"open": "yes"},
        Tone.RETURNED,
        quiet=True,
    )
)
