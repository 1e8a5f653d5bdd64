"""Lists: a room says once which columns and filters; page, CSV and XLSX follow.

In a room::

    SAMPLES = Listing(
        caption=_l("Samples"),
        empty=_l("Samples appear here when reception registers an order."),
        statement=lambda actor: select(Sample.id, Sample.number, Sample.name, Sample.state, Sample.due_on),
        keys=(Key(Sample.due_on), Key(Sample.id)),
        columns=(
            Column("number", _l("Number"), href=lambda row: url_for("intake.sample", sample_id=row.id)),
            Column("name", _l("Name")),
            Column("state", _l("State"), kind="state"),
            Column("due_on", _l("Due"), kind="day"),
        ),
        filters=(
            Filter("q", _l("Number or name"), lambda s, v: s.where(...)),
            Filter("state", _l("State"), lambda s, v: s.where(Sample.state == SampleState(v)),
                   options=lambda: choices(SampleState)),
            Filter("due", _l("Due until"), lambda s, v: s.where(Sample.due_on <= v), kind="day"),
        ),
    )

    @blueprint.get("/samples")
    def samples():
        shown = lists.show(SAMPLES, db.session(), current_actor())
        return shown.download() or render_template("intake/samples.html", list=shown)

and in the page ``{% import "ui/list.html" as lists %}{{ lists.whole(list) }}``. The statement must already leave
out what ``actor`` may not see. One query for the page, one bounded count.
"""

import html
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from flask import request
from flask_babel import gettext as _
from markupsafe import Markup
from sqlalchemy import Select, select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from lims.core.errors import InvalidInput
from lims.core.paging import PAGE_SIZE, CappedCount, Key, Page, capped_count, read_page
from lims.core.permissions import Actor, Permission
from lims.ui import spreadsheet
from lims.ui.labels import Text, bilingual, day, instant, label, money, number, state
from lims.ui.models import SavedView

Row = Any  # a row of ``Listing.statement``: its columns by name
Statement = Select[*tuple[Any, ...]]
MOST_EXPORTED = 20_000


@dataclass(frozen=True, slots=True)
class Column:
    """``kind``: text, broad (text that would be broken into many lines), figure, day, instant, state, money,
    bilingual (name_zh/name_en of the row).
    ``value`` computes what is shown and exported from the row; without it the row's column ``name``."""

    name: str
    label: Text
    kind: str = "text"
    value: Callable[[Row], object] | None = None
    href: Callable[[Row], str] | None = None
    unit: str = ""

    def of(self, row: Row) -> object:
        return self.value(row) if self.value else getattr(row, self.name, None)

    def text(self, row: Row) -> Text:
        """What the cell says, without link and unit."""
        if self.kind == "bilingual":
            return bilingual(row, self.name)
        value = self.of(row)
        return "" if value is None else _SHOWN.get(self.kind, _as_is)(value)

    @property
    def style(self) -> str:
        return "figure" if self.kind == "money" else self.kind

    def cell(self, row: Row, *, first: bool) -> str:
        """HTML of the row's cell; everything that is not Markup escaped."""
        words = self.text(row)
        shown = _escaped(words)
        if self.unit and shown:
            shown += f' <span class="unit">{_escaped(self.unit)}</span>'
        href = self.href(row) if self.href else None
        if href:
            shown = f'<a href="{_escaped(href)}">{shown}</a>'
        if first:
            return f'<th scope="row">{shown}</th>'
        # A long figure (a sentence of an uncertainty) may break where a short one must not.
        wraps = " wraps" if self.style == "figure" and len(str(words)) > 24 else ""
        kind = "nowrap" if self.kind in {"instant", "state"} else self.style
        return f'<td class="{kind}{wraps}">{shown}</td>'


def _escaped(words: object) -> str:
    return str(words) if isinstance(words, Markup) else html.escape(str(words))


_SHOWN: Mapping[str, Callable[[Any], Text]] = {
    "state": state,
    "day": day,
    "instant": instant,
    "money": money,
    "figure": number,
}


def _as_is(value: object) -> Text:
    return value if isinstance(value, Markup) else str(value)


@dataclass(frozen=True, slots=True)
class Filter:
    """One filter in the address. ``kind`` day: ``apply`` gets a date; text: words; with ``options``: one
    of their values. ``hidden``: works in the address (links of cards), is not drawn unless in use."""

    name: str
    label: Text
    apply: Callable[[Statement, Any], Statement]
    kind: str = "text"
    options: Callable[[], Sequence[tuple[object, Text]]] | None = None
    hidden: bool = False


@dataclass(frozen=True, slots=True)
class Order:
    """Another order that a reader may choose (``?order=name``)."""

    name: str
    label: Text
    keys: tuple[Key, ...]


@dataclass(frozen=True, slots=True)
class Bulk:
    """A step for all ticked rows: POST to ``endpoint`` with their ``ids``."""

    endpoint: str
    label: Text
    permission: Permission
    danger: bool = False


