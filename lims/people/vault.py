"""Seals small secrets of people, so that the database alone does not give them away."""

import base64

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF


class SealBroken(RuntimeError):
    """The installation's secret is not the one this was sealed with."""


class _Vault:
    box: Fernet | None = None


def open_with(secret: str) -> None:
    """Derive the sealing key from the installation's secret. Called once, by ``create_app``."""
    derived = HKDF(SHA256(), 32, salt=None, info=b"lims second factor v1").derive(secret.encode())
    _Vault.box = Fernet(base64.urlsafe_b64encode(derived))


def seal(text: str) -> str:
    return _box().encrypt(text.encode()).decode()


def unseal(sealed: str) -> str:
    try:
        return _box().decrypt(sealed.encode()).decode()
    except InvalidToken as exc:
        raise SealBroken("sealed with another secret key: was LIMS_SECRET_KEY changed?") from exc


def _box() -> Fernet:
    if _Vault.box is None:
        raise RuntimeError("the vault is opened by create_app")
    return _Vault.box
