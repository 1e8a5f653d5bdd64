"""A profile's row as a form and back: fields for people, dialogues as bytes, what was pasted beside them.

Pure; what a field cannot hold stays as it was in the row that the form was filled from.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from flask_babel import gettext as _

from instruments.codec import Verb
from instruments.conformance import Walked, walk
from instruments.decode import decode
from instruments.facts import Fact, facts_of
from instruments.profiles import PLAIN, LineSettings, Profile, parse_profile
from instruments.readings import Event, printable, read_printable
from instruments.scpi import Scpi
from instruments.settling import SettlingRule
from lims.core.errors import InvalidInput

Row = dict[str, Any]
GENERIC, MODBUS, SCPI = "regex", ("Modbus-RTU", "Modbus-TCP"), "SCPI"
REGISTER = ("name", "slave", "function", "address", "type", "order", "scale", "unit", "label_zh", "label_en")
LINE = ("baud", "bytesize", "parity", "stopbits", "handshake", "dtr", "rts")
MOST_PASTED = 50
_BETWEEN = re.compile(r"\t| => ")


def plain_facts(protocol: str) -> list[Fact]:
    """Facts of a protocol that are one field each."""
    codec = Scpi if protocol == SCPI else PLAIN.get(protocol)
    return facts_of(codec) if codec is not None else []


# -- from a row to a form ----------------------------------------------------------------------


def initial_of(row: Row) -> dict[str, object]:
    """What the form of a profile shows first."""
    line, settling, codec = LineSettings(**row.get("line", {})), row.get("settling", {}), row.get("codec", {})
    usual = SettlingRule()
    return {
        "title": row.get("title", ""),
        **{name: _shown(getattr(line, name)) for name in LINE},
        "binary": row.get("binary") is True,
        "controls": _escaped(row.get("controls", "\r\n")),
        "pause_ms": row.get("pause_ms", 0),
        "equal": settling.get("equal", usual.equal),
        "seconds": str(settling.get("seconds", usual.seconds)),
        **_codec_initial(row["protocol"], codec),
        "dialogues": [_dialogue_initial(one) for one in row.get("dialogue", [])],
        "paste_as": "text",
    }


def _shown(value: object) -> str:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _escaped(text: str) -> str:
    return printable(text.encode("latin-1"))


def _codec_initial(protocol: str, codec: Row) -> dict[str, object]:
    if protocol == GENERIC:
        return {
            "pattern": codec.get("pattern", ""),
            "terminator": _escaped(codec.get("terminator", "\r\n")),
            "unit": codec.get("unit", ""),
            "stable": "\n".join(codec.get("stable", [])),
            "dynamic": "\n".join(codec.get("dynamic", [])),
            "commands": {verb: _escaped(wire) for verb, wire in codec.get("commands", {}).items()},
            "deadline_s": str(codec.get("deadline_s", 5.0)),
            "decimal": codec.get("decimal", "."),
        }
    if protocol in MODBUS:
        shared = {name: codec[name] for name in ("slave", "order", "function") if name in codec}
        usual = {"slave": 1, "function": 3, "type": "int16", "order": "ABCD", "scale": "", "unit": ""}
        usual |= {"label_zh": "", "label_en": ""}
        rows = [{**usual, **shared, **row} for row in codec.get("registers", [])]
        return {"registers": rows, "echoes": codec.get("echoes") is True}
    facts = {fact.name: _fact_text(codec.get(fact.name, fact.default)) for fact in plain_facts(protocol)}
    if protocol != SCPI:
        return {"facts": facts}
    setups = [
        {"en": "", "zh": "", "unit": "", **one, "send": "\n".join(one["send"])}
        for one in codec.get("setups", [])
    ]
    return {"facts": facts, "opening": "\n".join(codec.get("opening", Scpi().opening)), "setups": setups}


def _fact_text(value: object) -> str:
    return _escaped(value) if isinstance(value, str) and not value.isprintable() else _shown(value)


def _dialogue_initial(one: Row) -> dict[str, object]:
    return {
        "request": one.get("request", "").encode("latin-1").hex(" "),
        "response": one["response"].encode("latin-1").hex(" "),
        "expected": json.dumps(one["expected"], ensure_ascii=False),
        "source": one["source"],
    }


# -- from a form to a row ----------------------------------------------------------------------


def row_of(values: Mapping[str, Any], base: Row) -> Row:
    """The row that the form states; ``values``: as its schema made them. Raises InvalidInput field by field."""
    protocol = base["protocol"]
    row: Row = {"title": values["title"], "protocol": protocol}
    if values["binary"]:
        row["binary"] = True
    else:
        row["controls"] = _wire("controls", values["controls"] or "")
    row["pause_ms"] = values["pause_ms"]
    row["line"] = {name: values[name] for name in LINE if values[name] is not None}
    row["settling"] = {"equal": values["equal"], "seconds": float(values["seconds"])}
    row["codec"] = _codec_row(protocol, values)
    row["dialogue"] = [_dialogue_row(n, one) for n, one in enumerate(values["dialogues"]) if not one["drop"]]
    return row


def _wire(field: str, text: str) -> str:
    try:
        return read_printable(text).decode("latin-1")
    except ValueError as fault:
        sentence = _("Write bytes as text, controls as \\r, \\n, \\t or \\x02, and a backslash as \\\\.")
        raise InvalidInput(sentence, code="bytes_wrong", fields={field: [sentence]}) from fault


def _lines(text: str | None) -> list[str]:
    return [line.strip() for line in (text or "").splitlines() if line.strip()]


def _codec_row(protocol: str, values: Mapping[str, Any]) -> Row:
    if protocol == GENERIC:
        return _generic_row(values)
    if protocol in MODBUS:
        registers = [_register_row(one) for one in values["registers"]]
        echoes = {"echoes": True} if values["echoes"] and protocol == "Modbus-RTU" else {}
        return {**echoes, "registers": registers} if registers else echoes
    row: Row = {}
    for fact in plain_facts(protocol):
        value = _fact_value(fact, values["facts"].get(fact.name, ""))
        if value is not None and value != fact.default:
            row[fact.name] = value
    if protocol != SCPI:
        return row
    setups = [_setup_row(one) for one in values["setups"]]
    return {**row, "opening": _lines(values["opening"]), **({"setups": setups} if setups else {})}


def _setup_row(one: Mapping[str, Any]) -> Row:
    stated = {name: one[name] for name in ("key", "en", "zh", "confirms", "unit") if one[name]}
    return {**stated, "send": _lines(one["send"])}


def _generic_row(values: Mapping[str, Any]) -> Row:
    row: Row = {
        "pattern": values["pattern"] or "",
        "terminator": _wire("terminator", values["terminator"] or ""),
    }
    if values["unit"]:
        row["unit"] = values["unit"]
    for name in ("stable", "dynamic"):
        if texts := _lines(values[name]):
            row[name] = texts
    row["deadline_s"] = float(values["deadline_s"] or Decimal(5))
    if values["decimal"] == ",":
        row["decimal"] = ","
    known = set(Verb)
    commands = {
        verb: _wire(f"commands-{verb}", wire) for verb, wire in values["commands"].items() if verb in known
    }
    return {**row, "commands": commands} if commands else row


def _register_row(one: Mapping[str, Any]) -> Row:
    return {name: one[name] for name in REGISTER if one[name] not in (None, "")}


def _fact_value(fact: Fact, text: str) -> object:
    """None: nothing was stated, so the protocol's usual holds."""
    field = f"facts-{fact.name}"
    if text == "" and (fact.may_miss or fact.kind != "text"):
        return None
    try:
        match fact.kind:
            case "bool":
                return {"true": True, "false": False}[text]
            case "int":
                return int(text)
            case "float":
                return float(text)
    except (KeyError, ValueError) as fault:
        sentence = _("This is not what the protocol wants here.")
        raise InvalidInput(sentence, code="fact_wrong", fields={field: [sentence]}) from fault
    return _wire(field, text)


