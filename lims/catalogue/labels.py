"""Words and places in the navigation of this room."""

from collections.abc import Mapping
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import Session

from lims.catalogue.compare import Change
from lims.catalogue.exchange_plan import Effect
from lims.catalogue.exchange_rows import Noun
from lims.catalogue.face import blueprint, today
from lims.catalogue.limits import as_metrology
from lims.catalogue.models import (
    Comparison,
    Limit,
    LimitKind,
    Payer,
    ResultKind,
    StandardStatus,
    VersionState,
)
from lims.catalogue.watch import Offer, Watch, count_changing_standards, count_methods
from lims.core.paging import CappedCount
from lims.core.permissions import Actor, Role
from lims.core.permissions import Permission as P
from lims.metrology.decision_rules import (
    AGREED_RULES,
    FOUR_ZONES,
    GUARDED_083,
    GUARDED_ACCEPTANCE,
    PROVEN_BOTH_WAYS,
    SIMPLE_ACCEPTANCE,
    UNCRITICAL,
)
from lims.metrology.limits import write_limit
from lims.metrology.ratio_sums import NotDetectedAs
from lims.metrology.values import ResultValue, write_value, write_value_with_limit
from lims.ui.labels import Text, Tone, in_chinese, label, register, register_words
from lims.ui.navigation import CAP, Card, Entry, register_card
from lims.ui.navigation import register as register_entry

