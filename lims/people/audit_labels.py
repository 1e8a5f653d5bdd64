"""The trail in words: what was done to what, and where that thing can be seen.

Verbs are ``noun.action``; what has no words yet is shown as its code.
"""

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from lims.core.permissions import Actor
from lims.core.permissions import Permission as P
from lims.ui.labels import Text

NOUNS: dict[str, Text] = {
    "account": _l("account"),
    "authorisation": _l("authorisation"),
    "business_type": _l("business type"),
    "calendar": _l("calendar"),
    "capture": _l("capture"),
    "category": _l("category"),
    "certificate": _l("certificate"),
    "contact": _l("contact"),
    "customer": _l("customer"),
    "device": _l("device"),
    "equipment": _l("equipment"),
    "equipment_class": _l("equipment class"),
    "gateway": _l("gateway"),
    "input": _l("reading or input"),
    "label": _l("label"),
    "laboratory": _l("laboratory"),
    "limit": _l("limit"),
    "link": _l("download link"),
    "method": _l("method"),
    "method_version": _l("method version"),
    "numbering": _l("numbering"),
    "order": _l("order"),
    "package": _l("package"),
    "place": _l("storage place"),
    "printer": _l("label printer"),
    "result": _l("result"),
    "review": _l("contract review"),
    "sample": _l("sample"),
    "sampling_form": _l("sampling form"),
    "scope": _l("scope"),
    "second_factor": _l("second factor"),
    "section": _l("section"),
    "session": _l("sign-in"),
    "signature": _l("signature"),
    "signing": _l("signing field"),
    "standard": _l("standard"),
    "test": _l("test"),
    "test_item": _l("test item"),
    "token": _l("token"),
    "worksheet": _l("worksheet"),
}
ACTIONS: dict[str, Text] = {
    "accept": _l("accepted"),
    "add": _l("added"),
    "approve": _l("approved"),
    "ask_disposal": _l("disposal asked for"),
    "assign": _l("assigned"),
    "begin": _l("begun"),
    "calibration": _l("calibration recorded"),
    "cancel": _l("cancelled"),
    "change": _l("changed"),
    "change_password": _l("password changed"),
    "check": _l("checked"),
    "claim": _l("claimed"),
    "complete": _l("completed"),
    "compute": _l("computed"),
    "conditions": _l("conditions recorded"),
    "confirm": _l("confirmed"),
    "contact": _l("contact changed"),
    "create": _l("made"),
    "decide": _l("decided"),
    "disposed": _l("disposed of"),
    "draft": _l("drafted"),
    "drop": _l("dropped"),
    "edit": _l("changed"),
    "end": _l("ended"),
    "end_sign_ins": _l("all sign-ins ended"),
    "enrol": _l("enrolled"),
    "enter": _l("entered"),
    "equipment": _l("equipment named"),
    "equipment_left": _l("equipment taken off"),
    "expire": _l("expired"),
    "finish": _l("finished"),
    "grant": _l("granted"),
    "guessed": _l("somebody is guessing"),
    "handed_over": _l("handed over"),
    "invite": _l("invited again"),
    "issue": _l("issued"),
    "limit": _l("limited"),
    "link_account": _l("account linked"),
    "open": _l("opened"),
    "prepare": _l("being set up"),
    "price": _l("price changed"),
    "print": _l("printed"),
    "receive": _l("received"),
    "received": _l("received"),
    "refusal_letter": _l("letter of refusal written"),
    "refuse": _l("refused"),
    "refuse_disposal": _l("disposal refused"),
    "register": _l("registered"),
    "reject": _l("rejected"),
    "release": _l("released"),
    "remove": _l("taken out"),
    "rename": _l("renamed"),
    "renew_recovery": _l("recovery codes renewed"),
    "reopen": _l("opened again"),
    "replace": _l("replaced"),
    "reprice": _l("priced anew"),
    "reset": _l("reset"),
    "resume": _l("resumed"),
    "retain": _l("retained"),
    "retest": _l("retest ordered"),
    "retire": _l("retired"),
    "retract": _l("retracted"),
    "return": _l("returned"),
    "review": _l("reviewed"),
    "revoke": _l("revoked"),
    "revoke_others": _l("all others ended"),
    "save": _l("saved"),
    "seed": _l("made for the demonstration"),
    "sent_back": _l("sent back"),
    "set": _l("set"),
    "set_first_password": _l("first password set"),
    "set_language": _l("language chosen"),
    "set_roles": _l("roles changed"),
    "sign": _l("signed"),
    "sign_in": _l("signed in"),
    "sign_out": _l("signed out"),
    "split": _l("split"),
    "start": _l("started"),
    "stop": _l("taken out of service"),
    "stored": _l("stored"),
    "submit": _l("submitted"),
    "supersede": _l("superseded"),
    "suspend": _l("suspended"),
    "take": _l("taken"),
    "take_back": _l("taken back"),
    "taken": _l("taken"),
    "unassign": _l("given back to the pool"),
    "undo_move": _l("move undone"),
    "undone": _l("undone"),
    "unlink_account": _l("account unlinked"),
    "verify": _l("verified"),
    "withdraw": _l("withdrawn"),
}
# Tables whose name is no noun of a verb.
OBJECTS: dict[str, Text] = {
    "api_token": NOUNS["token"],
    "calendar_day": _l("day"),
    "calibration_record": _l("calibration record"),
    "customer_account": _l("customer's account"),
    "customer_link": NOUNS["link"],
    "customer_order": NOUNS["order"],
    "custody_event": _l("custody event"),
    "input_value": NOUNS["input"],
    "laboratory_details": NOUNS["laboratory"],
    "label_print": NOUNS["label"],
    "label_printer": NOUNS["printer"],
    "number_pattern": _l("number pattern"),
    "requested_test": NOUNS["test"],
    "result_version": _l("result version"),
    "review_finding": _l("finding of the contract review"),
    "scope_row": _l("row of the scope"),
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
    "sample": ("intake.sample", "sample_id", P.SAMPLE_READ),
    "worksheet": ("bench.worksheet", "worksheet_id", P.RESULT_READ),
}


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
