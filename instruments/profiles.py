"""Profiles: a device type is a row of facts and a recorded dialogue, not a class.

Built-in rows lie beside this module as TOML; a laboratory makes its own, in a folder or on the server's page. Each
carries dialogues that ``instruments.conformance`` walks.
"""

import re
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from instruments.and_standard import AndStandard
from instruments.astm import Astm
from instruments.codec import Codec, Setup, Verb
from instruments.errors import ProfileWrong
from instruments.facts import (
    LONGEST_TEXT,
    LONGEST_UNIT,
    check_line,
    check_plain,
    check_text,
    in_range,
    refuse_choice,
    refuse_list,
    refuse_unknown,
    texts,
    whole,
    wire_text,
)
from instruments.generic_line import GenericLine, compile_line
from instruments.kern import KernHeader, KernOld
from instruments.mitutoyo import Digimatic, MitutoyoLine
from instruments.modbus import registers_of
from instruments.modbus_framing import ModbusRtu, ModbusTcp
from instruments.mtsics import MtSics
from instruments.ohaus import Ohaus
from instruments.radwag import Radwag
from instruments.sbi import Sbi
from instruments.scpi import Scpi
from instruments.settling import SettlingRule
from instruments.toledo import ToledoContinuous
from instruments.yaohua import YaohuaA12, YaohuaAddressed, YaohuaEquals, YaohuaStx

BUILT_IN = Path(__file__).parent / "profile_rows"
ANY_BYTE = bytes(range(256))
LONGEST_PROFILE = 64 * 1024  # characters of its TOML
MOST_DIALOGUES = 100
LONGEST_PART = 4096  # bytes of a request or a response
MOST_BYTES = 32 * 1024  # of all its dialogues together
MOST_SETUPS = 30
MOST_VERSIONS = 1_000_000
_KEY = re.compile(r"[a-z0-9][a-z0-9-]{0,59}")
_KNOWN = frozenset(
    {
        "title",
        "protocol",
        "version",
        "binary",
        "controls",
        "pause_ms",
        "line",
        "codec",
        "settling",
        "dialogue",
    }
)


@dataclass(frozen=True, slots=True)
class LineSettings:
    """Serial line as the device's manual states it; a socket ignores them."""

    baud: int = 9600
    bytesize: int = 8
    parity: str = "N"
    stopbits: int = 1
    handshake: str = "none"  # none | xonxoff | rtscts
    dtr: bool | None = None
    rts: bool | None = None


Expected = Mapping[str, object] | Sequence[Mapping[str, object]]


@dataclass(frozen=True, slots=True)
class Recorded:
    """One exchange seen on a real line or in a manual, and what it must be read as: one event, or a list of them."""

    request: bytes
    response: bytes
    expected: Expected
    source: str


@dataclass(frozen=True, slots=True)
class Profile:
    """``version``: of a laboratory's own profile; None for a built-in one, whose codec has a version."""

    key: str
    title: str
    protocol: str
    codec: Codec
    line: LineSettings
    controls: (
        bytes  # control characters the protocol uses: all others count as noise; binary = true: any byte
    )
    dialogues: tuple[Recorded, ...] = field(default=())
    settling: SettlingRule = field(default_factory=SettlingRule)  # where the wire does not say what is stable
    pause_s: float = 0.0  # least time from one command to the next
    version: int | None = None

    @property
    def stated(self) -> str:
        """How captures name it: ``ph-line``, and ``our-ph/3`` for the third version of one's own."""
        return self.key if self.version is None else f"{self.key}/{self.version}"


def is_key(text: str) -> bool:
    """A key is the name of a file, too."""
    return _KEY.fullmatch(text) is not None


def profile_names(folders: tuple[Path, ...] = ()) -> list[str]:
    return sorted({path.stem for folder in (*folders, BUILT_IN) for path in folder.glob("*.toml")})


def find_profile(key: str, folders: tuple[Path, ...] = ()) -> Path | None:
    """The file of a profile by name, or a path that is one."""
    for path in (*(folder / f"{key}.toml" for folder in (*folders, BUILT_IN)), Path(key)):
        if path.suffix == ".toml" and path.is_file():
            return path
    return None


def load_profile(key: str, folders: tuple[Path, ...] = ()) -> Profile:
    """A profile by name, or by the path of its TOML file. Raises ProfileWrong with what is wrong where."""
    path = find_profile(key, folders)
    if path is None:
        raise ProfileWrong(f"no profile called {key!r}; there are: {', '.join(profile_names(folders))}")
    try:
        return read_profile(path.stem, path.read_text(encoding="utf-8"))
    except UnicodeDecodeError as exc:
        raise ProfileWrong(f"{path}: {exc}") from exc
    except ProfileWrong as exc:
        raise ProfileWrong(f"{path}: {exc}") from exc


def read_profile(key: str, text: str) -> Profile:
    """A profile from its TOML. Raises ProfileWrong."""
    return parse_profile(key, read_row(text))


