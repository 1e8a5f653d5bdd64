"""The trail in words: what was done to what, and where that thing can be seen.

Verbs are ``noun.action``; what has no words yet is shown as its code. Words so short mean something else
elsewhere, so they are translated in a context of their own.
"""

from flask_babel import gettext as _
from flask_babel import lazy_pgettext as _p

from lims.core.permissions import SYSTEM, Actor
from lims.core.permissions import Permission as P
from lims.ui.labels import Text

NOUNS: dict[str, Text] = {
    "account": _p("audit", "account"),
    "authorisation": _p("audit", "authorisation"),
    "business_type": _p("audit", "business type"),
    "calendar": _p("audit", "calendar"),
    "capture": _p("audit", "capture"),
    "catalogue": _p("audit", "catalogue"),
    "category": _p("audit", "category"),
    "certificate": _p("audit", "certificate"),
    "contact": _p("audit", "contact"),
    "customer": _p("audit", "customer"),
    "device": _p("audit", "device"),
    "equipment": _p("audit", "equipment"),
    "equipment_class": _p("audit", "equipment class"),
    "gateway": _p("audit", "gateway"),
    "input": _p("audit", "reading or input"),
    "label": _p("audit", "label"),
    "laboratory": _p("audit", "laboratory"),
    "limit": _p("audit", "limit"),
    "link": _p("audit", "download link"),
    "method": _p("audit", "method"),
    "method_case": _p("audit", "worked example"),
    "method_version": _p("audit", "method version"),
    "nonconformity": _p("audit", "nonconformity"),
    "numbering": _p("audit", "numbering"),
    "order": _p("audit", "order"),
    "package": _p("audit", "package"),
    "place": _p("audit", "storage place"),
    "proficiency": _p("audit", "proficiency round"),
    "printer": _p("audit", "label printer"),
    "result": _p("audit", "result"),
    "review": _p("audit", "contract review"),
    "sample": _p("audit", "sample"),
    "sampling_form": _p("audit", "sampling form"),
    "scope": _p("audit", "scope"),
    "second_factor": _p("audit", "second factor"),
    "section": _p("audit", "section"),
    "session": _p("audit", "sign-in"),
    "signature": _p("audit", "signature"),
    "signing": _p("audit", "signing field"),
    "standard": _p("audit", "standard"),
    "standard_finding": _p("audit", "standard of a currency check"),
    "standards_check": _p("audit", "currency check"),
    "test": _p("audit", "test"),
    "test_item": _p("audit", "test item"),
    "token": _p("audit", "token"),
    "uncertainty_budget": _p("audit", "uncertainty budget"),
    "worksheet": _p("audit", "worksheet"),
}
ACTIONS: dict[str, Text] = {
    "accept": _p("audit", "accepted"),
    "add": _p("audit", "added"),
    "approve": _p("audit", "approved"),
    "ask_disposal": _p("audit", "disposal asked for"),
    "assign": _p("audit", "assigned"),
    "begin": _p("audit", "begun"),
    "calibration": _p("audit", "calibration recorded"),
    "cancel": _p("audit", "cancelled"),
    "carry_over": _p("audit", "carried over to the edition in force"),
    "change": _p("audit", "changed"),
    "change_password": _p("audit", "password changed"),
    "check": _p("audit", "checked"),
    "claim": _p("audit", "claimed"),
    "close": _p("audit", "closed"),
    "complete": _p("audit", "completed"),
    "compute": _p("audit", "computed"),
    "conditions": _p("audit", "conditions recorded"),
    "confirm": _p("audit", "confirmed"),
    "contact": _p("audit", "contact changed"),
    "correct": _p("audit", "corrected"),
    "cover": _p("audit", "more covered"),
    "create": _p("audit", "made"),
    "decide": _p("audit", "decided"),
    "disposed": _p("audit", "disposed of"),
    "done": _p("audit", "action done"),
    "draft": _p("audit", "drafted"),
    "drop": _p("audit", "dropped"),
    "edit": _p("audit", "changed"),
    "end": _p("audit", "ended"),
    "end_sign_ins": _p("audit", "all sign-ins ended"),
    "enrol": _p("audit", "enrolled"),
    "enter": _p("audit", "entered"),
    "equipment": _p("audit", "equipment named"),
    "equipment_left": _p("audit", "equipment taken off"),
    "evaluate": _p("audit", "evaluated"),
    "evidence": _p("audit", "evidence sheet written"),
    "expire": _p("audit", "expired"),
    "finish": _p("audit", "finished"),
    "grant": _p("audit", "granted"),
    "guessed": _p("audit", "somebody is guessing"),
    "handed_over": _p("audit", "handed over"),
    "import": _p("audit", "imported"),
    "invite": _p("audit", "invited again"),
    "issue": _p("audit", "issued"),
    "keep": _p("audit", "kept"),
    "limit": _p("audit", "limited"),
    "link_account": _p("audit", "account linked"),
    "not_effective": _p("audit", "action did not help"),
    "open": _p("audit", "opened"),
    "plan": _p("audit", "action planned"),
    "prepare": _p("audit", "being set up"),
    "price": _p("audit", "price changed"),
    "print": _p("audit", "printed"),
    "receive": _p("audit", "received"),
    "received": _p("audit", "received"),
    "refusal_letter": _p("audit", "letter of refusal written"),
    "refuse": _p("audit", "refused"),
    "refuse_disposal": _p("audit", "disposal refused"),
    "register": _p("audit", "registered"),
    "reject": _p("audit", "rejected"),
    "release": _p("audit", "released"),
    "remove": _p("audit", "taken out"),
    "rename": _p("audit", "renamed"),
    "renew_recovery": _p("audit", "recovery codes renewed"),
    "reopen": _p("audit", "opened again"),
    "replace": _p("audit", "replaced"),
    "reprice": _p("audit", "priced anew"),
    "report": _p("audit", "result recorded"),
    "reset": _p("audit", "reset"),
    "resume": _p("audit", "resumed"),
    "retain": _p("audit", "retained"),
    "retest": _p("audit", "retest ordered"),
    "retire": _p("audit", "retired"),
    "retract": _p("audit", "retracted"),
    "return": _p("audit", "returned"),
    "review": _p("audit", "reviewed"),
    "revoke": _p("audit", "revoked"),
    "revoke_others": _p("audit", "all others ended"),
    "save": _p("audit", "saved"),
    "score": _p("audit", "scored"),
    "seed": _p("audit", "made for the demonstration"),
    "sent_back": _p("audit", "sent back"),
    "set": _p("audit", "set"),
    "set_first_password": _p("audit", "first password set"),
    "set_language": _p("audit", "language chosen"),
    "set_roles": _p("audit", "roles changed"),
    "sign": _p("audit", "signed"),
    "sign_in": _p("audit", "signed in"),
    "sign_out": _p("audit", "signed out"),
    "split": _p("audit", "split"),
    "start": _p("audit", "started"),
    "stop": _p("audit", "taken out of service"),
    "stored": _p("audit", "stored"),
    "submit": _p("audit", "submitted"),
    "supersede": _p("audit", "superseded"),
    "suspend": _p("audit", "suspended"),
    "take": _p("audit", "taken"),
    "take_back": _p("audit", "taken back"),
    "taken": _p("audit", "taken"),
    "tell": _p("audit", "customer told"),
    "unassign": _p("audit", "given back to the pool"),
    "undo_move": _p("audit", "move undone"),
    "undone": _p("audit", "undone"),
    "unlink_account": _p("audit", "account unlinked"),
    "verify": _p("audit", "verified"),
    "withdraw": _p("audit", "withdrawn"),
}
# Tables whose name is no noun of a verb.
OBJECTS: dict[str, Text] = {
    "api_token": NOUNS["token"],
    "calendar_day": _p("audit", "day"),
    "calibration_record": _p("audit", "calibration record"),
    "customer_account": _p("audit", "customer's account"),
    "customer_link": NOUNS["link"],
    "customer_order": NOUNS["order"],
    "custody_event": _p("audit", "custody event"),
    "input_value": NOUNS["input"],
    "laboratory_details": NOUNS["laboratory"],
    "label_print": NOUNS["label"],
    "label_printer": NOUNS["printer"],
    "number_pattern": _p("audit", "number pattern"),
    "requested_test": NOUNS["test"],
    "result_version": _p("audit", "result version"),
    "review_finding": _p("audit", "finding of the contract review"),
    "scope_row": _p("audit", "row of the scope"),
    "signing_grant": NOUNS["signing"],
    "spec_limit": NOUNS["limit"],
    "standard_edition": NOUNS["standard"],
    "storage_place": NOUNS["place"],
    "user_session": NOUNS["session"],
}
# Nouns that are tables.
_TABLES = (
    "account",
    "authorisation",
    "business_type",
    "category",
    "certificate",
    "contact",
    "customer",
    "device",
    "equipment",
    "equipment_class",
    "gateway",
    "method",
    "method_version",
    "nonconformity",
    "package",
    "result",
    "sample",
    "sampling_form",
    "section",
    "test_item",
    "worksheet",
)
# Pages of rooms above are named, not imported; a page that does not exist is no link.
_PLACES: dict[str, tuple[str, str, P]] = {
    "account": ("people.account", "account_id", P.ACCOUNT_READ),
    "certificate": ("certificates.certificate", "certificate_id", P.CERTIFICATE_READ),
    "customer": ("intake.customer", "customer_id", P.ORDER_READ),
    "customer_order": ("intake.order", "order_id", P.ORDER_READ),
    "equipment": ("equipment.device", "equipment_id", P.EQUIPMENT_READ),
    "gateway": ("equipment.gateway", "gateway_id", P.GATEWAY_EDIT),
    "nonconformity": ("quality.nonconformity", "nonconformity_id", P.NONCONFORMITY_READ),
    "sample": ("intake.sample", "sample_id", P.SAMPLE_READ),
    "worksheet": ("bench.worksheet", "worksheet_id", P.RESULT_READ),
}


