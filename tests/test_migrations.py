"""Migrations lead from nothing to exactly what the models say, on both databases."""

from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from flask_migrate import downgrade
from sqlalchemy import Engine, create_engine, inspect, text
from sqlalchemy.exc import DBAPIError

from lims.app import create_app
from lims.core.database import db
from tests.support.backends import settings_for

MIGRATIONS = str(Path(__file__).parents[1] / "migrations")


@pytest.fixture
def from_models(database, tmp_path, request) -> Engine:
    """The same kind of database, its tables made by the models."""
    if database.name == "sqlite":
        url = f"sqlite:///{tmp_path / 'models.sqlite'}"
    else:
        server = request.getfixturevalue("postgres")
        administration = create_engine(server.url("postgres"), isolation_level="AUTOCOMMIT")
        with administration.connect() as connection:
            connection.execute(text("DROP DATABASE IF EXISTS models WITH (FORCE)"))
            connection.execute(text("CREATE DATABASE models"))
        administration.dispose()
        url = server.url("models")
    app = create_app(settings_for(url, tmp_path))
    with app.app_context():
        db.create_all()
        engine = db.engine
    yield engine
    engine.dispose()


def plain(row: dict[str, object]) -> dict[str, object]:
    """With the conditions of partial indexes as text: two expressions are never equal."""
    options = row.get("dialect_options")
    if not isinstance(options, dict):
        return row
    return {**row, "dialect_options": {name: str(value) for name, value in options.items()}}


def described(engine: Engine) -> dict[str, object]:
    """Everything the database itself says of its tables, in comparable form."""
    look = inspect(engine)
    found: dict[str, object] = {}
    for table in sorted(look.get_table_names()):
        if table == "alembic_version" or "_fts" in table:
            continue
        for column in look.get_columns(table):
            facts = (str(column["type"]), column["nullable"], column["default"], column.get("identity"))
            found[f"{table}.{column['name']}"] = facts
        found[f"{table} key"] = look.get_pk_constraint(table)
        for kind in ("check_constraints", "unique_constraints", "foreign_keys", "indexes"):
            rows = [plain(row) for row in getattr(look, f"get_{kind}")(table)]
            found[f"{table} {kind}"] = sorted(rows, key=lambda r: str(r["name"]))
    return found


def test_migrated_tables_equal_the_models(database, from_models):
    migrated, modelled = described(database.engine), described(from_models)
    different = {k: (migrated.get(k), v) for k, v in modelled.items() if migrated.get(k) != v}
    assert different == {}, "run script/first-migration, or write a migration"
    assert sorted(migrated) == sorted(modelled)


# PostgreSQL writes the expression of a generated column in its own words, which Alembic cannot compare.
@pytest.mark.filterwarnings("ignore:Computed default on sample:UserWarning")
def test_alembic_finds_nothing_left_to_migrate(database):
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_server_default": True})
        found = compare_metadata(context, db.metadata)
    ours = [step for step in found if not ("remove" in str(step[0]) and "_fts" in str(step[1]))]
    assert ours == []


def test_going_back_is_refused_with_a_sentence(database, caplog):
    with database.app.app_context(), pytest.raises(SystemExit):
        downgrade(directory=MIGRATIONS, revision="base")
    assert "restore" in caplog.text
    with database.engine.connect() as connection:
        head = connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one()
    assert head >= "0002"


APPEND_ONLY = [
    "audit_event",
    "calibration_record",
    "capture",
    "capture_batch",
    "capture_claim",
    "custody_event",
    "input_value",
    "link_download",
    "result_version",
    "signature",
    "stored_file",
]


def guarded(database) -> set[tuple[str, str]]:
    """(table, UPDATE or DELETE) of every trigger that the database itself knows."""
    if database.name == "sqlite":
        ask = "SELECT tbl_name, sql FROM sqlite_master WHERE type = 'trigger'"
    else:
        ask = "SELECT event_object_table, event_manipulation FROM information_schema.triggers"
    with database.engine.connect() as connection:
        rows = connection.execute(text(ask)).all()
    return {(table, verb) for table, said in rows for verb in ("UPDATE", "DELETE") if verb in said}


def test_every_append_only_table_has_its_triggers(database):
    expected = {(table, verb) for table in APPEND_ONLY for verb in ("UPDATE", "DELETE")}
    assert expected - guarded(database) == set()


@pytest.mark.parametrize("attack", ["UPDATE stored_file SET size = 2", "DELETE FROM stored_file"])
def test_what_was_recorded_cannot_be_changed_by_any_program(database, attack):
    row = "INSERT INTO stored_file VALUES ('ab', 1, 'text/plain', '2026-11-22 00:00:00')"
    with database.engine.connect() as connection:
        connection.execute(text(row))
        connection.commit()
        with pytest.raises(DBAPIError, match="what was recorded is never"):
            connection.execute(text(attack))
        connection.rollback()
        assert connection.execute(text("SELECT size FROM stored_file")).scalar_one() == 1
