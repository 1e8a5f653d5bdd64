"""Profiles that the server gave, on this gateway's disk: it works with them whether the server is there or not.

Nothing is used that was not checked here: the name (it is a file's), the hash, every fact, every dialogue.
"""

import contextlib
import os
from collections.abc import Callable, Iterable, Mapping
from hashlib import sha256
from pathlib import Path

from instruments.canonical import JsonValue
from instruments.conformance import faults_of
from instruments.errors import ProfileWrong
from instruments.profiles import LONGEST_PROFILE, is_key, profile_names, read_profile

MOST_HELD = 500
LONGEST_WHY = 300


class ProfileStore:
    """``changed`` hears the names of profiles that are new or other than before. One thread takes in; any reads."""

    def __init__(self, folder: Path, changed: Callable[[Iterable[str]], None]) -> None:
        self.folder = folder
        self._changed = changed
        self._held = dict(_held_in(folder))
        self._refused: dict[str, str] = {}

    def report(self) -> dict[str, JsonValue]:
        """What the server is told."""
        return {"held": dict(self._held), "refused": dict(self._refused)}

    def take(self, offers: object) -> bool:
        """Keep what is offered; whether anything was new. A broken offer is refused by name, never raised."""
        taken = [
            key
            for offer in (offers if isinstance(offers, list) else [])
            if isinstance(offer, dict) and (key := self._take(offer)) is not None
        ]
        if taken:
            self._changed(taken)
        return bool(taken)

    def _take(self, offer: Mapping[str, object]) -> str | None:
        key, digest, text = offer.get("key"), offer.get("sha256"), offer.get("text")
        if not (isinstance(key, str) and isinstance(digest, str) and isinstance(text, str)) or not is_key(
            key
        ):
            return None
        if self._held.get(key) == digest:
            return None
        try:
            self._check(key, digest, text, offer.get("version"))
            _write(self.folder / f"{key}.toml", text.encode("utf-8"))
        except (ProfileWrong, OSError, UnicodeEncodeError) as exc:
            self._refused[key] = str(exc)[:LONGEST_WHY]
            return None
        self._held[key] = digest
        self._refused.pop(key, None)
        return key

    def _check(self, key: str, digest: str, text: str, version: object) -> None:
        if key in profile_names():
            raise ProfileWrong("a built-in profile has this name")
        if key not in self._held and len(self._held) >= MOST_HELD:
            raise ProfileWrong(f"this gateway holds {MOST_HELD} profiles already")
        if len(text) > LONGEST_PROFILE or sha256(text.encode("utf-8")).hexdigest() != digest:
            raise ProfileWrong("what came is not what its hash says")
        profile = read_profile(key, text)
        if profile.version is None or profile.version != version:
            raise ProfileWrong("it states another version than the server")
        if faults := faults_of(profile):
            raise ProfileWrong(faults[0])


def _held_in(folder: Path) -> Iterable[tuple[str, str]]:
    for path in sorted(folder.glob("*.toml")):
        with contextlib.suppress(OSError):
            yield path.stem, sha256(path.read_bytes()).hexdigest()


def _write(path: Path, content: bytes) -> None:
    """On the disk before it counts; never half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".new")
    with draft.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