def _dialogue_row(place: int, one: Mapping[str, Any]) -> Row:
    at = f"dialogues-{place}"
    row: Row = {}
    if request := bytes_of_hex(f"{at}-request", one["request"]):
        row["request"] = request.decode("latin-1")
    row["response"] = bytes_of_hex(f"{at}-response", one["response"]).decode("latin-1")
    row["expected"] = _expected(f"{at}-expected", one["expected"])
    row["source"] = one["source"]
    return row


def bytes_of_hex(field: str, text: str | None) -> bytes:
    """Raises InvalidInput."""
    try:
        return bytes.fromhex(text or "")
    except ValueError as fault:
        sentence = _("Write bytes as pairs of hexadecimal digits.")
        raise InvalidInput(sentence, code="bytes_wrong", fields={field: [sentence]}) from fault


def _expected(field: str, text: str) -> object:
    """JSON without null: what is not stated is not there."""
    try:
        said = _without_null(json.loads(text, parse_float=_no_fraction, parse_constant=_no_fraction))
        if isinstance(said, dict) or (isinstance(said, list) and all(isinstance(one, dict) for one in said)):
            return said
    except (ValueError, RecursionError):
        pass
    sentence = _('Write one event as JSON, such as {"kind": "reading", "value": "1.20"}, or a list of them.')
    raise InvalidInput(sentence, code="expected_wrong", fields={field: [sentence]})


