"""Full text of samples on both databases: number, name, batch, producer, brand, customer, order number.

Words come from ``core.search`` (pairs of characters), so two-character Chinese words are found by
index. SQLite: a contentless FTS5 table, rowid = sample id. PostgreSQL: a side table with a tsvector
under GIN.
"""

import re
from collections.abc import Sequence

from sqlalchemy import (
    BigInteger,
    Connection,
    Select,
    Subquery,
    Table,
    column,
    event,
    false,
    literal,
    select,
    text,
)
from sqlalchemy.orm import Session

from lims.core.search import index_text, normalised, query_words
from lims.core.uow import UnitOfWork
from lims.intake.models import Customer, Order, Sample

LONGEST_QUERY = 100
# Numbers are made by patterns that an administrator may change: letters and digits in one word, never short.
NUMBER_LIKE = re.compile(r"(?=\S*\d)\S{6,}").fullmatch

SQLITE_DDL = (
    "CREATE VIRTUAL TABLE sample_fts USING fts5("
    "words, content='', contentless_delete=1, tokenize='unicode61', detail=full)",
)
POSTGRESQL_DDL = (
    "CREATE TABLE sample_fts ("
    "sample_id BIGINT PRIMARY KEY REFERENCES sample (id) ON DELETE CASCADE, words TSVECTOR NOT NULL)",
    "CREATE INDEX ix_sample_fts_words ON sample_fts USING GIN (words) WITH (fastupdate = off)",
)


def create_search_tables(connection: Connection) -> None:
    """Make the index in a database made from the models; migrations say the same in their own words."""
    for statement in SQLITE_DDL if connection.dialect.name == "sqlite" else POSTGRESQL_DDL:
        connection.execute(text(statement))


@event.listens_for(Sample.__table__, "after_create")
def _with_the_table(_table: Table, connection: Connection, **_more: object) -> None:
    create_search_tables(connection)


def index_samples(uow: UnitOfWork, ids: Sequence[int]) -> None:
    """Index (again) these samples. Inside the caller's unit of work."""
    for start in range(0, len(ids), 500):
        _index(uow.session.connection(), ids[start : start + 500])


def _index(connection: Connection, ids: Sequence[int]) -> None:
    s = Sample.__table__.c
    texts = connection.execute(
        select(s.id, s.number, s.name, s.batch, s.producer, s.brand, Customer.name, Order.number)
        .join(Order, Order.id == s.order_id)
        .join(Customer, Customer.id == s.customer_id)
        .where(s.id.in_(ids))
    )
    _write(connection, [(row[0], row[1:]) for row in texts])


def index_texts(uow: UnitOfWork, texts: Sequence[tuple[int, Sequence[str]]]) -> None:
    """Index new samples whose texts the caller has at hand: (id, texts in the order of ``_index``)."""
    _write(uow.session.connection(), texts)


def _write(connection: Connection, texts: Sequence[tuple[int, Sequence[str]]]) -> None:
    rows = [{"id": number, "words": index_text(*parts)} for number, parts in texts]
    if connection.dialect.name == "sqlite":
        statement = "INSERT OR REPLACE INTO sample_fts (rowid, words) VALUES (:id, :words)"
    else:
        # Positions beyond 16383 would be folded by a tsvector; these texts stay far below.
        statement = (
            "INSERT INTO sample_fts (sample_id, words) VALUES (:id, to_tsvector('simple', :words)) "
            "ON CONFLICT (sample_id) DO UPDATE SET words = excluded.words"
        )
    if rows:
        connection.execute(text(statement), rows)


def search_samples(session: Session, words: str) -> Select[int] | None:
    """Numbers (ids) of samples that hold every blank-separated part of ``words``; None: nothing asked.

    Use as ``Sample.id.in_(...)``.
    """
    parts = matching_words(words)
    if not parts:
        return None
    phrases = [query_words(part) for part in parts]
    if not all(phrases):
        return select(literal(0)).where(false())
    if session.get_bind().dialect.name == "sqlite":
        return _sqlite(phrases)
    return _postgresql(phrases)


def matching_words(words: str) -> list[str]:
    """The blank-separated parts that are searched for."""
    return words[:LONGEST_QUERY].split()


def matching_samples(session: Session, words: str) -> Subquery | None:
    """``search_samples`` to join with: a column ``sample_id``. None: nothing asked.

    Joined, and ordered by sample number, both databases stop after a page instead of collecting every match.
    """
    found = _by_whole_number(session, words)
    if found is None:
        found = search_samples(session, words)
    if found is None:
        return None
    return found.with_only_columns(found.selected_columns[0].label("sample_id")).subquery("found")


def _by_whole_number(session: Session, words: str) -> Select[int] | None:
    """Who types or scans the whole number of a sample or an order means that one; None: no such number.

    By the unique indexes: the pairs of a number are in every row, and a phrase of ten of them is slow.
    """
    whole = normalised(words[:LONGEST_QUERY]).upper()
    if not NUMBER_LIKE(whole):
        return None
    number = session.scalar(select(Sample.id).where(Sample.number == whole))
    if number is not None:
        return select(Sample.id).where(Sample.id == number)
    order = session.scalar(select(Order.id).where(Order.number == whole))
    return select(Sample.id).where(Sample.order_id == order) if order is not None else None


def _sqlite(phrases: Sequence[Sequence[str]]) -> Select[int]:
    # "a b" is a phrase; a* a prefix. The words are letters only: nothing to escape.
    query = " AND ".join(f'"{" ".join(p)}"' if not p[-1].endswith("*") else p[0] for p in phrases)
    return (
        select(column("rowid", BigInteger))
        .select_from(text("sample_fts"))
        .where(text("sample_fts MATCH :fts").bindparams(fts=query))
    )


def _postgresql(phrases: Sequence[Sequence[str]]) -> Select[int]:
    query = " & ".join(
        "(" + " <-> ".join(f"{w[:-1]}:*" if w.endswith("*") else w for w in phrase) + ")"
        for phrase in phrases
    )
    return (
        select(column("sample_id", BigInteger))
        .select_from(text("sample_fts"))
        .where(text("words @@ to_tsquery('simple', :fts)").bindparams(fts=query))
    )
