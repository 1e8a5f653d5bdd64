"""The one configuration file of a gateway (TOML)."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

from instruments.errors import ProfileWrong, SettingsWrong
from instruments.facts import check_line
from instruments.profiles import LineSettings, Profile, load_profile


class Live(StrEnum):
    """How the live figure is got."""

    POLL = "poll"
    STREAM = "stream"  # print-key readings cannot be told from the stream then
    OFF = "off"


class KeepLive(StrEnum):
    """Which live figures become captures."""

    NONE = "none"
    STABLE = "stable"
    ALL = "all"


@dataclass(frozen=True, slots=True)
class DeviceSettings:
    """``serial``: the serial number the device must give; None accepts any and reports it."""

    key: str
    port: str
    profile: Profile
    line: LineSettings
    serial: str | None = None
    live: Live = Live.POLL
    live_interval_ms: int = 150
    keep_live: KeepLive = KeepLive.NONE


@dataclass(frozen=True, slots=True)
class Settings:
    folder: Path
    devices: tuple[DeviceSettings, ...]
    name: str = "gateway"
    server: str | None = None
    ca_file: str | None = None
    status_port: int = 0  # on 127.0.0.1; 0 is off
    keep_days: int = 7

    @property
    def identity_path(self) -> Path:
        return self.folder / "identity.json"

    @property
    def spool_path(self) -> Path:
        return self.folder / "spool.db"

    @property
    def status_path(self) -> Path:
        return self.folder / "status.json"


_LINE_KEYS = frozenset({"baud", "bytesize", "parity", "stopbits", "handshake", "dtr", "rts"})
_DEVICE_KEYS = _LINE_KEYS | {"key", "port", "profile", "serial", "live", "live_interval_ms", "keep_live"}
_GATEWAY_KEYS = frozenset({"name", "server", "ca_file", "folder", "profiles", "status_port", "keep_days"})


def load_settings(path: Path) -> Settings:
    """Raises SettingsWrong with the place and the reason; paths are relative to the file."""
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as exc:
        raise SettingsWrong(f"{path} cannot be read: {exc.strerror}") from exc
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as exc:
        raise SettingsWrong(f"{path}: {exc}") from exc
    gateway = document.get("gateway", {})
    listed = document.get("device", [])
    if not isinstance(gateway, Mapping) or not isinstance(listed, list):
        raise SettingsWrong(f"{path}: write one [gateway] table and one [[device]] table for each device")
    _refuse_unknown(gateway, _GATEWAY_KEYS, f"{path}: [gateway]")
    base = path.resolve().parent
    folders = (base / str(gateway["profiles"]),) if "profiles" in gateway else ()
    devices = tuple(_device(row, folders, f"{path}: device {place}") for place, row in enumerate(listed, 1))
    if len({device.key for device in devices}) != len(devices):
        raise SettingsWrong(f"{path}: two devices have the same key")
    return Settings(
        folder=base / _text(gateway, "folder", "gateway", str(path)),
        devices=devices,
        name=_text(gateway, "name", "gateway", str(path)),
        server=_text(gateway, "server", "", str(path)) or None,
        ca_file=_text(gateway, "ca_file", "", str(path)) or None,
        status_port=_number(gateway, "status_port", 0, 0, 65535, str(path)),
        keep_days=_number(gateway, "keep_days", 7, 0, 3650, str(path)),
    )


def _device(row: object, folders: tuple[Path, ...], where: str) -> DeviceSettings:
    if not isinstance(row, Mapping):
        raise SettingsWrong(f"{where}: write [[device]]")
    _refuse_unknown(row, _DEVICE_KEYS, where)
    for needed in ("key", "port", "profile"):
        if not _text(row, needed, "", where):
            raise SettingsWrong(f"{where}: {needed} is missing")
    profile = load_profile(_text(row, "profile", "", where), folders)
    try:
        check_line({key: value for key, value in row.items() if key in _LINE_KEYS})
        return DeviceSettings(
            key=_text(row, "key", "", where),
            port=_text(row, "port", "", where),
            profile=profile,
            line=replace(profile.line, **{key: value for key, value in row.items() if key in _LINE_KEYS}),
            serial=_text(row, "serial", "", where) or None,
            live=Live(_text(row, "live", "poll", where)),
            live_interval_ms=_number(row, "live_interval_ms", 150, 50, 60_000, where),
            keep_live=KeepLive(_text(row, "keep_live", "none", where)),
        )
    except (ValueError, TypeError, ProfileWrong) as exc:
        raise SettingsWrong(f"{where}: {exc}") from exc


def _refuse_unknown(row: Mapping[str, object], known: frozenset[str], where: str) -> None:
    unknown = sorted(set(row) - known)
    if unknown:
        raise SettingsWrong(f"{where}: unknown {', '.join(unknown)}; known are {', '.join(sorted(known))}")


def _text(row: Mapping[str, object], name: str, default: str, where: str) -> str:
    value = row.get(name, default)
    if not isinstance(value, str):
        raise SettingsWrong(f"{where}: {name} must be a text in quotes")
    return value


def _number(row: Mapping[str, object], name: str, default: int, low: int, high: int, where: str) -> int:
    value = row.get(name, default)
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise SettingsWrong(f"{where}: {name} must be a whole number from {low} to {high}")
    return value