def read_row(text: str) -> dict[str, object]:
    """The row of facts in a profile's TOML, unchecked. Raises ProfileWrong for what is no TOML."""
    if len(text) > LONGEST_PROFILE:
        sentence = f"the profile is longer than {LONGEST_PROFILE} characters"
        raise ProfileWrong(sentence, "profile_long", longest=LONGEST_PROFILE)
    try:
        return tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as exc:
        raise ProfileWrong(f"not TOML: {exc}", "not_toml", why=str(exc)) from exc


def parse_profile(key: str, row: Mapping[str, object]) -> Profile:
    """Raises ProfileWrong for a row that cannot be used."""
    refuse_unknown(row, _KNOWN, "the profile")
    protocol = row.get("protocol")
    if not isinstance(protocol, str) or protocol not in CODECS:
        known = ", ".join(sorted(CODECS))
        sentence = f"no protocol called {protocol!r}; there are: {known}"
        raise ProfileWrong(sentence, "no_protocol", protocol=str(protocol), known=known)
    line = _table(row, "line")
    check_line(line)
    return Profile(
        key=key,
        title=check_text("title", row.get("title", key), LONGEST_TEXT),
        protocol=protocol,
        codec=CODECS[protocol](_table(row, "codec")),
        line=LineSettings(**line),  # type: ignore[arg-type]
        controls=ANY_BYTE
        if row.get("binary") is True
        else wire_text("controls", row.get("controls", "\r\n")),
        dialogues=tuple(_dialogues(row)),
        settling=_settling(_table(row, "settling")),
        pause_s=whole("pause_ms", row.get("pause_ms", 0), 0, 10_000) / 1000,
        version=None if "version" not in row else whole("version", row["version"], 1, MOST_VERSIONS),
    )


def _settling(facts: Mapping[str, object]) -> SettlingRule:
    refuse_unknown(facts, ("equal", "seconds"), "[settling]")
    usual = SettlingRule()
    return SettlingRule(
        whole("equal", facts.get("equal", usual.equal), 2, 1000),
        in_range("seconds", facts.get("seconds", usual.seconds), 0.1, 600),
    )


def _table(row: Mapping[str, object], name: str) -> Mapping[str, object]:
    table = row.get(name, {})
    if not isinstance(table, Mapping):
        raise ProfileWrong(f"[{name}] must be a table", "no_table", name=f"[{name}]")
    return table


def _dialogues(row: Mapping[str, object]) -> Iterator[Recorded]:
    listed = row.get("dialogue", [])
    if not isinstance(listed, list) or len(listed) > MOST_DIALOGUES:
        refuse_list("[[dialogue]]", MOST_DIALOGUES)
    left = MOST_BYTES
    for place, item in enumerate(listed, 1):
        recorded = _recorded(item, f"[[dialogue]] {place}")
        left -= len(recorded.request) + len(recorded.response)
        if left < 0:
            sentence = f"the dialogues are longer than {MOST_BYTES} bytes together"
            raise ProfileWrong(sentence, "dialogues_long", most=MOST_BYTES)
        yield recorded


def _recorded(item: object, where: str) -> Recorded:
    if not isinstance(item, Mapping):
        raise ProfileWrong(f"{where}: write [[dialogue]]", "no_table", name="[[dialogue]]")
    refuse_unknown(item, ("request", "response", "expected", "source"), where)
    expected = item.get("expected")
    several = expected if isinstance(expected, list) else [expected]
    if not several or not all(
        isinstance(one, Mapping) and isinstance(one.get("kind"), str) for one in several
    ):
        sentence = f"{where}: expected must be an event with its kind, or a list of such events"
        raise ProfileWrong(sentence, "expected_wrong", where=where)
    source = check_text("source", item.get("source"), 300)
    if not source.strip():
        sentence = f"{where}: source must say where the bytes come from"
        raise ProfileWrong(sentence, "source_missing", where=where)
    return Recorded(
        wire_text(f"{where}: request", item.get("request", ""), LONGEST_PART),
        wire_text(f"{where}: response", item.get("response"), LONGEST_PART),
        expected,  # type: ignore[arg-type]
        source,
    )


def _of(protocol: type[Codec]) -> Callable[[Mapping[str, object]], Codec]:
    """A protocol whose facts are its own fields."""

    def made(facts: Mapping[str, object]) -> Codec:
        check_plain(protocol, facts)
        return protocol(**facts)

    return made


def _generic_line(facts: Mapping[str, object]) -> Codec:
    known = ("pattern", "terminator", "unit", "stable", "dynamic", "commands", "deadline_s", "decimal")
    refuse_unknown(facts, known, "[codec]")
    pattern = facts.get("pattern")
    terminator = wire_text("terminator", facts.get("terminator", "\r\n"), 8)
    if not isinstance(pattern, str):
        raise ProfileWrong("pattern must be a text in quotes", "fact_text", name="pattern")
    if not terminator or not terminator.isascii():
        raise ProfileWrong("terminator must be one to eight ASCII characters", "terminator_wrong")
    if facts.get("decimal", ".") not in (".", ","):
        refuse_choice("decimal", (repr("."), repr(",")))
    unit = facts.get("unit")
    return GenericLine(
        pattern=compile_line(pattern),
        terminator=terminator,
        unit=None if unit is None else check_text("unit", unit, LONGEST_UNIT),
        stable=texts(facts, "stable"),
        dynamic=texts(facts, "dynamic"),
        commands=dict(_commands(_table(facts, "commands"))),
        deadline_s=in_range("deadline_s", facts.get("deadline_s", 5.0), 0.1, 600),
        decimal=str(facts.get("decimal", ".")),
    )


