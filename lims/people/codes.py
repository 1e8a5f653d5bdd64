"""Codes that are read from paper and typed once: first sign-in, recovery."""

import hashlib
import secrets

# No 0 1 8 B I L O: they are misread.
LETTERS = "234567ACDEFGHJKMNPQRSTUVWXYZ"


def new_code() -> str:
    """Four groups of four letters: 76 bits."""
    return "-".join("".join(secrets.choice(LETTERS) for _ in range(4)) for _ in range(4))


def code_hash(code: str) -> str:
    """Blanks, hyphens and case do not matter. Codes are random enough for a plain hash."""
    plain = "".join(c for c in code.upper() if c.isalnum())
    return hashlib.sha256(plain.encode()).hexdigest()
