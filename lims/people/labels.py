"""Words and places in the navigation of this room."""

from collections.abc import Callable
from datetime import datetime, time

from flask_babel import lazy_gettext as _l
from sqlalchemy import select
from sqlalchemy.orm import Session

from lims.core.calendar import DayKind
from lims.core.clock import LAB_ZONE, local_date
from lims.core.paging import CappedCount, capped_count
from lims.core.permissions import Actor, Role
from lims.core.permissions import Permission as P
from lims.core.web import clock
from lims.people import face, trail
from lims.people.audit_labels import actor_words, object_words, verb_words
from lims.people.directory import is_in_state, lacks_second_factor
from lims.people.models import Account
from lims.people.states import AccountState
from lims.ui.labels import Tone, register, register_words
from lims.ui.navigation import CAP, Card, Entry, Values, register_card
from lims.ui.navigation import register as register_entry

register(DayKind, {DayKind.OFF: _l("holiday"), DayKind.WORK: _l("worked")})
register(
    P,
    {
        P.ORDER_READ: _l("read orders"),
        P.ORDER_REGISTER: _l("register orders"),
        P.ORDER_ACCEPT: _l("accept orders"),
        P.ORDER_CANCEL: _l("cancel orders"),
        P.CUSTOMER_EDIT: _l("edit customers"),
        P.SAMPLE_READ: _l("read samples"),
        P.SAMPLE_RECEIVE: _l("receive samples"),
        P.SAMPLE_MOVE: _l("move samples"),
        P.SAMPLE_DISPOSE: _l("dispose of samples"),
        P.DISPOSAL_APPROVE: _l("approve disposal"),
        P.LABEL_PRINT: _l("print labels"),
        P.TEST_ASSIGN: _l("assign tests"),
        P.TEST_TAKE: _l("take tests from the pool"),
        P.RESULT_READ: _l("read results"),
        P.RESULT_ENTER: _l("enter results"),
        P.RESULT_VERIFY: _l("verify results"),
        P.RESULT_RETEST: _l("order retests"),
        P.CAPTURE_READ: _l("read captures"),
        P.CAPTURE_CLAIM: _l("claim captures"),
        P.CAPTURE_REREAD: _l("read captures again with another profile"),
        P.PROFILE_EDIT: _l("make device profiles"),
        P.CONTROL_EDIT: _l("draw up quality controls"),
        P.CONTROL_DECIDE: _l("decide on held results"),
        P.CERTIFICATE_READ: _l("read certificates"),
        P.CERTIFICATE_DRAFT: _l("draft certificates"),
        P.CERTIFICATE_REVIEW: _l("review certificates"),
        P.CERTIFICATE_APPROVE: _l("approve certificates"),
        P.CERTIFICATE_WITHDRAW: _l("withdraw certificates"),
        P.LINK_MANAGE: _l("give and revoke download links"),
        P.CATALOGUE_READ: _l("read the catalogue"),
        P.CATALOGUE_EDIT: _l("edit the catalogue"),
        P.EQUIPMENT_READ: _l("read equipment"),
        P.EQUIPMENT_EDIT: _l("edit equipment"),
        P.SCOPE_READ: _l("read the scope"),
        P.SCOPE_EDIT: _l("edit the scope"),
        P.AUTHORISATION_GRANT: _l("authorise people"),
        P.NONCONFORMITY_READ: _l("read nonconformities"),
        P.NONCONFORMITY_OPEN: _l("open nonconformities"),
        P.NONCONFORMITY_HANDLE: _l("evaluate and correct nonconformities"),
        P.NONCONFORMITY_DECIDE: _l("decide about and close nonconformities"),
        P.PROFICIENCY_READ: _l("read proficiency rounds"),
        P.PROFICIENCY_EDIT: _l("keep proficiency rounds"),
        P.ACCOUNT_READ: _l("read accounts"),
        P.ACCOUNT_EDIT: _l("edit accounts"),
        P.SETTINGS_EDIT: _l("edit settings"),
        P.GATEWAY_EDIT: _l("edit gateways"),
        P.AUDIT_READ: _l("read the audit trail"),
        P.SELF: _l("one's own account"),
        P.PORTAL_READ: _l("read one's own orders"),
        P.PORTAL_ORDER: _l("place orders"),
    },
)