def actor_words(name: str) -> str:
    """Who did it, as the trail keeps the name."""
    return _("the system") if name == SYSTEM.name else name


def verb_words(verb: str) -> str:
    """``result.verify`` as "result: verified"; "result." as "result: everything"."""
    noun, _dot, action = verb.partition(".")
    first = str(NOUNS.get(noun, noun))
    second = str(ACTIONS.get(action, action)) if action else _("everything")
    return str(_("%(noun)s: %(action)s", noun=first, action=second))


def object_words(object_type: str) -> Text:
    return OBJECTS.get(object_type) or NOUNS.get(object_type) or object_type


def verb_choices(chosen: str) -> list[tuple[str, Text]]:
    """Every noun, in the reader's order; also what is chosen now, when it is finer."""
    nouns: list[tuple[str, Text]] = [(f"{code}.", words) for code, words in NOUNS.items()]
    fine: list[tuple[str, Text]] = [(chosen, verb_words(chosen))] if chosen else []
    return [*(pair for pair in fine if chosen not in dict(nouns)), *nouns]


def object_choices(chosen: str) -> list[tuple[str, Text]]:
    shown = {code: NOUNS[code] for code in _TABLES} | OBJECTS
    if chosen:
        shown.setdefault(chosen, object_words(chosen))
    return list(shown.items())


def place_of(object_type: str, object_id: str, actor: Actor) -> tuple[str, dict[str, int]] | None:
    """Endpoint and values of the page where ``actor`` may see the thing."""
    endpoint, parameter, permission = _PLACES.get(object_type, ("", "", P.SELF))
    if not endpoint or not actor.can(permission) or not (object_id.isascii() and object_id.isdigit()):
        return None
    return endpoint, {parameter: int(object_id)}
