"""Forms of pages: a marshmallow schema reads them, what was typed is never lost.

In a view::

    form = read_form(OrderLoad)
    with form.attempt():
        order = register_order(unit_of_work(), actor=current_actor(), **form.values)
        return redirect(url_for(...))
    return render_template(..., form=form), form.status

``form.values`` raises InvalidInput while a field is wrong, which ``attempt`` turns into sentences at the
fields. Names in the page: ``name``; ``samples-0-name`` for a list of nested schemas; ``address-street``
for one nested schema; ``inputs-m1`` for a Dict field; the same name several times for a plain list.
Groups in which nothing was typed are left out and the others close up (their numbers in ``errors`` and
``typed`` do too).
"""

import re
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any

from flask import request
from marshmallow import Schema, ValidationError, fields, validate
from werkzeug.datastructures import FileStorage, MultiDict

from lims.core.clock import LAB_ZONE
from lims.core.errors import (
    Conflict,
    InvalidInput,
    LimsError,
    PermissionDenied,
    StaleVersion,
    TooManyRequests,
    TransitionRefused,
)
from lims.ui.wording import all_in_our_words, summary

Typed = MultiDict[str, str]
STATUS: tuple[tuple[type[LimsError], int], ...] = (
    (InvalidInput, 422),
    (Conflict, 409),
    (TransitionRefused, 409),
    (StaleVersion, 409),
    (PermissionDenied, 403),
    (TooManyRequests, 429),
)
_KINDS = tuple(kind for kind, _status in STATUS)
MAX_GROUPS = 5_000
# A second group than these never comes from a page of ours.
_GROUP = re.compile(r"(\d{1,6})-")


class Form:
    """One form, empty or sent. ``status`` is what the page that shows it again answers with."""

    def __init__(self, schema: Schema, typed: Typed) -> None:
        self.schema = schema
        self.message: str | None = None
        self.code: str | None = None
        self.errors: dict[str, list[str]] = {}
        self.status = 200
        # Begins the ids of its fields: where a page has several forms, each needs its own.
        self.prefix = "f"
        self.request_key = typed.get("request_key") or secrets.token_urlsafe(18)
        self._typed = typed
        self._values: dict[str, Any] | None = None

    @property
    def values(self) -> dict[str, Any]:
        """What the schema made of it, ready for ``use_case(**form.values)``. Raises InvalidInput."""
        if self._values is None:
            raise InvalidInput(summary(len(self.errors)), fields=self.errors)
        return self._values

    @property
    def is_valid(self) -> bool:
        return self._values is not None

    def typed(self, name: str) -> str:
        """What stands in the field, exactly as typed (or the initial value)."""
        return (self._typed.getlist(name) or [""])[-1]

    def typed_list(self, name: str) -> list[str]:
        return self._typed.getlist(name)

    def error(self, name: str) -> str:
        """The sentences at one field, joined; empty when it is right."""
        return " ".join(self.errors.get(name, ()))

    def count(self, group: str, at_least: int = 0) -> int:
        """How many rows of a repeated group to draw."""
        found = [-1]
        for name in self._typed:
            if name.startswith(group + "-") and (match := _GROUP.match(name, len(group) + 1)):
                found.append(int(match[1]))
        return max(max(found) + 1, at_least)

    @property
    def general_errors(self) -> list[str]:
        """Sentences that belong to no field the schema knows (``_schema`` and paths of use cases)."""
        known = set(self.schema.fields)
        return [
            sentence
            for name, sentences in self.errors.items()
            if name.split("-")[0] not in known
            for sentence in sentences
        ]

    def is_required(self, name: str) -> bool:
        field = self._field(name)
        return field is not None and field.required

    def max_length(self, name: str) -> int | None:
        """Of a text field, as its schema says."""
        field = self._field(name)
        for rule in getattr(field, "validators", ()):
            if isinstance(rule, validate.Length) and (rule.equal or rule.max):
                return rule.equal or rule.max
        return None

    def _field(self, name: str) -> fields.Field[Any] | None:
        schema: Schema | None = self.schema
        field: fields.Field[Any] | None = None
        for part in name.split("-"):
            if part.isdigit():
                continue
            field = schema.fields.get(part) if schema else None
            schema = _nested(field)
        return field

    def refuse(self, error: LimsError) -> None:
        """Show ``error`` in the form."""
        self.message, self.code = error.message, error.code
        self.status = next((status for kind, status in STATUS if isinstance(error, kind)), 400)
        for path, sentences in error.fields.items():
            name = path.replace(".", "-")
            if self.errors.get(name) is not sentences:
                self.errors.setdefault(name, []).extend(all_in_our_words(sentences))

    @contextmanager
    def attempt(self) -> Iterator[None]:
        """Run what saves the form; a refusal that its reader can answer becomes part of the form.

        Not found, not signed in and faults of ours pass through.
        """
        try:
            yield
        except _KINDS as error:
            self.refuse(error)


