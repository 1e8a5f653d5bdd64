"""Passwords: argon2id, and the few rules that help."""

import re
import unicodedata
from itertools import pairwise
from pathlib import Path
from threading import BoundedSemaphore

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from flask_babel import gettext as _

from lims.core.errors import InvalidInput

MIN_LENGTH, MAX_LENGTH = 12, 128
COMMON = frozenset(
    line for line in (Path(__file__).parent / "common_passwords.txt").read_text("utf-8").split() if line
)
MEMORY_KIB = 64 * 1024
# 64 MiB each: more at once would let a flood of sign-ins eat the machine's memory.
_turns = BoundedSemaphore(2)


class _Cost:
    hasher = PasswordHasher(time_cost=2, memory_cost=MEMORY_KIB, parallelism=1)
    nobody = ""


def set_cost(memory_kib: int, passes: int = 2) -> None:
    """Cheaper hashes for tests; a real installation keeps the values above."""
    _Cost.hasher = PasswordHasher(time_cost=passes, memory_cost=memory_kib, parallelism=1)
    _Cost.nobody = ""


def hash_password(password: str) -> str:
    with _turns:
        return _Cost.hasher.hash(_folded(password))


def verify_password(stored: str | None, password: str) -> bool:
    """Whether ``password`` fits. Without a stored hash the same work is done, and the answer is no."""
    with _turns:
        _Cost.nobody = _Cost.nobody or _Cost.hasher.hash("nobody has this password")
        try:
            fits = _Cost.hasher.verify(stored or _Cost.nobody, _folded(password[:1000]))
        except (VerificationError, InvalidHashError):
            return False
    return fits and stored is not None


def check_password(password: str, *, names: tuple[str, ...] = (), field: str = "password") -> None:
    """Raises InvalidInput (code ``weak_password``) unless the password is long and not easily guessed.

    ``names``: of the account, its person and the laboratory. No expiry, no character classes: both make
    people write passwords down (NIST SP 800-63B 3.1.1.2).
    """
    folded = _folded(password)
    plain = re.sub(r"[\W_]", "", folded.casefold())
    fault = None
    if len(folded) < MIN_LENGTH:
        fault = _("A password has at least %(n)s characters.", n=MIN_LENGTH)
    elif len(password) > MAX_LENGTH:
        fault = _("A password has at most %(n)s characters.", n=MAX_LENGTH)
    elif len(set(folded)) < 5 or _is_run(plain):
        fault = _("This password is too even; mix several words.")
    elif folded.casefold() in COMMON or plain in COMMON or plain.rstrip("0123456789") in COMMON:
        fault = _("Too many people use this password.")
    elif any(_made_of(plain, name) for name in names):
        fault = _("The password must not be made of your name or user name.")
    if fault:
        raise InvalidInput(fault, code="weak_password", fields={field: [fault]})


def _folded(password: str) -> str:
    """The same person may type full-width or composed forms on another keyboard."""
    return unicodedata.normalize("NFKC", password)


def _is_run(plain: str) -> bool:
    """``abcdefghijkl``, ``123456789012``: each character follows the one before."""
    steps = {(ord(b) - ord(a)) for a, b in pairwise(plain)}
    return steps <= {0, 1, -9} or steps <= {0, -1, 9}


def _made_of(plain: str, name: str) -> bool:
    """The name with at most five characters around it."""
    word = re.sub(r"[\W_]", "", name.casefold())
    return len(word) >= 2 and len(plain.replace(word, "")) <= 5
