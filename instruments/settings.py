"""The one configuration file of a gateway (TOML)."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, time
from enum import StrEnum
from pathlib import Path

from instruments.errors import ProfileWrong, SettingsWrong
from instruments.facts import check_line
from instruments.profiles import LineSettings, Profile, find_profile, is_key, load_profile

IDENTITY = "identity.json"


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
    source: "DeviceRow | None" = None


@dataclass(frozen=True, slots=True)
class DeviceRow:
    """A device as it stands in the file: read anew when its profile arrives or changes. ``folders``: where
    profiles are looked for, before the built-in ones."""

    row: Mapping[str, object]
    folders: tuple[Path, ...]
    where: str

    @property
    def key(self) -> str:
        return str(self.row["key"])

    @property
    def port(self) -> str:
        return str(self.row["port"])

    @property
    def profile(self) -> str:
        return str(self.row["profile"])

    def settings(self) -> DeviceSettings:
        """Raises ProfileWrong, SettingsWrong."""
        return _device(self)


@dataclass(frozen=True, slots=True)
class FolderSettings:
    """A folder in which an analyser leaves files. ``still_s``: how long a file must not change to count as
    finished; ``scan_s``: between two looks; ``not_before``: files last written earlier are left alone;
    ``subfolders``: those inside are watched too, some levels deep."""

    key: str
    path: Path
    patterns: tuple[str, ...] = ("*.csv", "*.txt", "*.tsv", "*.xlsx")
    still_s: float = 5.0
    scan_s: float = 1.0
    not_before: datetime | None = None
    subfolders: bool = False


@dataclass(frozen=True, slots=True)
class Settings:
    folder: Path
    devices: tuple[DeviceSettings, ...]
    name: str = "gateway"
    server: str | None = None
    ca_file: str | None = None
    status_port: int = 0  # on 127.0.0.1; 0 is off
    keep_days: int = 7
    folders: tuple[FolderSettings, ...] = ()
    waiting: tuple[DeviceRow, ...] = ()  # their profile is to come from the server
    disk_low_mb: int = 2048  # less free is told; about two and a half million captures

    @property
    def identity_path(self) -> Path:
        return self.folder / IDENTITY

    @property
    def spool_path(self) -> Path:
        return self.folder / "spool.db"

    @property
    def profiles_path(self) -> Path:
        return profiles_of_server(self.folder)

    @property
    def status_path(self) -> Path:
        return self.folder / "status.json"


_LINE_KEYS = frozenset({"baud", "bytesize", "parity", "stopbits", "handshake", "dtr", "rts"})
_DEVICE_KEYS = _LINE_KEYS | {"key", "port", "profile", "serial", "live", "live_interval_ms", "keep_live"}
_FOLDER_KEYS = frozenset({"key", "path", "patterns", "still_s", "scan_s", "not_before", "subfolders"})
_GATEWAY_KEYS = frozenset(
    {"name", "server", "ca_file", "folder", "profiles", "status_port", "keep_days", "disk_low_mb"}
)


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
    folder = base / _text(gateway, "folder", "gateway", str(path))
    own = (base / str(gateway["profiles"]),) if "profiles" in gateway else ()
    places = (*own, profiles_of_server(folder))
    rows = [_row(row, places, f"{path}: device {place}") for place, row in enumerate(listed, 1)]
    expects_server = bool(gateway.get("server")) or (folder / IDENTITY).exists()
    waiting = tuple(row for row in rows if expects_server and _may_come(row))
    watched = _folders(document.get("folder", []), base, path)
    keys = [*(row.key for row in rows), *(row.key for row in watched)]
    if len(set(keys)) != len(keys):
        raise SettingsWrong(f"{path}: two devices have the same key")
    return Settings(
        folder=folder,
        devices=tuple(row.settings() for row in rows if row not in waiting),
        waiting=waiting,
        name=_text(gateway, "name", "gateway", str(path)),
        server=_text(gateway, "server", "", str(path)) or None,
        ca_file=_text(gateway, "ca_file", "", str(path)) or None,
        status_port=_number(gateway, "status_port", 0, 0, 65535, str(path)),
        keep_days=_number(gateway, "keep_days", 7, 0, 3650, str(path)),
        folders=watched,
        disk_low_mb=_number(gateway, "disk_low_mb", 2048, 1, 1_000_000, str(path)),
    )


def _folders(listed: object, base: Path, path: Path) -> tuple[FolderSettings, ...]:
    if not isinstance(listed, list):
        raise SettingsWrong(f"{path}: write one [[folder]] table for each folder")
    return tuple(_folder(row, base, f"{path}: folder {place}") for place, row in enumerate(listed, 1))


def _folder(row: object, base: Path, where: str) -> FolderSettings:
    if not isinstance(row, Mapping):
        raise SettingsWrong(f"{where}: write [[folder]]")
    _refuse_unknown(row, _FOLDER_KEYS, where)
    for needed in ("key", "path"):
        if not _text(row, needed, "", where):
            raise SettingsWrong(f"{where}: {needed} is missing")
    known = FolderSettings(key=_text(row, "key", "", where), path=base / _text(row, "path", "", where))
    patterns = row.get("patterns", list(known.patterns))
    if not isinstance(patterns, list) or not patterns or not all(isinstance(one, str) for one in patterns):
        raise SettingsWrong(f'{where}: patterns must be a list of texts, as in ["*.csv"]')
    return replace(
        known,
        patterns=tuple(patterns),
        still_s=_number(row, "still_s", 5, 1, 3600, where),
        scan_s=_number(row, "scan_s", 1, 1, 3600, where),
        not_before=_day(row, "not_before", where),
        subfolders=_yes(row, "subfolders", where),
    )


def _yes(row: Mapping[str, object], name: str, where: str) -> bool:
    value = row.get(name, False)
    if not isinstance(value, bool):
        raise SettingsWrong(f"{where}: {name} must be true or false, without quotes")
    return value


def _day(row: Mapping[str, object], name: str, where: str) -> datetime | None:
    """Of a date of TOML: its midnight, by the clock of this machine."""
    value = row.get(name)
    if value is None:
        return None
    if not isinstance(value, date) or isinstance(value, datetime):
        raise SettingsWrong(f"{where}: {name} must be a date without quotes, as in 2026-11-22")
    return datetime.combine(value, time()).astimezone()


def profiles_of_server(folder: Path) -> Path:
    return folder / "profiles"


def _may_come(row: DeviceRow) -> bool:
    """Its profile is not here, and its name is one that the server's page could give."""
    return is_key(row.profile) and find_profile(row.profile, row.folders) is None


def _row(row: object, folders: tuple[Path, ...], where: str) -> DeviceRow:
    if not isinstance(row, Mapping):
        raise SettingsWrong(f"{where}: write [[device]]")
    _refuse_unknown(row, _DEVICE_KEYS, where)
    for needed in ("key", "port", "profile"):
        if not _text(row, needed, "", where):
            raise SettingsWrong(f"{where}: {needed} is missing")
    return DeviceRow(row, folders, where)


def _device(source: DeviceRow) -> DeviceSettings:
    row, where = source.row, source.where
    profile = load_profile(source.profile, source.folders)
    try:
        check_line({key: value for key, value in row.items() if key in _LINE_KEYS})
        return DeviceSettings(
            key=source.key,
            port=source.port,
            profile=profile,
            line=replace(profile.line, **{key: value for key, value in row.items() if key in _LINE_KEYS}),  # type: ignore[arg-type]
            serial=_text(row, "serial", "", where) or None,
            live=Live(_text(row, "live", "poll", where)),
            live_interval_ms=_number(row, "live_interval_ms", 150, 50, 60_000, where),
            keep_live=KeepLive(_text(row, "keep_live", "none", where)),
            source=source,
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
