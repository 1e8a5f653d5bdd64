"""Signed requests to the server over plain HTTP from the standard library (docs/capture-protocol.md)."""

import contextlib
import http.client
import json
import ssl
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from instruments.canonical import JsonObject, b64, canonical
from instruments.errors import ServerRefused, ServerUnreachable, SettingsWrong
from instruments.keys import Identity, public_bytes, signing_bytes

LONGEST_ANSWER = 1 << 20


@dataclass(slots=True)
class Server:
    """One kept-open connection, opened again when it broke. Not for two threads at once."""

    address: str
    ca_file: str | None = None
    timeout_s: float = 15.0
    _connection: http.client.HTTPConnection | None = field(default=None, init=False, repr=False)

    def post(self, path: str, body: bytes, headers: dict[str, str]) -> JsonObject:
        """The answer of a 2xx. Raises ServerRefused for any other, ServerUnreachable when there is none."""
        try:
            status, content = self._exchange(path, body, headers)
        except (OSError, http.client.HTTPException) as exc:
            self.close()
            raise ServerUnreachable(f"{self.address} does not answer: {exc or type(exc).__name__}") from exc
        return _answer(status, content)

    def _exchange(self, path: str, body: bytes, headers: dict[str, str]) -> tuple[int, bytes]:
        if self._connection is not None:
            # Every request here is idempotent, and servers close idle connections without a word.
            with contextlib.suppress(OSError, http.client.HTTPException):
                return self._send(self._connection, path, body, headers)
            self.close()
        self._connection = self._open()
        return self._send(self._connection, path, body, headers)

    def _send(
        self, connection: http.client.HTTPConnection, path: str, body: bytes, headers: dict[str, str]
    ) -> tuple[int, bytes]:
        connection.request("POST", self._prefix() + path, body, headers)
        response = connection.getresponse()
        content = response.read(LONGEST_ANSWER)
        if response.will_close or not response.isclosed():
            self.close()
        return response.status, content

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = None

    def _prefix(self) -> str:
        return urlsplit(self.address).path.rstrip("/")

    def _open(self) -> http.client.HTTPConnection:
        parts = urlsplit(self.address)
        if parts.scheme not in ("http", "https") or parts.hostname is None:
            raise SettingsWrong(
                f"{self.address!r} is not the address of a server (http://... or https://...)"
            )
        if parts.scheme == "http":
            return http.client.HTTPConnection(parts.hostname, parts.port, timeout=self.timeout_s)
        context = ssl.create_default_context(cafile=self.ca_file)
        return http.client.HTTPSConnection(
            parts.hostname, parts.port, timeout=self.timeout_s, context=context
        )


def _answer(status: int, content: bytes) -> JsonObject:
    try:
        said: Any = json.loads(content) if content else {}
    except ValueError:
        said = None
    if 200 <= status < 300:
        if not isinstance(said, dict):
            raise ServerUnreachable(f"the server answered {status} with something that is not a JSON object")
        return said
    problem = said if isinstance(said, dict) else {}
    # 5xx and "slow down" are weather, not judgement: the caller tries again.
    if status >= 500 or status in (408, 425, 429):
        raise ServerUnreachable(f"the server answered {status}: {problem.get('detail', 'no reason given')}")
    code = str(problem.get("code", f"http_{status}"))
    sentence = str(problem.get("detail") or problem.get("title") or f"the server answered {status}")
    raise ServerRefused(sentence, status=status, code=code)


def post_signed(
    server: Server, identity: Identity, purpose: str, path: str, document: JsonObject
) -> JsonObject:
    return post_signed_bytes(server, identity, purpose, path, canonical(document))


def post_signed_bytes(server: Server, identity: Identity, purpose: str, path: str, body: bytes) -> JsonObject:
    """``body``: canonical JSON."""
    headers = {
        "Content-Type": "application/json",
        "Lims-Gateway": identity.gateway_id,
        "Lims-Signature": identity.sign(purpose, body),
    }
    return server.post(path, body, headers)


def enrol(server: Server, *, code: str, name: str, host: str, software: str) -> Identity:
    """Exchange a one-time code for a gateway number; the key is made here and never leaves.

    The signature proves that whoever shows the code also holds the key.
    """
    key = Ed25519PrivateKey.generate()
    public = public_bytes(key)
    body = canonical(
        {"code": code, "public_key": b64(public), "name": name, "host": host, "software": software}
    )
    headers = {
        "Content-Type": "application/json",
        "Lims-Signature": b64(key.sign(signing_bytes("enrol", body))),
    }
    answer = server.post("/api/gateways/enrol", body, headers)
    gateway_id = answer.get("gateway_id")
    if not isinstance(gateway_id, str) or not gateway_id:
        raise ServerUnreachable("the server accepted the code but gave no gateway number")
    return Identity(server.address, gateway_id, name, key)
