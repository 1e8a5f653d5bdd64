"""Words of currency checks, their card on the start page, and the sentences that other pages show."""

from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import Session

from lims.catalogue.check_models import Decision, ListStatus, Outcome
from lims.catalogue.checks import open_checks
from lims.catalogue.face import blueprint
from lims.catalogue.strictness import strictness
from lims.catalogue.touched import Kind
from lims.core.permissions import Actor, Permission, Role
from lims.metrology.limit_comparison import Strictness
from lims.ui.labels import Tone, register
from lims.ui.navigation import Card, register_card

register(
    Outcome,
    {
        Outcome.REPLACED: _l("replaced"),
        Outcome.WITHDRAWN: _l("withdrawn"),
        Outcome.NEW_EDITION: _l("new edition"),
        Outcome.DIFFERENT: _l("differs from ours"),
        Outcome.NOT_MENTIONED: _l("not in the list"),
        Outcome.UNCHANGED: _l("unchanged"),
        Outcome.UNKNOWN: _l("not in our library"),
    },
    {
        Outcome.REPLACED: Tone.FAULT,
        Outcome.WITHDRAWN: Tone.FAULT,
        Outcome.NEW_EDITION: Tone.RETURNED,
        Outcome.DIFFERENT: Tone.RETURNED,
        Outcome.NOT_MENTIONED: Tone.WAITING,
        Outcome.UNCHANGED: Tone.DONE,
        Outcome.UNKNOWN: Tone.PLAIN,
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
    Decision,
    {
        Decision.ADOPT: _l("adopt the new edition from that day"),
        Decision.KEEP_UNTIL: _l("keep the old edition until that day"),
        Decision.WITHDRAW: _l("withdraw it from that day"),
        Decision.TAKE_DATES: _l("take over the dates of the list"),
        Decision.NOT_RELEVANT: _l("not relevant: nothing changes"),
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
    Kind,
    {
        Kind.METHOD: _l("Test methods"),
        Kind.LIMIT: _l("Limits"),
        Kind.PACKAGE: _l("Packages"),
        Kind.SCOPE: _l("Scope lines"),
        Kind.AUTHORISATION: _l("Authorisations"),
        Kind.ORDER: _l("Open orders"),
        Kind.WORKSHEET: _l("Open worksheets"),
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
