"""Shapes of the rows of a catalogue file, and reading one: JSON or a workbook, every fault at its place."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import orjson
from flask_babel import gettext as _
from marshmallow import Schema, ValidationError, fields, post_load, pre_dump, validate

from lims.catalogue.budget_schemas import BudgetTextLoad
from lims.catalogue.budget_text import BudgetText
from lims.catalogue.exchange_book import METHOD, Raw, raw_rows
from lims.catalogue.exchange_plan import Effect
from lims.catalogue.exchange_rows import (
    BudgetRow,
    CategoryRow,
    Document,
    Fault,
    ItemRow,
    LimitRow,
    MethodRow,
    Noun,
    PackageRow,
    Place,
    Placed,
    StandardRow,
)
from lims.catalogue.method_schemas import MethodVersionTextLoad
from lims.catalogue.models import Comparison, LimitKind
from lims.core.errors import InvalidInput
from lims.core.sheets import read_book
from lims.metrology.ratio_sums import NotDetectedAs
from lims.ui.shapes import Figure, Load, choice, legal_day, storable, text
from lims.ui.wording import all_in_our_words

FORMAT, VERSION = "lims-catalogue", 1
MOST_BYTES = 5 * 1024 * 1024
MOST_ROWS = 20_000


class CategoryRowLoad(Load):
    code = text(60)
    name_zh = text(100)
    name_en = text(150)
    parent = text(60, required=False, load_default=None, allow_none=True)

    @post_load
    def _made(self, values: dict[str, Any], **_options: Any) -> CategoryRow:
        return CategoryRow(**values)


class StandardRowLoad(Load):
    code = text(80)
    title_zh = text(200)
    title_en = text(300)
    in_force_from = legal_day(load_default=None, allow_none=True)
    withdrawn_from = legal_day(load_default=None, allow_none=True)
    replaced_by = text(80, required=False, load_default=None, allow_none=True)
    transition_until = legal_day(load_default=None, allow_none=True)

    @post_load
    def _made(self, values: dict[str, Any], **_options: Any) -> StandardRow:
        return StandardRow(**values)


class ItemRowLoad(Load):
    code = text(60)
    name_zh = text(120)
    name_en = text(160)
    field = text(40)
    section = text(60)
    price = Figure(required=True)
    retest_allowed = fields.Boolean(load_default=True)
    active = fields.Boolean(load_default=True)

    @post_load
    def _made(self, values: dict[str, Any], **_options: Any) -> ItemRow:
        return ItemRow(**values)


class MethodRowLoad(Load):
    item = text(60)
    standard = text(80)
    clause = text(80, required=False, load_default="")
    preferred = fields.Boolean(load_default=True)
    version = fields.Nested(MethodVersionTextLoad, load_default=None, allow_none=True)

    @post_load
    def _made(self, values: dict[str, Any], **_options: Any) -> MethodRow:
        return MethodRow(**values)


class BudgetRowLoad(BudgetTextLoad):
    """The fields of a budget beside the three that name its method."""

    item = text(60)
    standard = text(80)
    clause = text(80, required=False, load_default="")

    @post_load
    def _made(self, values: dict[str, Any], **_options: Any) -> BudgetRow:  # type: ignore[override]
        owner = {name: values.pop(name) for name in METHOD}
        return BudgetRow(**owner, text=BudgetText(**values))

    @pre_dump
    def _flat(self, row: BudgetRow, **_options: Any) -> dict[str, Any]:
        own = {name: getattr(row, name) for name in METHOD}
        return own | {name: getattr(row.text, name) for name in BudgetText.__slots__}


class LimitRowLoad(Load):
    item = text(60)
    category = text(60, required=False, load_default=None, allow_none=True)
    standard = text(80)
    kind = choice(LimitKind, required=True)
    unit = text(40, required=False, load_default="")
    low = Figure(load_default=None, allow_none=True)
    high = Figure(load_default=None, allow_none=True)
    n = fields.Integer(load_default=None, allow_none=True, validate=validate.Range(1, 60))
    c = fields.Integer(load_default=None, allow_none=True, validate=validate.Range(0, 60))
    m_small = Figure(load_default=None, allow_none=True)
    m_large = Figure(load_default=None, allow_none=True)
    comparison = choice(Comparison, load_default=Comparison.FULL_VALUE)
    valid_from = legal_day(required=True)
    valid_to = legal_day(load_default=None, allow_none=True)
    note = text(1000, required=False, load_default="")
    not_detected = choice(NotDetectedAs, load_default=None, allow_none=True)
    members = fields.List(text(60), load_default=list, validate=validate.Length(max=60))

    @post_load
    def _made(self, values: dict[str, Any], **_options: Any) -> LimitRow:
        return LimitRow(**values | {"members": tuple(values["members"])})


class PackageRowLoad(Load):
    code = text(60)
    name_zh = text(120)
    name_en = text(160)
    category = text(60, required=False, load_default=None, allow_none=True)
    items = fields.List(text(60), required=True, validate=validate.Length(min=1, max=500))
    active = fields.Boolean(load_default=True)

    @post_load
    def _made(self, values: dict[str, Any], **_options: Any) -> PackageRow:
        return PackageRow(**values)


def a_file(value: object) -> None:
    """A text may come under the file's name from a program, never from a page."""
    if value is not None and not hasattr(value, "stream"):
        raise ValidationError("Not a valid file.")


