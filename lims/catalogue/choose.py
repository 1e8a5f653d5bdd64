"""Which method version measures a test item on a day, and why none does."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from lims.catalogue.models import USABLE, Method, MethodVersion, StandardEdition, StandardStatus, TestItem
from lims.catalogue.wording import Sentence, say

SENTENCES = {
    "item_unknown": ("检测项目不存在。", "There is no such test item."),
    "item_inactive": (
        "检测项目“{zh}”已停用。",
        "Test item “{en}” is no longer offered.",
    ),
    "no_method": (
        "检测项目“{zh}”没有检测方法。",
        "Test item “{en}” has no method.",
    ),
    "method_withdrawn": (
        "检测项目“{zh}”的方法标准 {standard} 自 {day} 起作废{by_zh}。",
        "The standard of the method for “{en}”, {standard}, is withdrawn from {day}{by_en}.",
    ),
    "method_transition_over": (
        "检测项目“{zh}”的方法标准 {standard} 自 {day} 起作废{by_zh}，过渡期已于 {until} 结束。",
        "The standard of the method for “{en}”, {standard}, was withdrawn from {day}{by_en}; "
        "its transition ended on {until}.",
    ),
    "method_in_transition": (
        "检测项目“{zh}”的方法标准 {standard} 自 {day} 起作废{by_zh}，过渡期内可用至 {until}。",
        "The standard of the method for “{en}”, {standard}, is withdrawn from {day}{by_en}; "
        "in transition it may be used until {until}.",
    ),
    "method_not_in_force": (
        "检测项目“{zh}”的方法标准 {standard} 自 {day} 起才实施。",
        "The standard of the method for “{en}”, {standard}, is in force only from {day}.",
    ),
    "method_not_released": (
        "检测项目“{zh}”的方法 {standard} 没有已发布的版本。",
        "The method for “{en}” by {standard} has no released version.",
    ),
}


@dataclass(frozen=True, slots=True)
class MethodChoice:
    """``version`` to use, or None and ``reason`` says why."""

    version: MethodVersion | None
    reason: Sentence | None = None


def method_for(session: Session, test_item_id: int, on: date) -> MethodChoice:
    """The newest released version of the preferred method whose standard is in force ``on`` that day.

    While two editions live, the one in force comes before the one in transition.
    """
    return methods_for(session, [test_item_id], on)[test_item_id]


def methods_for(session: Session, test_item_ids: Iterable[int], on: date) -> dict[int, MethodChoice]:
    """As ``method_for`` for many items with a fixed number of queries."""
    wanted = set(test_item_ids)
    if not wanted:
        return {}
    items = {row.id: row for row in session.scalars(select(TestItem).where(TestItem.id.in_(wanted)))}
    methods: dict[int, list[Method]] = {}
    for method in session.scalars(select(Method).where(Method.test_item_id.in_(wanted))):
        methods.setdefault(method.test_item_id, []).append(method)
    released = released_versions(session, [m.id for found in methods.values() for m in found])
    replaced = successors(session, [m.standard for found in methods.values() for m in found])
    return {
        item_id: _choose(items.get(item_id), methods.get(item_id, []), released, replaced, on)
        for item_id in wanted
    }


def released_versions(session: Session, method_ids: Collection[int]) -> dict[int, MethodVersion]:
    """The newest released, not retired version of each method."""
    found = session.scalars(
        select(MethodVersion)
        .where(
            MethodVersion.method_id.in_(method_ids),
            MethodVersion.released_at.is_not(None),
            MethodVersion.retired_at.is_(None),
        )
        .order_by(MethodVersion.number)
    )
    return {version.method_id: version for version in found}


def _choose(
    item: TestItem | None,
    methods: list[Method],
    released: Mapping[int, MethodVersion],
    replaced: Mapping[int, str],
    on: date,
) -> MethodChoice:
    if item is None:
        return MethodChoice(None, say(SENTENCES, "item_unknown"))
    names = {"zh": item.name_zh, "en": item.name_en}
    if not item.active:
        return MethodChoice(None, say(SENTENCES, "item_inactive", **names))
    if not methods:
        return MethodChoice(None, say(SENTENCES, "no_method", **names))
    ordered = sorted(methods, key=_rank)
    in_force = sorted(
        (m for m in ordered if m.standard.status_on(on) in USABLE),
        key=lambda m: m.standard.status_on(on) is StandardStatus.IN_TRANSITION,
    )
    for method in in_force:
        if method.id in released:
            return MethodChoice(released[method.id])
    if in_force:
        return MethodChoice(
            None, say(SENTENCES, "method_not_released", standard=in_force[0].standard.code, **names)
        )
    return MethodChoice(None, standard_problem(ordered[0], on, replaced))


def _rank(method: Method) -> tuple[bool, int, int]:
    """Preferred first, then the newest standard."""
    since = method.standard.in_force_from
    return (not method.preferred, -(since.toordinal() if since else 0), -method.id)


def standard_problem(method: Method, on: date, replaced: Mapping[int, str] | None = None) -> Sentence | None:
    """Why the method's standard may not be used ``on`` that day; None when it may.

    Codes: ``method_withdrawn``, ``method_transition_over``, ``method_not_in_force``.
    """
    standard = method.standard
    match standard.status_on(on):
        case StandardStatus.WITHDRAWN if standard.transition_until is not None:
            return _about("method_transition_over", method, replaced)
        case StandardStatus.WITHDRAWN:
            return _about("method_withdrawn", method, replaced)
        case StandardStatus.UPCOMING:
            return _about("method_not_in_force", method, replaced, day=standard.in_force_from)
        case _:
            return None


def transition_note(method: Method, on: date, replaced: Mapping[int, str] | None = None) -> Sentence | None:
    """Until when the method's standard may still be used, where it is in transition ``on`` that day."""
    if method.standard.status_on(on) is not StandardStatus.IN_TRANSITION:
        return None
    return _about("method_in_transition", method, replaced)


def _about(code: str, method: Method, replaced: Mapping[int, str] | None, **facts: object) -> Sentence:
    item, standard = method.test_item, method.standard
    by = (replaced or {}).get(standard.id)
    known = {
        **{"zh": item.name_zh, "en": item.name_en, "standard": standard.code},
        **{"day": standard.withdrawn_from, "until": standard.transition_until},
        **{"by_zh": f"，由 {by} 代替" if by else "", "by_en": f", replaced by {by}" if by else ""},
    }
    return say(SENTENCES, code, **(known | facts))


def successors(session: Session, standards: Iterable[StandardEdition]) -> dict[int, str]:
    """Code of the standard that replaces each of ``standards``."""
    replaced = {s.id: s.replaced_by_id for s in standards if s.replaced_by_id is not None}
    if not replaced:
        return {}
    named = select(StandardEdition.id, StandardEdition.code)
    rows = session.execute(named.where(StandardEdition.id.in_(set(replaced.values()))))
    codes = {row.id: row.code for row in rows}
    return {old: codes[new] for old, new in replaced.items()}