register(
    StandardStatus,
    {
        StandardStatus.UPCOMING: _l("not yet in force"),
        StandardStatus.IN_FORCE: _l("in force"),
        StandardStatus.IN_TRANSITION: _l("in transition"),
        StandardStatus.WITHDRAWN: _l("withdrawn"),
    },
    {
        StandardStatus.UPCOMING: Tone.WAITING,
        StandardStatus.IN_FORCE: Tone.DONE,
        StandardStatus.IN_TRANSITION: Tone.RETURNED,
    },
)
register_words(
    "DecisionRule",
    {
        SIMPLE_ACCEPTANCE.rule_id: _l("simple acceptance"),
        GUARDED_ACCEPTANCE.rule_id: _l("guarded acceptance, w = U"),
        GUARDED_083.rule_id: _l("guarded acceptance, w = 0.83 U"),
        PROVEN_BOTH_WAYS.rule_id: _l("pass and fail only where proven, w = U"),
        FOUR_ZONES.rule_id: _l("four zones, w = U"),
        UNCRITICAL.rule_id: _l("guarded rejection, w = U"),
    },
)
register(
    LimitKind,
    {
        LimitKind.MAX: _l("at most"),
        LimitKind.MIN: _l("at least"),
        LimitKind.RANGE: _l("from … to"),
        LimitKind.NOT_PERMITTED: _l("not permitted"),
        LimitKind.NOT_DETECTED: _l("must not be detected"),
        LimitKind.PLAN: _l("sampling plan n, c, m, M"),
        LimitKind.RATIO_SUM: _l("sum of ratios of several items"),
    },
)
register(
    NotDetectedAs,
    {
        NotDetectedAs.ZERO: _l("nothing"),
        NotDetectedAs.HALF_LIMIT: _l("half its detection or quantification limit"),
        NotDetectedAs.LIMIT: _l("its detection or quantification limit"),
    },
)
register(
    Comparison,
    {
        Comparison.FULL_VALUE: _l("full value (GB/T 8170, usual)"),
        Comparison.ROUNDED_VALUE: _l("rounded to the limit's last place first"),
    },
)
register(
    ResultKind,
    {
        ResultKind.NUMBER: _l("figure, by formula"),
        ResultKind.COUNTS: _l("counts of several units"),
        ResultKind.TEXT: _l("words"),
        ResultKind.RATIOS: _l("sum of ratios, as the limit lays down"),
    },
)
register(Payer, {Payer.CUSTOMER: _l("the customer"), Payer.STATE: _l("the state")})
register(
    VersionState,
    {
        VersionState.DRAFT: _l("in draft"),
        VersionState.IN_USE: _l("in use"),
        VersionState.RETIRED: _l("retired"),
    },
    {VersionState.IN_USE: Tone.DONE, VersionState.RETIRED: Tone.PLAIN},
)
register(
    Change,
    {
        Change.SAME: _l("the same"),
        Change.CHANGED: _l("changed"),
        Change.ADDED: _l("added"),
        Change.REMOVED: _l("removed"),
    },
    {Change.CHANGED: Tone.RETURNED, Change.ADDED: Tone.DONE, Change.REMOVED: Tone.FAULT},
)
register(
    Noun,
    {
        Noun.CATEGORIES: _l("Product classes"),
        Noun.STANDARDS: _l("Standards"),
        Noun.ITEMS: _l("Test items"),
        Noun.METHODS: _l("Test methods"),
        Noun.BUDGETS: _l("Uncertainty budgets"),
        Noun.LIMITS: _l("Limits"),
        Noun.PACKAGES: _l("Packages"),
    },
)
register(
    Effect,
    {
        Effect.NEW: _l("new"),
        Effect.CHANGED: _l("changed"),
        Effect.SAME: _l("unchanged"),
        Effect.REFUSED: _l("refused"),
    },
    {
        Effect.NEW: Tone.DONE,
        Effect.CHANGED: Tone.RETURNED,
        Effect.SAME: Tone.PLAIN,
        Effect.REFUSED: Tone.FAULT,
    },
)
register(
    Offer,
    {Offer.OFFERED: _l("offered"), Offer.RETIRED: _l("no longer offered")},
    {Offer.OFFERED: Tone.DONE, Offer.RETIRED: Tone.PLAIN},
)
register(
    Watch,
    {
        Watch.STANDARD_WITHDRAWN: _l("standard withdrawn"),
        Watch.DRAFT: _l("draft open"),
        Watch.NOT_RELEASED: _l("no version in use"),
    },
)
# Fields of a method version, of its inputs, as people call them.
FIELDS: Mapping[str, Text] = {
    "result_kind": _l("Kind of result"),
    "unit": _l("Unit"),
    "formula": _l("Formula"),
    "round_to": _l("Round to"),
    "significant": _l("Significant digits"),
    "lod": _l("Detection limit"),
    "loq": _l("Quantification limit"),
    "range_low": _l("Range from"),
    "range_high": _l("Range to"),
    "conditions_required": _l("Conditions needed"),
    "label_zh": _l("Chinese label"),
    "label_en": _l("English label"),
    "replicates": _l("Replicates"),
    "typed": _l("May be typed"),
    "equipment_class": _l("Equipment class"),
    "low": _l("Lowest"),
    "high": _l("Highest"),
    "name": _l("Name"),
    "cases": _l("Worked examples"),
    "figures": _l("Figures"),
    "expected": _l("Expected"),
    "source": _l("Source"),
    "tolerance": _l("Tolerance"),
    "limit_kind": _l("Kind of limit"),
    "comparison": _l("Comparison"),
    "verdict": _l("Verdict"),
    "parent": _l("Class above"),
    "name_zh": _l("Chinese name"),
    "name_en": _l("English name"),
    "title_zh": _l("Chinese title"),
    "title_en": _l("English title"),
    "in_force_from": _l("In force from"),
    "withdrawn_from": _l("Withdrawn from"),
    "replaced_by": _l("Replaced by"),
    "transition_until": _l("In transition until"),
    "field": _l("Signing field"),
    "section": _l("Section"),
    "price": _l("List price"),
    "retest_allowed": _l("Retest"),
    "active": _l("Offered"),
    "preferred": _l("Preferred"),
    "size": _l("Size"),
    "percent": _l("In percent"),
    "parameter": _l("Parameter"),
    "dof": _l("Degrees of freedom"),
    "k": _l("Coverage factor"),
    "probability": _l("Coverage probability"),
    "cmc": _l("Accredited capability (CMC)"),
    "cmc_percent": _l("Capability in percent"),
    "truncation": _l("Degrees of freedom that are not whole"),
    "dominance": _l("Rest beside dominant rectangles, at most"),
    "second_order": _l("Terms of second order"),
    "rounding": _l("Rounding of U"),
    "digits": _l("Digits of U"),
    "valid_from": _l("In force from"),
    "inputs": _l("Inputs"),
    "equipment_classes": _l("Equipment needed"),
    "released_at": _l("Released"),
    "retired_at": _l("Retired"),
    "code": _l("Code"),
    "clause": _l("Clause"),
    "sources": _l("Sources"),
    "number": _l("Number"),
    "version": _l("Version"),
    "standard": _l("Standard"),
    "kind": _l("Kind of limit"),
    "valid_to": _l("Last day"),
    "note": _l("Note"),
    "members": _l("Items that share it"),
    "not_detected": _l("Not detected counts as"),
    "items": _l("Test items"),
    "item": _l("Test item"),
    "category": _l("Product class"),
}
REASONS: Mapping[str, Text] = {
    "found": _l("This limit holds."),
    "no_limit": _l("No standard in the catalogue limits this test item."),
    "category_unknown": _l("There are limits for certain product classes only, and no class was given."),
    "no_limit_for_category": _l("There are limits, but none for this product class or a class above it."),
    "no_limit_on_date": _l("There is a limit for this product class, but it was not in force on that day."),
    "limit_withdrawn": _l(
        "There is a limit for this product class, but its standard was withdrawn on that day."
    ),
}


