"""Radwag (PS, WTC, R manuals): first ``XX A`` (accepted), then the answer in fixed columns.

Answer: command in three columns, marker, blank, sign, nine columns of figure, blank, three of unit; some have one
blank more in front of the marker.
Marker: blank stable, ``?`` unstable, ``^`` and ``v`` out of range. A print-key line has no command in front.
"""

import re
from dataclasses import dataclass, replace

from instruments.canonical import JsonValue
from instruments.codec import Command, Verb
from instruments.lines import LineCodec, asks, figure
from instruments.readings import DYNAMIC, STABLE, Event, Kind

_COMMAND = r"(?P<command>SIA|SUI|S {2}|SI |SU |OT |P\d )"
_MASS = r"(?P<marker>[ ?^v]) (?P<sign>[ -])(?P<field>[ \d.]{9}) (?P<unit>[A-Za-z%/]{1,3} {0,2}| {3})"
_READINGS = {  # by the column of the marker
    4: re.compile(f"(?:{_COMMAND})?{_MASS}"),
    5: re.compile(f"(?:{_COMMAND} )?{_MASS}"),
}
_TARE = re.compile(r"OT (?P<field>[ \d.-]{9}) (?P<unit>[A-Za-z%/]{1,3} {0,2}) ?")
_STATUS = re.compile(r"(?P<command>[A-Z][A-Z0-9]{0,3}) ?(?P<status>[ADIE^v]|OK)")
_TEXT = re.compile(r'(?P<command>NB|BN|FS|RV|PC) A? ?"(?P<text>[^"]*)"')
_KINDS = {
    "A": Kind.OK,
    "D": Kind.OK,
    "OK": Kind.OK,
    "I": Kind.STATUS,
    "E": Kind.STATUS,  # not stable in time
    "^": Kind.OVERLOAD,
    "v": Kind.UNDERLOAD,
}
_SAYS = {"NB": "serial", "BN": "model", "FS": "capacity", "RV": "software"}
_LONGEST_WAIT_S = 45.0


@dataclass(frozen=True)
class Radwag(LineCodec):
    """``identifies``: the balance knows ``NB`` (serial number); older ones answer ES.
    ``marker_column``: 5 on the PS balances, 4 on the scales R, WTB, WTC, WPY and APP.
    """

    identifies: bool = True
    marker_column: int = 5
    name: str = "radwag/1"

    def read_line(self, line: str, asked: bytes | None) -> Event | None:
        if line.rstrip() == "ES":
            return Event(Kind.ERROR, code="ES", head="ES")
        return _reading(line, self.marker_column) or _tare(line) or _status(line) or _text(line)

    def command(self, verb: Verb) -> Command | None:
        match verb:
            case Verb.IDENTIFY if self.identifies:
                return asks(verb, b"NB\r\n", 3.0, heads=frozenset({"NB"}))
            case Verb.TAKE:
                return _two_steps(asks(verb, b"S\r\n", _LONGEST_WAIT_S, heads=frozenset({"S"})), "S A")
            case Verb.LOOK:
                return asks(verb, b"SI\r\n", 3.0, heads=frozenset({"SI"}))
            case Verb.TARE:
                return _two_steps(asks(verb, b"T\r\n", _LONGEST_WAIT_S, heads=frozenset({"T"})), "T A")
            case Verb.ZERO:
                return _two_steps(asks(verb, b"Z\r\n", _LONGEST_WAIT_S, heads=frozenset({"Z"})), "Z A")
        return None


def _two_steps(command: Command, accepted: str) -> Command:
    return replace(command, accepted=frozenset({accepted}))


def _reading(line: str, marker_column: int) -> Event | None:
    found = _READINGS[marker_column].fullmatch(line)
    if found is None:
        return None
    head = (found["command"] or "").strip()
    if found["marker"] in "^v":
        return Event(_KINDS[found["marker"]], code=f"{head} {found['marker']}".strip(), head=head)
    value = figure(found["field"])
    if value is None:
        return None
    value = f"-{value}" if found["sign"] == "-" else value
    stability = DYNAMIC if found["marker"] == "?" else STABLE
    kind = Kind.TARE if head == "OT" else Kind.READING
    more = {"platform": head[1]} if head.startswith("P") else {}
    return Event(kind, value, found["unit"].strip() or None, stability, head=head, more=more)


def _tare(line: str) -> Event | None:
    found = _TARE.fullmatch(line)
    value = None if found is None else figure(found["field"])
    if found is None or value is None:
        return None
    return Event(Kind.TARE, value, found["unit"].strip(), head="OT")


def _status(line: str) -> Event | None:
    found = _STATUS.fullmatch(line)
    if found is None:
        return None
    head, code = found["command"], f"{found['command']} {found['status']}"
    # "accepted" is a head of its own: it must not end the wait for the answer.
    return Event(_KINDS[found["status"]], code=code, head=code if found["status"] == "A" else head)


def _text(line: str) -> Event | None:
    found = _TEXT.fullmatch(line)
    if found is None:
        return None
    if found["command"] == "PC":  # the commands it knows
        items: list[JsonValue] = [name.strip() for name in found["text"].split(",")]
        return Event(Kind.LIST, head="PC", more={"items": items})
    return Event(Kind.IDENTITY, found["text"], code=_SAYS[found["command"]], head=found["command"])