def read_form(schema: type[Schema] | Schema) -> Form:
    """The form that this request sent, validated by ``schema``."""
    loader = schema() if isinstance(schema, type) else schema
    typed: Typed = MultiDict()
    raw = _read(loader, "", typed)
    typed["request_key"] = request.form.get("request_key", "")
    form = Form(loader, typed)
    try:
        form._values = loader.load(raw)
    except ValidationError as error:
        for name, sentences in _flat(error.messages).items():
            form.errors.setdefault(_input_of(loader, name), []).extend(sentences)
    return form


def empty_form(schema: type[Schema] | Schema, row: object = None, /, **initial: object) -> Form:
    """A form nobody has sent yet: filled from ``row``'s attributes, then from ``initial``."""
    loader = schema() if isinstance(schema, type) else schema
    typed: Typed = MultiDict()
    for name in loader.fields:
        if name in initial:
            _write(typed, name, initial[name])
        elif row is not None and hasattr(row, name):
            _write(typed, name, getattr(row, name))
    return Form(loader, typed)


# --- reading ---------------------------------------------------------------------------------------


def _nested(field: fields.Field[Any] | None) -> Schema | None:
    inner = field.inner if isinstance(field, fields.List) else field
    return inner.schema if isinstance(inner, fields.Nested) else None


def _is_group(field: fields.Field[Any]) -> bool:
    return (isinstance(field, fields.List) and isinstance(field.inner, fields.Nested)) or (
        isinstance(field, fields.Nested) and bool(field.many)
    )


def _read(schema: Schema, prefix: str, typed: Typed, shown: str | None = None) -> dict[str, Any]:
    """Raw values for ``schema`` from fields named ``prefix...``; what was typed goes under ``shown...``."""
    shown = prefix if shown is None else shown
    raw: dict[str, Any] = {}
    for name, field in schema.fields.items():
        key = field.data_key or name
        if _is_group(field):
            groups = _read_groups(field, f"{prefix}{key}-", typed, f"{shown}{key}-")
            if groups or field.required:
                raw[key] = groups
        elif isinstance(field, fields.Nested):
            inner = field.schema
            nested = _read(inner, f"{prefix}{key}-", typed, f"{shown}{key}-")
            if nested:
                raw[key] = nested
        else:
            _read_plain(field, prefix + key, shown + key, raw, key, typed)
    return raw


def _read_groups(field: fields.Field[Any], prefix: str, typed: Typed, shown: str) -> list[dict[str, Any]]:
    schema = _nested(field)
    assert schema is not None
    numbers: dict[int, bool] = {}
    for name in (*request.form, *request.files):
        if name.startswith(prefix) and (match := _GROUP.match(name, len(prefix))):
            number = int(match[1])
            numbers[number] = numbers.get(number, False) or _was_filled(name)
    filled = [number for number, something in sorted(numbers.items()) if something][:MAX_GROUPS]
    return [
        _read(schema, f"{prefix}{number}-", typed, f"{shown}{place}-") for place, number in enumerate(filled)
    ]


def _was_filled(name: str) -> bool:
    """Ticks and hidden version numbers do not make a row that somebody filled in."""
    if name in request.files:
        return bool(request.files[name].filename)
    return any(value.strip() not in {"", "false"} for value in request.form.getlist(name))