register(
    AccountState,
    {
        AccountState.INVITED: _l("waits for first sign-in"),
        AccountState.ACTIVE: _l("active"),
        AccountState.RETIRED: _l("retired"),
    },
    {AccountState.INVITED: Tone.WAITING, AccountState.ACTIVE: Tone.DONE, AccountState.RETIRED: Tone.PLAIN},
)
register_words(
    "NumberKind",
    {
        "order": _l("order"),
        "sample": _l("sample"),
        "worksheet": _l("worksheet"),
        "test_report": _l("test report"),
        "letter": _l("letter"),
        "customer": _l("customer"),
        "sampling_form": _l("sampling form"),
        "control": _l("sample of quality control"),
        "standards_check": _l("currency check of standards"),
        "nonconformity": _l("nonconformity"),
        "proficiency": _l("proficiency round"),
    },
)
register_words(
    "ChainBreak",
    {
        "missing": _l("this event is missing"),
        "link": _l("it does not link to the event before it"),
        "content": _l("its content does not fit its hash"),
        "cut_off": _l("later events were cut off"),
        "no_head": _l("the head of the chain is missing"),
    },
)
# Filters of the audit trail, and every page that shows an event.
face.blueprint.add_app_template_filter(verb_words, "verb_words")
face.blueprint.add_app_template_filter(object_words, "object_words")
face.blueprint.add_app_template_filter(actor_words, "actor")

_ADMINISTRATION = frozenset({Role.ADMINISTRATOR})
_OVERSIGHT = frozenset({Role.ADMINISTRATOR, Role.QUALITY_MANAGER, Role.DIRECTOR})
register_entry(Entry("people.accounts_page", _l("People and roles"), P.ACCOUNT_READ, 400, _ADMINISTRATION))
register_entry(Entry("people.sections_page", _l("Sections"), P.ACCOUNT_EDIT, 710, _ADMINISTRATION))
register_entry(Entry("people.patterns", _l("Numbering"), P.SETTINGS_EDIT, 462, _ADMINISTRATION))
register_entry(Entry("people.calendar_page", _l("Calendar"), P.SETTINGS_EDIT, 460, _ADMINISTRATION))
register_entry(Entry("people.audit_trail", _l("Audit trail"), P.AUDIT_READ, 450, _OVERSIGHT))

# -- start page ----------------------------------------------------------------------


def _invited(session: Session, _actor: Actor) -> CappedCount:
    wanted = select(Account.id).where(is_in_state(AccountState.INVITED))
    return capped_count(session, wanted, CAP)


def _without_second_factor(session: Session, _actor: Actor) -> CappedCount:
    return capped_count(session, select(Account.id).where(lacks_second_factor()), CAP)


def _guesses(session: Session, actor: Actor) -> CappedCount:
    wanted = trail.Filter(verb="session.guessed", start=_midnight())
    return trail.count_events(session, actor=actor, wanted=wanted)


def _events_today(session: Session, actor: Actor) -> CappedCount:
    return trail.count_events(session, actor=actor, wanted=trail.Filter(start=_midnight()))


def _midnight() -> datetime:
    return datetime.combine(local_date(clock()()), time(), LAB_ZONE)


def _today(**more: str) -> Callable[[], Values]:
    return lambda: {"first_day": local_date(clock()()).isoformat(), **more}


register_card(
    Card(
        "people.audit_trail",
        _l("Accounts guessed at today"),
        P.AUDIT_READ,
        _guesses,
        800,
        roles=_OVERSIGHT,
        values=_today(verb="session.guessed"),
        tone=Tone.FAULT,
    )
)
register_card(
    Card(
        "people.accounts_page",
        _l("Waiting for their first sign-in"),
        P.ACCOUNT_EDIT,
        _invited,
        810,
        values={"state": "invited"},
        tone=Tone.WAITING,
    )
)
register_card(
    Card(
        "people.accounts_page",
        _l("Without a second factor"),
        P.ACCOUNT_EDIT,
        _without_second_factor,
        820,
        values={"factor": "none"},
        tone=Tone.RETURNED,
    )
)
register_card(
    Card(
        "people.audit_trail",
        _l("Recorded in the audit trail today"),
        P.AUDIT_READ,
        _events_today,
        830,
        roles=_OVERSIGHT,
        values=_today(),
    )
)