class ExchangeLookForm(Load):
    file = fields.Raw(load_default=None, allow_none=True, validate=a_file)


class ExchangeImportForm(Load):
    """The file in base64, and the mark of the plan that was looked at."""

    content = fields.String(required=True, validate=[validate.Length(min=1, max=MOST_BYTES * 2), storable])
    seen = text(64)
    leave_out_refused = fields.Boolean(load_default=False)


class ExchangeLoad(Load):
    catalogue = fields.Dict(keys=text(60), required=True)
    seen = text(64, required=False, load_default=None, allow_none=True)
    leave_out_refused = fields.Boolean(load_default=False)


class CatalogueFileDump(Schema):
    """See docs/how-to/catalogue-exchange.md."""

    format = fields.String()
    version = fields.Integer()
    categories = fields.List(fields.Dict())
    standards = fields.List(fields.Dict())
    items = fields.List(fields.Dict())
    methods = fields.List(fields.Dict())
    budgets = fields.List(fields.Dict())
    limits = fields.List(fields.Dict())
    packages = fields.List(fields.Dict())


class ExchangeFaultDump(Schema):
    sheet = fields.String(attribute="place.sheet")
    row = fields.Integer(attribute="place.row")
    column = fields.String()
    code = fields.String()
    sentence = fields.String()


class ExchangeLineDump(Schema):
    part = choice(Noun, attribute="noun")
    row = fields.Integer(attribute="place.row")
    key = fields.List(fields.String())
    effect = choice(Effect)
    changes = fields.Function(lambda line: [one.field for one in line.changes])
    faults = fields.List(fields.Nested(ExchangeFaultDump))


class ExchangePlanDump(Schema):
    """``seen``: give it back with the import, so that what was looked at is what is done."""

    seen = fields.String()
    new = fields.Function(lambda plan: plan.count(Effect.NEW))
    changed = fields.Function(lambda plan: plan.count(Effect.CHANGED))
    same = fields.Function(lambda plan: plan.count(Effect.SAME))
    refused = fields.Function(lambda plan: plan.count(Effect.REFUSED))
    lines = fields.Function(
        lambda plan: ExchangeLineDump(many=True).dump([x for x in plan.lines if x.effect is not Effect.SAME])
    )


