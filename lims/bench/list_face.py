"""Columns and filters that the bench's lists share."""

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from flask import flash, g, redirect, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import or_
from werkzeug.wrappers import Response as Answer

from lims.bench import worklist
from lims.bench.assignments import WORKABLE, Load
from lims.bench.labels import today
from lims.bench.wording import named
from lims.catalogue.models import Method, StandardEdition, TestItem
from lims.core.database import db
from lims.core.web import clock
from lims.intake.models import Order, RequestedTest, Sample
from lims.people.sections import list_sections
from lims.ui.forms import Form
from lims.ui.labels import Text, bilingual
from lims.ui.lists import Column, Filter, Statement
from lims.ui.pages import safe_path

# A refused bulk step comes back with these in the address.
KEPT = ("ticked", "assignee_id", "due_on")
YES = (("yes", _l("yes")),)


def sample_href(row: Any) -> str:
    return url_for("intake.sample", sample_id=row.sample_id)


def method_of(row: Any) -> str:
    return f"{row.standard} {row.clause}".strip()


def item_of(row: Any) -> str:
    return named(row, "item") if hasattr(row, "item_zh") else ""


def assignee_of(row: Any) -> str:
    return named(row, "assignee") if row.assignee_id else ""


def is_late(row: Any) -> bool:
    return bool(row.due_on < today())


def may_do(row: Any) -> str:
    """Names of those who may do the method; the view has put the people into ``g.people``."""
    able: list[Load] = worklist.who_may(g.people).get(row.method_id, [])
    return "、".join(named(load) for load in able)


SAMPLE = Column("sample_number", _l("Sample"), href=sample_href)
SAMPLE_NAME = Column("sample_name", _l("Name"))
ITEM = Column("item_zh", _l("Test item"), value=item_of)
METHOD = Column("standard", _l("Method"), kind="broad", value=method_of)
DUE = Column("due_on", _l("Due"), kind="day")
STATE = Column("state", _l("State"), kind="state")
SAMPLE_STATE = Column("sample_state", _l("Sample is"), kind="state")
ASSIGNEE = Column("assignee_zh", _l("Analyst"), value=assignee_of)
MAY_DO = Column("may_do", _l("May do it"), value=may_do)


def _holds(*columns: Any) -> Callable[[Statement, str], Statement]:
    return lambda s, v: s.where(or_(*(c.icontains(v, autoescape=True) for c in columns)))


def sections() -> list[tuple[str, Text]]:
    return [(str(row.id), bilingual(row)) for row in list_sections(db.session())]


SEARCH = Filter("q", _l("Sample or order"), _holds(Sample.number, Sample.name, Order.number))
SECTION = Filter(
    "section", _l("Section"), lambda s, v: s.where(RequestedTest.section_id == int(v)), options=sections
)
BY_ITEM = Filter("item", _l("Test item"), _holds(TestItem.name_zh, TestItem.name_en, TestItem.code))
BY_METHOD = Filter("method", _l("Method"), _holds(StandardEdition.code, Method.clause))
RECEIVED = Filter(
    "received",
    _l("Received samples only"),
    lambda s, _v: s.where(Sample.state.in_(WORKABLE)),
    options=lambda: YES,
)
LATE = Filter("late", _l("Late only"), lambda s, _v: s.where(worklist.is_late(today())), options=lambda: YES)
STUCK = Filter(
    "stuck",
    _l("Not moving only"),
    lambda s, _v: s.where(worklist.is_stuck(clock()())),
    options=lambda: YES,
)


def back(next_page: str, **kept: object) -> Answer:
    """To the list a bulk step came from; ``kept`` in its address, so that nothing typed is lost."""
    parts = urlsplit(safe_path(next_page))
    query = [pair for pair in parse_qsl(parts.query, keep_blank_values=True) if pair[0] not in KEPT]
    for name, value in kept.items():
        query += [(name, str(v)) for v in (value if isinstance(value, list) else [value]) if v]
    return redirect(urlunsplit(("", "", parts.path, urlencode(query), "")))


def refused(form: Form, next_page: str) -> Answer:
    """Say why a bulk step was refused, with everything still ticked and typed."""
    words = {
        "ids": _("Tick at least one row."),
        "assignee_id": _("Choose who does it."),
    }
    missing = [words[name] for name in form.errors if name in words and not form.typed(name)]
    others = [s for name, found in form.errors.items() for s in found if words.get(name) not in missing]
    flash(" ".join(missing or others or [form.message or ""]), "error")
    return back(
        next_page,
        ticked=form.typed_list("ids"),
        **{name: form.typed(name) for name in KEPT[1:]},
    )