def _commands(table: Mapping[str, object]) -> Iterator[tuple[Verb, bytes]]:
    refuse_unknown(table, [verb.value for verb in Verb], "[codec.commands]")
    for verb, wire in table.items():
        yield Verb(verb), wire_text(verb, wire)


def _modbus_rtu(facts: Mapping[str, object]) -> Codec:
    refuse_unknown(facts, ("registers", "echoes", "slave", "order", "function"), "[codec]")
    return ModbusRtu(registers=registers_of(facts), echoes=facts.get("echoes") is True)


def _modbus_tcp(facts: Mapping[str, object]) -> Codec:
    refuse_unknown(facts, ("registers", "slave", "order", "function"), "[codec]")
    return ModbusTcp(registers=registers_of(facts))


def _scpi(facts: Mapping[str, object]) -> Codec:
    opening = facts.get("opening", ["SYST:REM"])
    if not isinstance(opening, list) or len(opening) > 20:
        refuse_list("opening", 20)
    plain = {name: value for name, value in facts.items() if name not in ("opening", "setups")}
    check_plain(Scpi, plain)
    commands = tuple(check_text("opening", text, LONGEST_TEXT) for text in opening)
    return Scpi(opening=commands, setups=_setups(facts.get("setups", [])), **plain)  # type: ignore[arg-type]


def _setups(listed: object) -> tuple[Setup, ...]:
    if not isinstance(listed, list) or len(listed) > MOST_SETUPS:
        refuse_list("[[codec.setups]]", MOST_SETUPS)
    found = tuple(_setup(row, place) for place, row in enumerate(listed, 1))
    if len({one.key for one in found}) != len(found):
        raise ProfileWrong("two set-ups have the same key", "setup_twice")
    return found


def _setup(row: object, place: int) -> Setup:
    where = f"[[codec.setups]] {place}"
    if not isinstance(row, Mapping):
        raise ProfileWrong(f"{where} must be a table", "no_table", name=where)
    refuse_unknown(row, ("key", "en", "zh", "send", "confirms", "unit"), where)
    key, send = check_text(f"{where}: key", row.get("key"), 40), row.get("send")
    if not _KEY.fullmatch(key) or not isinstance(send, list) or not 0 < len(send) <= 10:
        raise ProfileWrong(
            f"{where}: key is small letters, figures and dashes; send is a list of 1 to 10 texts",
            "setup_wrong",
            where=where,
        )
    en = _words(f"{where}: en", row.get("en", key))
    unit = row.get("unit")
    return Setup(
        key=key,
        en=en,
        zh=_words(f"{where}: zh", row.get("zh", en)),
        send=tuple(_command(where, text) for text in send),
        confirms=check_text(f"{where}: confirms", row.get("confirms"), LONGEST_TEXT),
        unit=None if unit is None else _words(f"{where}: unit", unit, LONGEST_UNIT),
    )


def _words(where: str, text: object, longest: int = 80) -> str:
    if not isinstance(text, str) or not text.strip() or len(text) > longest or not text.isprintable():
        sentence = f"{where} must be a text of at most {longest} characters"
        raise ProfileWrong(sentence, "text_long", name=where, longest=longest)
    return text


def _command(where: str, text: object) -> str:
    """One without an answer: a question in a set-up would be answered in the place of another."""
    command = check_text(f"{where}: send", text, LONGEST_TEXT)
    if not command.isascii() or not command.isprintable() or "?" in command:
        sentence = f"{where}: {command!r} is no command without an answer"
        raise ProfileWrong(sentence, "command_asks", where=where, command=command)
    return command


PLAIN: dict[str, type[Codec]] = {
    "A&D-standard": AndStandard,
    "A&D-standard+comparator": AndStandard,
    "ASTM-E1381": Astm,
    "Digimatic-SPC": Digimatic,
    "KERN-18": KernOld,
    "KERN-header": KernHeader,
    "MT-SICS": MtSics,
    "Mitutoyo-DT": MitutoyoLine,
    "Ohaus-print": Ohaus,
    "Radwag": Radwag,
    "SBI-16": Sbi,
    "SBI-22": Sbi,
    "Toledo-continuous": ToledoContinuous,
    "XK3190-A12": YaohuaA12,
    "XK3190-TF0": YaohuaStx,
    "XK3190-addressed": YaohuaAddressed,
    "XK3190-reversed": YaohuaEquals,
}
CODECS: dict[str, Callable[[Mapping[str, object]], Codec]] = {
    **{protocol: _of(codec) for protocol, codec in PLAIN.items()},
    "Modbus-RTU": _modbus_rtu,
    "Modbus-TCP": _modbus_tcp,
    "SCPI": _scpi,
    "regex": _generic_line,
}
