"""A file that one process at a time may hold; the lock ends with the process, however that ends."""

import importlib
import os
from pathlib import Path

from instruments.errors import PortBusy

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]


def only_one(path: Path, sentence: str) -> int:
    """A descriptor to be kept open. Raises PortBusy with the sentence where another process has it."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o600)
    try:
        if fcntl is not None:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        else:
            windows = importlib.import_module("msvcrt")
            windows.locking(descriptor, windows.LK_NBLCK, 1)
    except OSError as exc:
        os.close(descriptor)
        raise PortBusy(sentence) from exc
    return descriptor
