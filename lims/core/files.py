"""Content-addressed files: the name of a file is the SHA-256 of its bytes."""

import hashlib
import os
import tempfile
from datetime import datetime
from pathlib import Path

from sqlalchemy import BigInteger, String
from sqlalchemy.orm import Mapped, Session, mapped_column

from lims.core.database import Base
from lims.core.errors import NotFound
from lims.core.uow import UnitOfWork


class StoredFile(Base):
    """A file that the store must hold; written after the bytes are on disk."""

    __tablename__ = "stored_file"
    sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    size: Mapped[int] = mapped_column(BigInteger)
    media_type: Mapped[str] = mapped_column(String(100))
    stored_at: Mapped[datetime]


class FileStore:
    """``root/aa/bb…``: temp file, fsync, rename, fsync of the folder."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def path(self, sha256: str) -> Path:
        if len(sha256) != 64 or not set(sha256) <= set("0123456789abcdef"):
            raise NotFound("not a file name of this store")
        return self.root / sha256[:2] / sha256[2:]

    def write(self, content: bytes) -> str:
        """Make ``content`` durable and return its SHA-256. Writing it twice is harmless."""
        name = hashlib.sha256(content).hexdigest()
        target = self.path(name)
        if target.exists() and target.stat().st_size == len(content):
            return name
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=target.parent)
        try:
            with os.fdopen(handle, "wb") as stream:
                stream.write(content)
                stream.flush()
                os.fsync(stream.fileno())
            Path(temporary).rename(target)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
        for folder in (target.parent, self.root):
            _fsync_folder(folder)
        return name

    def read(self, sha256: str) -> bytes:
        """The bytes, checked against their name. Raises NotFound, or OSError when they were changed."""
        try:
            content = self.path(sha256).read_bytes()
        except FileNotFoundError as exc:
            raise NotFound("this file is not in the store") from exc
        if hashlib.sha256(content).hexdigest() != sha256:
            raise OSError(f"stored file {sha256} does not match its hash")
        return content


def _fsync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def keep_file(uow: UnitOfWork, store: FileStore, content: bytes, media_type: str) -> str:
    """Store ``content`` and the row that says so (inside the caller's unit of work). Returns the SHA-256."""
    name = store.write(content)
    if uow.session.get(StoredFile, name) is None:
        uow.add(StoredFile(sha256=name, size=len(content), media_type=media_type, stored_at=uow.now))
    return name


def damaged_files(session: Session, store: FileStore) -> list[tuple[str, str]]:
    """Every stored file that is missing or changed, with what is wrong."""
    wrong: list[tuple[str, str]] = []
    for name in session.scalars(
        StoredFile.__table__.select().with_only_columns(StoredFile.__table__.c.sha256)
    ):
        try:
            store.read(name)
        except NotFound:
            wrong.append((name, "missing"))
        except OSError:
            wrong.append((name, "content does not match its hash"))
    return wrong
