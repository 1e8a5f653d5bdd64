"""Alembic's entry, called by Flask-Migrate: migrates the database of the current application."""

import logging

from alembic import context
from alembic.autogenerate.api import AutogenContext
from flask import current_app
from sqlalchemy import Connection

logging.getLogger("alembic").setLevel(logging.INFO)

# Migrations describe tables in their own words: our column types are written as what they store.
OWN_WORDS = {
    "UtcDateTime": "sa.DateTime(timezone=True)",
    "ExactDecimal": "sa.String(length=64)",
}


def render_item(kind: str, item: object, _context: AutogenContext) -> str | bool:
    return OWN_WORDS.get(type(item).__name__, False) if kind == "type" else False


def run(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=current_app.extensions["migrate"].db.metadata,
        render_item=render_item,
        compare_type=True,
        compare_server_default=True,
        transaction_per_migration=True,
        transactional_ddl=True,  # SQLite too: we say BEGIN ourselves
        include_object=lambda _object, name, kind, reflected, _to: (
            not (kind == "table" and reflected and is_search_table(name))
        ),
    )
    with context.begin_transaction():
        context.run_migrations()


def is_search_table(name: str | None) -> bool:
    """Full-text tables of SQLite and their shadows: hand-written DDL, unknown to the models."""
    return name is not None and "_fts" in name


if context.is_offline_mode():
    raise SystemExit("offline migration is not offered: run it on the database")

engine = current_app.extensions["migrate"].db.engine
if engine.dialect.name == "sqlite":
    # Other writers wait outside: the whole migration is one write transaction.
    engine = engine.execution_options(lims_write=True)
with engine.connect() as connection:
    run(connection)
