"""What a gateway remembers of files that it took: in the spool, in the same commit as their captures.

Neither is there without the other, whatever moment the power goes; and a mark outlives the captures.
"""

from typing import TYPE_CHECKING

from instruments.spool import Beside, Spool

if TYPE_CHECKING:
    import sqlite3

_TABLE = "CREATE TABLE IF NOT EXISTS file_mark(mark TEXT PRIMARY KEY, name TEXT NOT NULL)"


class FileMarks:
    """Of all files that this spool ever took. Read by the threads that watch, written by the bench's loop."""

    def __init__(self, spool: Spool) -> None:
        self._stored: set[str] = set()
        spool.write(self._open)

    def _open(self, db: "sqlite3.Connection") -> None:
        db.execute(_TABLE)
        self._stored.update(str(mark) for (mark,) in db.execute("SELECT mark FROM file_mark"))

    def __contains__(self, mark: str) -> bool:
        return mark in self._stored

    def beside(self, mark: str, name: str) -> Beside:
        """To be handed in with the last draft of the file."""
        return lambda db: db.execute("INSERT OR IGNORE INTO file_mark VALUES (?, ?)", (mark, name))

    def stored(self, mark: str) -> None:
        """It is on the disk."""
        self._stored.add(mark)
