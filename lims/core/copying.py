"""Many rows at once into PostgreSQL."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Table
from sqlalchemy.exc import IntegrityError


def copy_rows(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """PostgreSQL's COPY, with the values as the column types bind them. Raises IntegrityError."""
    names, dialect = list(rows[0]), connection.dialect
    bind = [table.c[name].type.dialect_impl(dialect).bind_processor(dialect) for name in names]
    command = f"COPY {table.name} ({', '.join(names)}) FROM STDIN"
    raw: Any = connection.connection.dbapi_connection
    try:
        with raw.cursor() as cursor, cursor.copy(command) as copy:
            for row in rows:
                values = (row[name] for name in names)
                copy.write_row([to(value) if to else value for to, value in zip(bind, values, strict=True)])
    except raw.IntegrityError as exc:
        raise IntegrityError(command, None, exc) from exc