def _no_fraction(text: str) -> object:
    raise ValueError(f"{text}: measured values are texts")


def _without_null(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_null(inner) for key, inner in value.items() if inner is not None}
    return [_without_null(one) for one in value] if isinstance(value, list) else value


# -- what was pasted ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Exchange:
    request: bytes
    response: bytes


def pasted(text: str | None, written_as: str) -> list[Exchange]:
    """Lines of ``request TAB response`` (``hex``, as ``decode`` takes them, or ``text`` with ``\\r`` for controls);
    a line without TAB is what the device sent by itself. Raises InvalidInput."""
    lines = [line for line in (text or "").splitlines() if line.strip()]
    if len(lines) > MOST_PASTED:
        sentence = _("Paste at most %(n)s lines at once.", n=MOST_PASTED)
        raise InvalidInput(sentence, code="too_many_lines", fields={"paste": [sentence]})
    return [_exchange(line, written_as) for line in lines]


def _exchange(line: str, written_as: str) -> Exchange:
    parts = _BETWEEN.split(line, maxsplit=1)
    parts = parts if len(parts) == 2 else ["", line]
    try:
        if written_as == "hex":
            return Exchange(*(bytes.fromhex(part) for part in parts))
        return Exchange(*(read_printable(part) for part in parts))
    except ValueError as fault:
        sentence = _("This line cannot be read as bytes: %(line)s", line=line[:80])
        raise InvalidInput(sentence, code="bytes_wrong", fields={"paste": [sentence]}) from fault


def with_pasted(row: Row, profile: Profile, exchanges: Sequence[Exchange], source: str) -> Row:
    """The row with the pasted exchanges as dialogues: they expect what this profile reads in them now."""
    new = [
        {
            **({"request": one.request.decode("latin-1")} if one.request else {}),
            "response": one.response.decode("latin-1"),
            "expected": expected_of(list(decode(profile.codec, one.request, one.response))),
            "source": source,
        }
        for one in exchanges
    ]
    return {**row, "dialogue": [*row["dialogue"], *new]}


def expected_of(events: Sequence[Event]) -> object:
    """What a dialogue states of these events: all they say, and nothing that they do not."""
    said = [_without_null(event.as_json()) for event in events]
    return said[0] if len(said) == 1 else said


# -- trying --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Trial:
    """A row, read: ``walked`` its dialogues, ``tried`` what was pasted besides."""

    row: Row
    profile: Profile
    walked: Sequence[Walked]
    tried: Sequence[Exchange]

    @property
    def faults(self) -> list[int]:
        """Places of dialogues that do not give what they say."""
        return [place for place, one in enumerate(self.walked) if not one.conforms]


def try_row(key: str, row: Row, exchanges: Sequence[Exchange] = ()) -> Trial:
    """Raises ProfileWrong."""
    profile = parse_profile(key, row)
    return Trial(row, profile, walk(profile), exchanges)
