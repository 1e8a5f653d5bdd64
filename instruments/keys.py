"""Who this gateway is: its Ed25519 key and its number at the server, in a file only its owner can read."""

import base64
import json
import os
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from instruments.canonical import b64, sha256_hex
from instruments.errors import NotEnrolled

_DOMAIN = "lims-gateway-1"


def signing_bytes(purpose: str, body: bytes) -> bytes:
    """What is signed: the purpose keeps a body signed for one address from serving at another."""
    return f"{_DOMAIN}\n{purpose}\n".encode("ascii") + body


def fingerprint(public_key: bytes) -> str:
    """Sixteen hex digits in groups, for two people to compare across a bench and a screen."""
    digest = sha256_hex(public_key)[:16]
    return " ".join(digest[place : place + 4] for place in range(0, 16, 4))


@dataclass(frozen=True, slots=True)
class Identity:
    server: str
    gateway_id: str
    name: str
    key: Ed25519PrivateKey

    def sign(self, purpose: str, body: bytes) -> str:
        """Base64 of the 64-byte signature."""
        return b64(self.key.sign(signing_bytes(purpose, body)))


def public_bytes(key: Ed25519PrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


def save_identity(path: Path, identity: Identity) -> None:
    """Written apart, then renamed, mode 0600: the key is never seen half-written or by others."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(
        {
            "server": identity.server,
            "gateway_id": identity.gateway_id,
            "name": identity.name,
            "public_key": b64(public_bytes(identity.key)),
            "private_key": b64(identity.key.private_bytes_raw()),
        },
        indent=1,
    )
    draft = path.with_suffix(".new")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def load_identity(path: Path) -> Identity:
    """Raises NotEnrolled with what to do about it."""
    if not path.is_file():
        raise NotEnrolled(
            f"no identity at {path}: run 'python -m instruments enrol' with the code from the server"
        )
    if os.name != "nt" and path.stat().st_mode & 0o077:  # Windows says so of every file
        raise NotEnrolled(f"{path} can be read by others; 'chmod 600' it, or enrol again with a new key")
    try:
        row = json.loads(path.read_text(encoding="utf-8"))
        key = Ed25519PrivateKey.from_private_bytes(base64.b64decode(row["private_key"], validate=True))
        return Identity(str(row["server"]), str(row["gateway_id"]), str(row["name"]), key)
    except (ValueError, KeyError, TypeError) as exc:
        raise NotEnrolled(f"{path} is not a gateway identity ({exc}); enrol again") from exc