@blueprint.app_template_filter("requirement")
def requirement(limit: Limit) -> str:
    """Filter ``requirement``: a limit as it stands in a standard, without its unit. Takes rows of lists too."""
    return write_limit(as_metrology(limit), "zh" if in_chinese() else "en")


@blueprint.app_template_filter("outcome")
def outcome(value: ResultValue) -> str:
    return write_value_with_limit(value, "zh" if in_chinese() else "en")


@blueprint.app_template_filter("outcome_text")
def outcome_text(value: ResultValue) -> str:
    """As it can be typed again."""
    return write_value(value, "zh" if in_chinese() else "en")


@blueprint.app_template_filter("offer")
def offer(active: bool) -> Offer:
    return Offer.OFFERED if active else Offer.RETIRED


@blueprint.app_template_global("catalogue_field")
def field_words(path: str) -> Text:
    """``lod`` or ``inputs.0.unit`` or ``input.m1.unit`` in words."""
    parts = path.split(".")
    words = FIELDS.get(parts[-1], parts[-1])
    return words if len(parts) == 1 else f"{parts[1]} · {words}" if len(parts) > 2 else parts[1]


def _drafts(session: Session, _actor: Actor) -> CappedCount:
    return count_methods(session, Watch.DRAFT, today(), cap=CAP)


def _withdrawn(session: Session, _actor: Actor) -> CappedCount:
    return count_methods(session, Watch.STANDARD_WITHDRAWN, today(), cap=CAP)


def _changing(session: Session, _actor: Actor) -> CappedCount:
    return count_changing_standards(session, today(), cap=CAP)


_KEEPERS = frozenset({Role.QUALITY_MANAGER, Role.ADMINISTRATOR})
_ADMINISTRATION = frozenset({Role.ADMINISTRATOR})
_ASKING = frozenset({Role.RECEPTION, Role.DIRECTOR})


def _entry(endpoint: str, words: Text, order: int, roles: frozenset[Role], **values: Any) -> None:
    register_entry(Entry(f"catalogue.{endpoint}", words, P.CATALOGUE_READ, order, roles, values=values))


_entry("measurable", _l("What we can measure"), 500, _ASKING)
_entry("items", _l("Test items"), 510, _KEEPERS)
_entry("methods", _l("Test methods"), 520, frozenset({Role.QUALITY_MANAGER}))
_entry("standards", _l("Standards"), 515, _KEEPERS)
_entry("limits", _l("Limits"), 530, _ADMINISTRATION)
_entry("categories", _l("Product classes"), 540, _ADMINISTRATION)
_entry("packages", _l("Packages"), 550, frozenset({Role.DIRECTOR}))
_entry("prices", _l("Prices"), 560, frozenset({Role.DIRECTOR}))
_entry("business_types", _l("Business types"), 570, frozenset({Role.DIRECTOR}))


def _card(words: Text, count: Any, order: int, tone: Tone, endpoint: str, **values: Any) -> None:
    register_card(
        Card(
            f"catalogue.{endpoint}", words, P.CATALOGUE_EDIT, count, order, _KEEPERS, values, tone, quiet=True
        )
    )


_card(
    _l("Methods by a withdrawn standard"),
    _withdrawn,
    510,
    Tone.FAULT,
    "methods",
    watch=Watch.STANDARD_WITHDRAWN.value,
)
_card(_l("Standards that change within 60 days"), _changing, 520, Tone.RETURNED, "standards", soon="yes")
_card(_l("Method drafts to release"), _drafts, 530, Tone.WAITING, "methods", watch=Watch.DRAFT.value)


def decision_rule_choices() -> list[tuple[object, Text]]:
    """What can be agreed at contract review, simplest first."""
    return [(name, label(name, "DecisionRule")) for name in AGREED_RULES]
