"""A laboratory that may report."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import event

from lims.core.files import FileStore
from lims.core.printing import renderer
from lims.core.uow import UnitOfWork
from tests.support.backends import Backend
from tests.support.reports import House, make_house


@pytest.fixture
def house(uow: UnitOfWork) -> House:
    return make_house(uow)


@pytest.fixture
def files(database: Backend) -> Path:
    """The folder of the application's file store."""
    return database.app.extensions["lims_settings"].files


@pytest.fixture
def store(files: Path) -> FileStore:
    return FileStore(files)


@pytest.fixture
def count_queries(database: Backend) -> Callable[[], "object"]:
    """``with count_queries() as seen: ...; len(seen)``: statements that went to the database."""

    @contextmanager
    def counting() -> Iterator[list[str]]:
        seen: list[str] = []

        def note(_connection, _cursor, statement, _parameters, _context, _many) -> None:
            seen.append(statement)

        event.listen(database.engine, "before_cursor_execute", note)
        try:
            yield seen
        finally:
            event.remove(database.engine, "before_cursor_execute", note)

    return counting


@pytest.fixture(scope="session", autouse=True)
def _typesetter() -> Iterator[None]:
    """The child process that typesets ends with the tests."""
    yield
    renderer().close()
