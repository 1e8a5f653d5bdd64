"""Does the jobs of the demonstration's past beside the diary: setting reports would double its time."""

import queue
import threading
from collections.abc import Callable
from datetime import datetime
from typing import Self

from sqlalchemy.orm import Session

from lims.core.jobs import run_one
from lims.core.settings import Settings


class Press:
    """One thread; each job is done at the instant it was asked for."""

    def __init__(self, new_session: Callable[[], Session], settings: Settings) -> None:
        self._new_session, self._settings = new_session, settings
        self._instants: queue.Queue[datetime | None] = queue.Queue()
        self._fault: BaseException | None = None
        self._thread = threading.Thread(target=self._work, name="press", daemon=True)
        self._thread.start()

    def ask(self, at: datetime) -> None:
        """Do everything that is due at ``at``."""
        self._instants.put(at)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Wait until all is done. Raises what went wrong."""
        self._instants.put(None)
        self._thread.join()
        if self._fault is not None:
            raise self._fault

    def _work(self) -> None:
        while (at := self._instants.get()) is not None:
            try:
                while run_one(self._new_session, "seed", lambda at=at: at, self._settings):  # type: ignore[misc]
                    pass
            except BaseException as fault:
                self._fault = fault
                return
