"""The gate: may we do this method for this product on this day, and what is missing if not.

It joins three floors: the method's standard (catalogue), devices in calibration (equipment), and what was
granted to the laboratory and its people (here).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.orm import Session

from lims.accreditation.models import Scheme, ScopeRow
from lims.accreditation.people import authorised_by_method
from lims.catalogue.categories import lineages
from lims.catalogue.choose import standard_problem, successors, transition_note
from lims.catalogue.models import Method, MethodVersion
from lims.catalogue.wording import Sentence, say
from lims.core.errors import NotFound
from lims.equipment.calibration import usable_by_class
from lims.equipment.models import Equipment, EquipmentClass
from lims.people.models import Account

SENTENCES = {
    "method_not_released": (
        "“{zh}”的方法版本 {number} 尚未发布。",
        "Version {number} of the method for “{en}” is not released.",
    ),
    "method_without_version": (
        "“{zh}”（{standard}）的方法还没有任何版本。",
        "The method for “{en}” ({standard}) has no version yet.",
    ),
    "outside_scope": (
        "“{zh}”（{standard}）不在 {scheme} 能力范围内。",
        "“{en}” ({standard}) is outside the {scheme} scope.",
    ),
    "scope_expired": (
        "“{zh}”（{standard}）的 {scheme} 资质已于 {day} 到期。",
        "The {scheme} scope for “{en}” ({standard}) ended on {day}.",
    ),
    "scope_not_yet": (
        "“{zh}”（{standard}）的 {scheme} 资质自 {day} 起生效。",
        "The {scheme} scope for “{en}” ({standard}) begins on {day}.",
    ),
    "scope_other_class": (
        "“{zh}”（{standard}）的 {scheme} 能力范围不包括该产品类别。",
        "The {scheme} scope for “{en}” ({standard}) does not cover this product class.",
    ),
    "nobody_authorised": (
        "没有人员获得“{zh}”（{standard}）的上岗授权。",
        "Nobody is authorised for “{en}” ({standard}).",
    ),
    "person_not_authorised": (
        "{person_zh} 没有“{zh}”（{standard}）的上岗授权。",
        "{person_en} is not authorised for “{en}” ({standard}).",
    ),
    "no_usable_equipment": (
        "“{zh}”所需设备类别“{class_zh}”没有在校准有效期内的可用设备。",
        "No calibrated, usable equipment of class “{class_en}”, which “{en}” needs.",
    ),
    "whole_marked": ("全部项目在 {scheme} 能力范围内。", "Every item is inside the {scheme} scope."),
    "whole_not_marked": (
        "报告不带 {scheme} 标志：{why}",
        "The report carries no {scheme} mark: {why}",
    ),
    "whole_empty": (
        "报告没有检测项目，不带 {scheme} 标志。",
        "The report has no items and carries no {scheme} mark.",
    ),
}


@dataclass(frozen=True, slots=True)
class MissingLink:
    """What is missing. ``blocking``: the work cannot be done; otherwise it costs a mark only.

    Codes: ``method_withdrawn``, ``method_transition_over``, ``method_not_in_force``, ``method_in_transition``
    (does not block), ``method_not_released``, ``method_without_version``; ``outside_scope``, ``scope_expired``, ``scope_not_yet``,
    ``scope_other_class`` (each with ``scheme``); ``nobody_authorised``, ``person_not_authorised``,
    ``no_usable_equipment``.
    """

    sentence: Sentence
    blocking: bool
    scheme: Scheme | None = None

    @property
    def code(self) -> str:
        return self.sentence.code


@dataclass(frozen=True, slots=True)
class GateAnswer:
    """``ok``: nothing that blocks is missing. ``schemes``: those whose mark this item may carry."""

    missing: tuple[MissingLink, ...]
    schemes: frozenset[Scheme]

    @property
    def ok(self) -> bool:
        return not any(link.blocking for link in self.missing)

    @property
    def codes(self) -> tuple[str, ...]:
        return tuple(link.code for link in self.missing)


Place = tuple[int, int | None]


def check(
    session: Session,
    *,
    method_version: MethodVersion,
    category_id: int | None,
    on: date,
    person_id: int | None = None,
) -> GateAnswer:
    """May we, and this person if one is named, do this method for this product class ``on`` that day?"""
    answers = check_many(session, [(method_version, category_id)], on, person_id=person_id)
    return answers[method_version.id, category_id]


def check_many(
    session: Session,
    wanted: Iterable[tuple[MethodVersion, int | None]],
    on: date,
    *,
    person_id: int | None = None,
) -> dict[Place, GateAnswer]:
    """``check`` for many (method version, category) pairs with a fixed number of queries.

    Answers by (method version id, category id).
    """
    asked = {(version.id, category): (version, category) for version, category in wanted}
    versions = [version for version, _category in asked.values()]
    methods = {v.method_id: v.method for v in versions}
    scope = _Scope.read(session, methods, {category for _version, category in asked.values()}, on)
    able = _able(session, versions, on, person_id)
    replaced = successors(session, [m.standard for m in methods.values()])
    answers: dict[Place, GateAnswer] = {}
    for key, (version, category) in asked.items():
        gaps = scope.gaps(version.method, category)
        links = [
            *_method_links(version, on, replaced),
            *(MissingLink(gap, len(gaps) == len(Scheme), scheme) for scheme, gap in gaps.items()),
            *able.people_links(version.method),
            *able.equipment_links(version),
        ]
        answers[key] = GateAnswer(tuple(links), frozenset(Scheme) - gaps.keys())
    return answers


def names_of(method: Method) -> dict[str, object]:
    item = method.test_item
    return {"zh": item.name_zh, "en": item.name_en, "standard": method.standard.code}


def _method_links(version: MethodVersion, on: date, replaced: Mapping[int, str]) -> list[MissingLink]:
    links: list[MissingLink] = []
    problem = standard_problem(version.method, on, replaced)
    if problem is not None:
        links.append(MissingLink(problem, True))
    ending = transition_note(version.method, on, replaced)
    if ending is not None:
        links.append(MissingLink(ending, False))
    if version.released_at is None:
        sentence = say(SENTENCES, "method_not_released", number=version.number, **names_of(version.method))
        links.append(MissingLink(sentence, True))
    return links


@dataclass(frozen=True, slots=True)
class _Scope:
    """Granted rows by method, and the classes above each category asked for."""

    rows: Mapping[int, list[ScopeRow]]
    above: Mapping[int, list[int]]
    on: date

    @classmethod
    def read(
        cls, session: Session, methods: Mapping[int, Method], categories: set[int | None], on: date
    ) -> "_Scope":
        rows: dict[int, list[ScopeRow]] = {}
        if methods:
            wanted = select(ScopeRow).where(ScopeRow.method_id.in_(methods.keys()))
            for row in session.scalars(wanted.order_by(ScopeRow.valid_from, ScopeRow.id)):
                rows.setdefault(row.method_id, []).append(row)
        return cls(rows, lineages(session, [c for c in categories if c is not None]), on)

    def gaps(self, method: Method, category_id: int | None) -> dict[Scheme, Sentence]:
        """Each scheme that does not cover the method for the class, with why."""
        found: dict[Scheme, Sentence] = {}
        for scheme in Scheme:
            rows = [row for row in self.rows.get(method.id, []) if row.scheme is scheme]
            gap = self._gap(rows, category_id)
            if gap is not None:
                code, day = gap
                found[scheme] = say(SENTENCES, code, scheme=scheme.value, day=day, **names_of(method))
        return found

    def _gap(self, rows: list[ScopeRow], category_id: int | None) -> tuple[str, date | None] | None:
        if not rows:
            return "outside_scope", None
        classes = {None, *self.above.get(category_id or 0, [])}
        fitting = [row for row in rows if row.category_id in classes]
        if not fitting:
            return "scope_other_class", None
        if any(row.valid_from <= self.on <= row.valid_to for row in fitting):
            return None
        ended = [row.valid_to for row in fitting if row.valid_to < self.on]
        if ended:
            return "scope_expired", max(ended)
        return "scope_not_yet", min(row.valid_from for row in fitting)


@dataclass(frozen=True, slots=True)
class _Able:
    """Who may do each method, and which classes have a device that may be used."""

    people: Mapping[int, set[int]]
    person: Account | None
    usable: Mapping[str, list[Equipment]]
    classes: Mapping[str, EquipmentClass]

    def people_links(self, method: Method) -> list[MissingLink]:
        authorised = self.people.get(method.id, set())
        if self.person is None:
            if authorised:
                return []
            return [MissingLink(say(SENTENCES, "nobody_authorised", **names_of(method)), True)]
        if self.person.id in authorised:
            return []
        names = {"person_zh": self.person.name_zh, "person_en": self.person.name_en, **names_of(method)}
        return [MissingLink(say(SENTENCES, "person_not_authorised", **names), True)]

    def equipment_links(self, version: MethodVersion) -> list[MissingLink]:
        links: list[MissingLink] = []
        for code in required_classes(version):
            if not self.usable.get(code):
                known = self.classes.get(code)
                names = {
                    "class_zh": known.name_zh if known else code,
                    "class_en": known.name_en if known else code,
                }
                sentence = say(SENTENCES, "no_usable_equipment", **names, **names_of(version.method))
                links.append(MissingLink(sentence, True))
        return links


def required_classes(version: MethodVersion) -> list[str]:
    """Equipment classes the method names, also for single inputs that may not be typed."""
    by_input = {i.equipment_class for i in version.inputs if i.equipment_class and not i.typed}
    return sorted({e.equipment_class for e in version.equipment} | by_input)


def _able(session: Session, versions: list[MethodVersion], on: date, person_id: int | None) -> _Able:
    needed = {code for version in versions for code in required_classes(version)}
    return _Able(
        people=authorised_by_method(session, {v.method_id for v in versions}, on),
        person=_person(session, person_id) if person_id is not None else None,
        usable=usable_by_class(session, needed, on) if needed else {},
        classes={c.code: c for c in session.scalars(select(EquipmentClass))} if needed else {},
    )


def _person(session: Session, person_id: int) -> Account:
    found = session.get(Account, person_id)
    if found is None:
        raise NotFound(_("This does not exist (any more)."))
    return found


@dataclass(frozen=True, slots=True)
class MarkQuestion:
    """One reported item: ``key`` is the caller's own name for it (its requested test's id)."""

    key: int
    method_id: int
    category_id: int | None


@dataclass(frozen=True, slots=True)
class WholeMark:
    """Whether the whole report may carry the mark; ``sentence`` says why, or why not."""

    granted: bool
    sentence: Sentence


@dataclass(frozen=True, slots=True)
class Marks:
    """``gaps``: by item key, the schemes that do not cover it with the reason; empty: all cover it."""

    gaps: Mapping[int, Mapping[Scheme, Sentence]]
    whole: Mapping[Scheme, WholeMark]

    def covered(self, key: int) -> frozenset[Scheme]:
        return frozenset(Scheme) - self.gaps[key].keys()

    @property
    def granted(self) -> tuple[Scheme, ...]:
        return tuple(scheme for scheme, mark in self.whole.items() if mark.granted)


def marks_for(session: Session, items: Iterable[MarkQuestion], on: date) -> Marks:
    """Which marks each item and the whole report may carry: a mark only when every item is in scope."""
    asked = list(items)
    wanted = select(Method).where(Method.id.in_({q.method_id for q in asked}))
    methods = {m.id: m for m in session.scalars(wanted)} if asked else {}
    scope = _Scope.read(session, methods, {q.category_id for q in asked}, on)
    gaps = {q.key: scope.gaps(methods[q.method_id], q.category_id) for q in asked}
    return Marks(gaps, {scheme: _whole(scheme, gaps) for scheme in Scheme})


def _whole(scheme: Scheme, gaps: Mapping[int, Mapping[Scheme, Sentence]]) -> WholeMark:
    if not gaps:
        return WholeMark(False, say(SENTENCES, "whole_empty", scheme=scheme.value))
    why = list(
        {gap[scheme].code + gap[scheme].zh: gap[scheme] for gap in gaps.values() if scheme in gap}.values()
    )
    if not why:
        return WholeMark(True, say(SENTENCES, "whole_marked", scheme=scheme.value))
    template = SENTENCES["whole_not_marked"]
    return WholeMark(
        False,
        Sentence(
            "whole_not_marked",
            template[0].format(scheme=scheme.value, why="".join(w.zh for w in why)),
            template[1].format(scheme=scheme.value, why=" ".join(w.en for w in why)),
        ),
    )