@dataclass(frozen=True, slots=True)
class Listing:
    caption: Text
    empty: Text
    statement: Callable[[Actor], Statement]
    keys: tuple[Key, ...]
    columns: tuple[Column, ...]
    filters: tuple[Filter, ...] = ()
    orders: tuple[Order, ...] = ()
    bulk: tuple[Bulk, ...] = ()
    row_id: str = "id"
    is_late: Callable[[Row], bool] | None = None
    size: int = PAGE_SIZE

    def cells(self, row: Row) -> Markup:
        """The row's cells. In Python, not in the template: the template took half of a page's time."""
        parts = [column.cell(row, first=place == 0) for place, column in enumerate(self.columns)]
        return Markup("".join(parts))  # noqa: S704 - each escaped what it shows


@dataclass(frozen=True, slots=True)
class ShownFilter:
    filter: Filter
    value: str
    options: Sequence[tuple[object, Text]]


@dataclass(frozen=True, slots=True)
class ShownList:
    """What the page draws; ``download()`` when the reader asked for a file."""

    listing: Listing
    session: Session
    statement: Statement
    keys: tuple[Key, ...]
    page: Page[Any] | None
    total: CappedCount
    filters: Sequence[ShownFilter]
    order: str
    views: Sequence[SavedView] = field(default_factory=list)
    bulk: Sequence[Bulk] = field(default_factory=list)

    @property
    def is_filtered(self) -> bool:
        return any(shown.value for shown in self.filters)

    def options(self, name: str) -> Sequence[tuple[object, Text]]:
        """What the filter ``name`` offers: for another select of the page, without asking again."""
        return next((shown.options for shown in self.filters if shown.filter.name == name), ())

    def download(self) -> Response | None:
        """The file, where ``?export=csv`` or ``xlsx`` asks for one: every row of the filters, in order.

        Raises InvalidInput (code ``too_many_rows``) above MOST_EXPORTED rows.
        """
        kind = request.args.get("export")
        if kind not in {"csv", "xlsx"}:
            return None
        if self.total.capped or self.total.count > MOST_EXPORTED:
            raise InvalidInput(
                _("A file holds at most %(n)s rows; please filter the list first.", n=f"{MOST_EXPORTED:,}"),
                code="too_many_rows",
            )
        title = str(self.listing.caption)
        heads = [f"{c.label} ({c.unit})" if c.unit else str(c.label) for c in self.listing.columns]
        return spreadsheet.download(kind, title, heads, self._cells())

    def _cells(self) -> Iterator[list[object]]:
        ordered = self.statement.order_by(None).order_by(
            *(k.column.desc() if k.descending else k.column.asc() for k in self.keys)
        )
        for row in self.session.execute(ordered.limit(MOST_EXPORTED)):
            yield [_plain(column, row) for column in self.listing.columns]


def _plain(column: Column, row: Row) -> object:
    if column.kind == "bilingual":
        return bilingual(row, column.name)
    value = column.of(row)
    return str(label(value)) if column.kind == "state" and value is not None else value


def show(listing: Listing, session: Session, actor: Actor) -> ShownList:
    """The list as the address of this request asks for it. Raises InvalidInput (``bad_filter``)."""
    statement = listing.statement(actor)
    shown = []
    for one in listing.filters:
        text, statement = _apply(one, statement)
        options = one.options() if one.options else ()
        if not one.hidden or text:
            shown.append(ShownFilter(one, text, options))
    order = next((o for o in listing.orders if o.name == request.args.get("order")), None)
    keys = order.keys if order else listing.keys
    as_file = request.args.get("export") in {"csv", "xlsx"}
    size = listing.size
    page = (
        None if as_file else read_page(session, statement, keys, cursor=request.args.get("cursor"), size=size)
    )
    return ShownList(
        listing=listing,
        session=session,
        statement=statement,
        keys=keys,
        page=page,
        total=capped_count(session, statement, MOST_EXPORTED if as_file else 10_000),
        filters=shown,
        order=order.name if order else "",
        views=[] if as_file else _views(session, actor),
        bulk=[b for b in listing.bulk if actor.can(b.permission)],
    )


def _views(session: Session, actor: Actor) -> Sequence[SavedView]:
    wanted = select(SavedView).where(SavedView.account_id == actor.id, SavedView.endpoint == request.endpoint)
    return session.execute(wanted.order_by(SavedView.name).limit(30)).scalars().all()


def asked_text(one: Filter) -> str:
    """What the address asks of this filter; empty: nothing."""
    return "".join(c for c in request.args.get(one.name, "") if c.isprintable()).strip()[:200]


def _apply(one: Filter, statement: Statement) -> tuple[str, Statement]:
    text = asked_text(one)
    if not text:
        return "", statement
    value: object = text
    try:
        if one.kind == "day":
            value = date.fromisoformat(text)
        elif one.options and text not in {str(key) for key, _words in one.options()}:
            raise ValueError(text)
        return text, one.apply(statement, value)
    except (ValueError, KeyError) as error:
        sentence = _("The filter “%(label)s” cannot be %(value)s.", label=str(one.label), value=text)
        raise InvalidInput(sentence, code="bad_filter", fields={one.name: [sentence]}) from error