SHAPES: Mapping[Noun, type[Schema]] = {
    Noun.CATEGORIES: CategoryRowLoad,
    Noun.STANDARDS: StandardRowLoad,
    Noun.ITEMS: ItemRowLoad,
    Noun.METHODS: MethodRowLoad,
    Noun.BUDGETS: BudgetRowLoad,
    Noun.LIMITS: LimitRowLoad,
    Noun.PACKAGES: PackageRowLoad,
}


def dumped(document: Document) -> dict[str, Any]:
    """The document as JSON carries it."""
    body: dict[str, Any] = {"format": FORMAT, "version": VERSION}
    for noun in Noun:
        body[noun.value] = SHAPES[noun](many=True).dump([one.row for one in document.of(noun)])
    return body


def as_json(document: Document) -> bytes:
    """Equal catalogues give equal bytes."""
    return orjson.dumps(dumped(document), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def read_file(content: bytes) -> Document:
    """A file as somebody uploads it. Raises InvalidInput (field ``file``) for what is no catalogue at all."""
    if len(content) > MOST_BYTES:
        raise _refused("exchange_too_big", _("A catalogue file has at most 5 MB."))
    if content.startswith((b"PK", b"\xd0\xcf\x11\xe0")):
        raw, ignored = raw_rows(read_book(content))
        if not any(raw.values()):
            raise _refused(
                "exchange_no_sheet",
                _(
                    "The workbook has none of the sheets: %(names)s.",
                    names=", ".join(noun.value for noun in Noun),
                ),
            )
        return Document({noun: list(_read(noun, rows)) for noun, rows in raw.items()}, ignored)
    try:
        body = orjson.loads(content)
    except orjson.JSONDecodeError as broken:
        raise _refused(
            "exchange_unreadable", _("This is neither an Excel workbook (.xlsx) nor JSON.")
        ) from broken
    return read_body(body)


def read_body(body: object) -> Document:
    """The JSON of ``as_json``; a part may be missing. Raises InvalidInput (field ``file``)."""
    if not isinstance(body, dict) or body.get("format") != FORMAT or body.get("version") != VERSION:
        raise _refused(
            "exchange_format",
            _(
                "The file must say “format”: “%(format)s” and “version”: %(version)s.",
                format=FORMAT,
                version=VERSION,
            ),
        )
    known = {noun.value for noun in Noun}
    rows: dict[Noun, list[Placed]] = {}
    for noun in Noun:
        given = body.get(noun.value, [])
        if not isinstance(given, list) or len(given) > MOST_ROWS:
            raise _refused(
                "exchange_list",
                _("“%(name)s” is a list of at most %(n)s rows.", name=noun.value, n=MOST_ROWS),
            )
        raw = [Raw(Place(noun.value, n), one, {}) for n, one in enumerate(given, start=1)]
        rows[noun] = list(_read(noun, raw))
    return Document(rows, [str(name)[:60] for name in body if name not in known | {"format", "version"}])


def _read(noun: Noun, rows: Sequence[Raw]) -> Iterator[Placed]:
    shape = SHAPES[noun]()
    for raw in rows:
        faults = list(raw.faults)
        row = None
        try:
            row = shape.load(raw.values) if raw.values or not faults else None  # type: ignore[arg-type]
        except ValidationError as error:
            faults += _faults(raw, error.messages)
        yield Placed(raw.place, None if faults else row, faults, raw.parts)


def _faults(raw: Raw, messages: object) -> Iterator[Fault]:
    for path, sentences in _flat(messages):
        place, column = raw.place_of(path)
        for sentence in all_in_our_words(sentences):
            yield Fault(place, column, "bad_cell", sentence)


def _flat(messages: object, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], list[str]]]:
    if isinstance(messages, dict):
        for name, inner in messages.items():
            yield from _flat(inner, path if name == "_schema" else (*path, str(name)))
    else:
        yield path, [str(one) for one in messages] if isinstance(messages, list) else [str(messages)]


def _refused(code: str, sentence: str) -> InvalidInput:
    return InvalidInput(sentence, code=code, fields={"file": [sentence]})
