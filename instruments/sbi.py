"""Sartorius SBI: lines of 16 characters, or of 22 with a name of six in front (manuals of Master, LE, Entris).

Sign, a blank, eight columns of figure, a blank, three columns of unit. A reading is stable when the unit is
there: a missing unit means an unstable figure, and never grams. Square brackets mark digits that are not
verified; they push the text to the left or to the right, as models do.
"""

import re
from dataclasses import dataclass

from instruments.codec import Command, Verb
from instruments.lines import ANSWER, LineCodec, asks, plain
from instruments.readings import DYNAMIC, STABLE, Event, Kind

SHORT, LONG = 14, 20  # characters without CR LF
_LAST_DIGIT = 10  # column of the last digit, counted from 1

_FIGURE = re.compile(r"(?P<sign>[+\- ])(?P<blank> *)(?P<digits>\d[\d.]*|\.\d+) (?P<unit>[^\d\[\]+-]{3})")
_BRACKETED = re.compile(
    r"(?P<sign>[+\- ])(?P<blank> *)(?P<digits>[\d.]*)\[(?P<unverified>[\d.]+)\](?P<unit>[^\d\[\]+-]{1,4})"
)
_UNIT = re.compile(r"[A-Za-z%]{1,3}|/lb")
_ERROR = re.compile(r"(?:[A-Z]{3}\.)?E(?:rr?|RR)\.? *(?P<number>\d{1,3})?", re.IGNORECASE)
_SPECIAL = {
    "H": Kind.OVERLOAD,
    "HH": Kind.OVERLOAD,
    "High": Kind.OVERLOAD,
    "HIGH": Kind.OVERLOAD,
    "L": Kind.UNDERLOAD,
    "LL": Kind.UNDERLOAD,
    "Low": Kind.UNDERLOAD,
    "LOW": Kind.UNDERLOAD,
    "C": Kind.STATUS,  # adjusting
    "Cal": Kind.STATUS,
    "Cal.": Kind.STATUS,
    "Cal.Ext.": Kind.STATUS,
    "Cal.Int.": Kind.STATUS,
    "--": Kind.STATUS,
}
_MEASURED = frozenset({"N", "N1", "N2", "Net", "G", "G#", "Gnet", "Qnt", "Prc", "x-Net"})
_TARES = frozenset({"T", "T1", "T2", "PT2", "Cont.T"})
_QUESTION = re.compile(rb"\x1bx(?P<what>[1-3])_(?:\r\n)?")
_SAYS = {b"1": "model", b"2": "serial", b"3": "software"}

_SERIAL = b"\x1bx2_\r\n"
_PRINT = b"\x1bP\r\n"


@dataclass(frozen=True)
class Sbi(LineCodec):
    """``identifies``: the balance answers ``ESC x2_`` with its serial number; older ones stay silent."""

    identifies: bool = False
    name: str = "sartorius-sbi/1"

    def read_line(self, line: str, asked: bytes | None) -> Event | None:
        question = _QUESTION.fullmatch(asked or b"")
        if question is not None and line.strip() and not _is_pushed(line):
            text = line.strip()
            return Event(Kind.IDENTITY, text, code=_SAYS[question["what"]], head=_SAYS[question["what"]])
        return self._measured(line)

    def _measured(self, line: str) -> Event | None:
        if len(line) == SHORT:
            return _special(line) or _reading(line, None)
        if len(line) != LONG:
            return None
        label, rest = line[: LONG - SHORT].strip(), line[LONG - SHORT :]
        if label in ("", "Stat"):
            return _special(rest) or (_reading(rest, None) if not label else None)
        return _reading(rest, label)

    def command(self, verb: Verb) -> Command | None:
        # Tare and zero are obeyed without a word: the reading that follows shows them, not an answer.
        match verb:
            case Verb.IDENTIFY if self.identifies:
                return asks(verb, _SERIAL, 3.0, heads=frozenset({"serial"}))
            case Verb.TAKE:
                return asks(verb, _PRINT, 45.0)
            case Verb.LOOK:
                return asks(verb, _PRINT, 3.0, heads=ANSWER)
        return None


def _is_pushed(line: str) -> bool:
    """Whether the print key was pressed before the balance said who it is; a serial number has neither sign nor
    unit, nor is it one of the special texts."""
    figure = line[-SHORT:]
    if len(line) not in (SHORT, LONG):
        return False
    if _special(figure) is not None:
        return True
    return (figure[0] in "+-" or figure[-3:].strip() != "") and _reading(figure, None) is not None


def _special(line: str) -> Event | None:
    text = line.strip()
    if text in _SPECIAL:
        return Event(_SPECIAL[text], code=text)
    error = _ERROR.fullmatch(text)
    return None if error is None else Event(Kind.ERROR, code=error["number"] or text)


def _reading(line: str, label: str | None) -> Event | None:
    figure = _FIGURE.fullmatch(line) or _BRACKETED.fullmatch(line)
    if figure is None:
        return None
    unverified = figure.groupdict().get("unverified")
    unit = _unit(figure["unit"])
    value = plain(figure["sign"], figure["digits"] + (unverified or ""))
    if unit is None or value is None or not _in_column(line, figure, unverified):
        return None
    more: dict[str, str | int] = {}
    if unverified is not None:
        more["unverified_digits"] = sum(char.isdigit() for char in unverified)
    if label is not None:
        more["label"] = label
    if label is not None and label not in _MEASURED | _TARES:
        # Targets, limits, reference weights: figures somebody set, not what lies on the pan.
        return Event(Kind.STATUS, code=label, more={**more, "stated": value, "stated_unit": unit or None})
    kind = Kind.TARE if label in _TARES else Kind.READING
    return Event(kind, value, unit or None, STABLE if unit else DYNAMIC, more=more)


def _unit(text: str) -> str | None:
    """ "" for a blank unit, None for what is no unit."""
    unit = text.strip()
    return unit if not unit or _UNIT.fullmatch(unit) else None


def _in_column(line: str, figure: re.Match[str], unverified: str | None) -> bool:
    """A lost character moves the figure out of its column."""
    if unverified is None:
        return figure.end("digits") == _LAST_DIGIT
    return _LAST_DIGIT <= figure.end("unverified") + 1 <= _LAST_DIGIT + 2
