"""Profiles: a device type is a row of facts and a recorded dialogue, not a class.

Built-in rows lie beside this module as TOML; a bench may add its own folder. Each carries dialogues that the
conformance test walks.
"""

import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from instruments.and_standard import AndStandard
from instruments.astm import Astm
from instruments.codec import Codec, Verb
from instruments.errors import ProfileWrong
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


@dataclass(frozen=True, slots=True)
class Recorded:
    """One exchange seen on a real line or in a manual, and what it must be read as."""

    request: bytes
    response: bytes
    expected: Mapping[str, object]
    source: str


@dataclass(frozen=True, slots=True)
class Profile:
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


def profile_names(folders: tuple[Path, ...] = ()) -> list[str]:
    return sorted({path.stem for folder in (*folders, BUILT_IN) for path in folder.glob("*.toml")})


def load_profile(key: str, folders: tuple[Path, ...] = ()) -> Profile:
    """A profile by name, or by the path of its TOML file. Raises ProfileWrong with what is wrong where."""
    for path in (*(folder / f"{key}.toml" for folder in (*folders, BUILT_IN)), Path(key)):
        if path.suffix == ".toml" and path.is_file():
            return _read(path)
    raise ProfileWrong(f"no profile called {key!r}; there are: {', '.join(profile_names(folders))}")


def _read(path: Path) -> Profile:
    try:
        row = tomllib.loads(path.read_text(encoding="utf-8"))
        return parse_profile(path.stem, row)
    except (tomllib.TOMLDecodeError, KeyError, TypeError, ValueError, UnicodeDecodeError) as exc:
        raise ProfileWrong(f"{path}: {type(exc).__name__}: {exc}") from exc
    except ProfileWrong as exc:
        raise ProfileWrong(f"{path}: {exc}") from exc


def parse_profile(key: str, row: Mapping[str, object]) -> Profile:
    """Raises ProfileWrong, KeyError, TypeError or ValueError for a row that cannot be used."""
    protocol = str(row["protocol"])
    if protocol not in CODECS:
        raise ProfileWrong(f"no protocol called {protocol!r}; there are: {', '.join(sorted(CODECS))}")
    return Profile(
        key=key,
        title=str(row.get("title", key)),
        protocol=protocol,
        codec=CODECS[protocol](_table(row, "codec")),
        line=LineSettings(**_table(row, "line")),  # type: ignore[arg-type]
        controls=ANY_BYTE
        if row.get("binary") is True
        else str(row.get("controls", "\r\n")).encode("latin-1"),
        dialogues=tuple(_dialogues(row)),
        settling=SettlingRule(**_table(row, "settling")),  # type: ignore[arg-type]
        pause_s=_pause_ms(row) / 1000,
    )


def _pause_ms(row: Mapping[str, object]) -> int:
    pause = row.get("pause_ms", 0)
    if not isinstance(pause, int) or isinstance(pause, bool) or not 0 <= pause <= 10_000:
        raise ProfileWrong("pause_ms must be a whole number from 0 to 10000")
    return pause


def _table(row: Mapping[str, object], name: str) -> Mapping[str, object]:
    table = row.get(name, {})
    if not isinstance(table, Mapping):
        raise ProfileWrong(f"[{name}] must be a table")
    return table


def _dialogues(row: Mapping[str, object]) -> Iterator[Recorded]:
    listed = row.get("dialogue", [])
    if not isinstance(listed, list):
        raise ProfileWrong("[[dialogue]] must be a list of tables")
    for item in listed:
        yield Recorded(
            str(item.get("request", "")).encode("latin-1"),
            str(item["response"]).encode("latin-1"),
            item["expected"],
            str(item["source"]),
        )


def _of(protocol: Callable[..., Codec]) -> Callable[[Mapping[str, object]], Codec]:
    """A protocol whose facts are its own fields; an unknown fact is a TypeError."""
    return lambda facts: protocol(**facts)


def _generic_line(facts: Mapping[str, object]) -> Codec:
    return GenericLine(
        pattern=compile_line(str(facts["pattern"])),
        terminator=str(facts.get("terminator", "\r\n")).encode("ascii"),
        unit=None if facts.get("unit") is None else str(facts["unit"]),
        stable=_texts(facts, "stable"),
        dynamic=_texts(facts, "dynamic"),
        commands={
            Verb(verb): str(wire).encode("latin-1") for verb, wire in _table(facts, "commands").items()
        },
        deadline_s=float(str(facts.get("deadline_s", 5.0))),
    )


def _modbus_rtu(facts: Mapping[str, object]) -> Codec:
    return ModbusRtu(registers=registers_of(facts), echoes=facts.get("echoes") is True)


def _modbus_tcp(facts: Mapping[str, object]) -> Codec:
    return ModbusTcp(registers=registers_of(facts))


def _scpi(facts: Mapping[str, object]) -> Codec:
    opening = facts.get("opening", ["SYST:REM"])
    if not isinstance(opening, list):
        raise ProfileWrong("opening must be a list of texts")
    return Scpi(**{**facts, "opening": tuple(str(text) for text in opening)})  # type: ignore[arg-type]


def _texts(facts: Mapping[str, object], name: str) -> frozenset[str]:
    listed = facts.get(name, [])
    if not isinstance(listed, list):
        raise ProfileWrong(f"{name} must be a list of texts")
    return frozenset(str(text) for text in listed)


CODECS: dict[str, Callable[[Mapping[str, object]], Codec]] = {
    "A&D-standard": _of(AndStandard),
    "A&D-standard+comparator": _of(AndStandard),
    "ASTM-E1381": _of(Astm),
    "Digimatic-SPC": _of(Digimatic),
    "KERN-18": _of(KernOld),
    "KERN-header": _of(KernHeader),
    "MT-SICS": _of(MtSics),
    "Modbus-RTU": _modbus_rtu,
    "Modbus-TCP": _modbus_tcp,
    "Mitutoyo-DT": _of(MitutoyoLine),
    "Ohaus-print": _of(Ohaus),
    "Radwag": _of(Radwag),
    "SCPI": _scpi,
    "SBI-16": _of(Sbi),
    "SBI-22": _of(Sbi),
    "Toledo-continuous": _of(ToledoContinuous),
    "XK3190-A12": _of(YaohuaA12),
    "XK3190-TF0": _of(YaohuaStx),
    "XK3190-addressed": _of(YaohuaAddressed),
    "XK3190-reversed": _of(YaohuaEquals),
    "regex": _generic_line,
}