def _read_plain(
    field: fields.Field[Any], name: str, shown: str, raw: dict[str, Any], key: str, typed: Typed
) -> None:
    if isinstance(field, fields.Dict):
        _read_mapping(field, name + "-", shown + "-", raw, key, typed)
        return
    files = [file for file in request.files.getlist(name) if file.filename]
    if files:
        raw[key] = files if isinstance(field, fields.List) else files[0]
        return
    sent = request.form.getlist(name)
    if sent:
        typed.setlist(shown, sent)
    if isinstance(field, fields.List):
        kept = [value.strip() for value in sent if value.strip()]
        if kept or (sent and not field.required):
            raw[key] = kept
    elif sent:
        value = _plain(field, sent[-1])
        if value is not None:
            raw[key] = value
        elif field.allow_none:
            raw[key] = None


def _read_mapping(
    field: fields.Field[Any], prefix: str, shown: str, raw: dict[str, Any], key: str, typed: Typed
) -> None:
    found = {
        name[len(prefix) :]: values[-1] for name, values in request.form.lists() if name.startswith(prefix)
    }
    for name, value in found.items():
        typed[shown + name] = value
    kept = {name: value.strip() for name, value in found.items() if value.strip()}
    if kept or (found and not field.required):
        raw[key] = kept


def _plain(field: fields.Field[Any], text: str) -> str | None:
    """What one input means to ``field``; None: nothing was filled in."""
    if isinstance(field, fields.String):
        if field.metadata.get("keep_space"):
            return text or None
        text = text.replace("\r\n", "\n").strip()
        return text if text or not (field.required or field.allow_none) else None
    text = text.strip()
    if isinstance(field, fields.AwareDateTime) and re.fullmatch(
        r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d)?", text
    ):
        return text.replace(" ", "T") + "+08:00"  # a page's clock is the laboratory's
    return text or None


def _flat(messages: Mapping[str, Any] | Sequence[Any]) -> dict[str, list[str]]:
    """marshmallow's nested messages as ``samples-0-name`` -> sentences of ours."""
    flat: dict[str, list[str]] = {}

    def walk(path: str, node: Any) -> None:
        if isinstance(node, Mapping):
            for key, value in node.items():
                # marshmallow says ``inputs.m1.value`` of the value in a Dict
                inner = (key == "_schema" or (key in {"key", "value"} and isinstance(value, list))) and path
                own = path if inner else f"{path}-{key}" if path else str(key)
                walk(own, value)
        else:
            sentences = [str(s) for s in node] if isinstance(node, list) else [str(node)]
            flat.setdefault(path, []).extend(all_in_our_words(sentences))

    walk("", messages if isinstance(messages, Mapping) else {"_schema": messages})
    return flat


def _input_of(schema: Schema, name: str) -> str:
    """The input that shows a fault: ``roles`` for ``roles-1``, whose choices are one input."""
    parts = name.split("-")
    inner: Schema | None = schema
    for place, part in enumerate(parts):
        field = inner.fields.get(part) if inner and not part.isdigit() else None
        if isinstance(field, fields.List) and not _is_group(field):
            return "-".join(parts[: place + 1])
        inner = inner if part.isdigit() else _nested(field)
    return name


# --- writing ---------------------------------------------------------------------------------------


def _write(typed: Typed, name: str, value: object) -> None:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            _write(typed, f"{name}-{key}", inner)
    elif isinstance(value, (list, tuple, set, frozenset)):
        members = list(value)
        if members and isinstance(members[0], Mapping):
            for place, inner in enumerate(members):
                _write(typed, f"{name}-{place}", inner)
        else:
            typed.setlist(name, [_text(member) for member in members])
    elif not isinstance(value, FileStorage):
        typed[name] = _text(value)


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, datetime):
        return value.astimezone(LAB_ZONE).strftime("%Y-%m-%dT%H:%M") if value.tzinfo else value.isoformat()
    return value.isoformat() if isinstance(value, date) else str(value)
