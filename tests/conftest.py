"""Fixtures for everybody. Asking for ``database`` (or anything built on it) runs a test on both databases."""

import os
from collections.abc import Callable, Iterator

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session, sessionmaker

from lims.core.uow import UnitOfWork
from tests.support.backends import Backend, PostgresBackend, SqliteBackend
from tests.support.clock import FakeClock
from tests.support.postgres import PrivatePostgres

Backends = Callable[[str], Backend]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--campaign", action="store_true", help="also run the tests marked campaign (long)")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--campaign") or "campaign" in (config.getoption("markexpr") or ""):
        return
    left_out = [item for item in items if item.get_closest_marker("campaign")]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What script/test found before the tests, said again where everybody looks."""
    for line in os.environ.get("LIMS_CHECKS", "").splitlines():
        terminalreporter.write_line(f"{line}", red="FAILED" in line, green="FAILED" not in line)


@pytest.fixture(scope="session")
def postgres() -> Iterator[PrivatePostgres]:
    """The private server of this test process."""
    server = PrivatePostgres()
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def _backends(request: pytest.FixtureRequest) -> Iterator[Backends]:
    made: dict[str, Backend] = {}

    def backend(name: str) -> Backend:
        if name not in made:
            sqlite = name == "sqlite"
            made[name] = SqliteBackend() if sqlite else PostgresBackend(request.getfixturevalue("postgres"))
        return made[name]

    yield backend
    for one in made.values():
        one.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, _backends: Backends) -> Iterator[Backend]:
    """A migrated, empty database with its application: ``.name .url .engine .app .data .new_session``."""
    backend = _backends(request.param)
    backend.fresh()
    yield backend
    if backend.release_forgotten_lock():
        pytest.fail("this test left a unit of work open")


@pytest.fixture
def clock(database: Backend) -> FakeClock:
    """The time that the application and ``uow`` see."""
    return database.clock


@pytest.fixture
def app(database: Backend) -> Flask:
    return database.app


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A browser that nobody has signed in with (see tests.support.sign_in)."""
    return app.test_client()


@pytest.fixture
def new_session(database: Backend) -> sessionmaker[Session]:
    """Makes further sessions: for threads, workers and second clerks."""
    return database.new_session


@pytest.fixture
def session(database: Backend) -> Iterator[Session]:
    """A session outside any request. It sees what requests committed after its next query's rollback."""
    with database.new_session() as session:
        yield session


@pytest.fixture
def uow(session: Session, clock: FakeClock) -> UnitOfWork:
    return UnitOfWork(session, clock)
