"""One million samples of five years in 250,000 orders, with their search index, made by INSERT ... SELECT.

What is open, kept and long gone has the proportions of a laboratory that keeps up with its work: 2 percent
are open, 3 percent lie here, the rest has left. Of their tests nothing is made: no list asks them.
"""

import os
from collections.abc import Iterator
from datetime import date, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Date,
    MetaData,
    String,
    Table,
    TextClause,
    bindparam,
    insert,
    select,
    text,
)

from benchmarks.support.timing import Laboratory
from lims.core.clock import local_date
from lims.core.database import UtcDateTime
from lims.core.permissions import SYSTEM
from lims.core.search import index_text, pairs
from lims.intake.models import Customer, Order, Sample
from lims.intake.search import index_samples
from lims.people.models import Account
from tests.support.reports import House, make_house

# Fewer, to try a change quickly: LIMS_BENCH_SAMPLES. Targets are for the million.
SAMPLES = int(os.environ.get("LIMS_BENCH_SAMPLES", "1000000"))
PER_ORDER = 4
CUSTOMERS = 300
DAYS = 1800
PLACES = ("云岭", "东城", "南湖", "西山", "北辰", "平安", "长兴", "福泉", "青龙", "白沙")
TRADES = ("糕点", "米粉", "乳业", "调味", "粮油", "茶叶", "饮料", "肉制品", "水产", "豆制品")
KINDS = ("桂花糕", "老婆饼", "蛋黄酥", "湿米粉", "干米粉", "全脂乳粉", "婴儿乳粉", "酱油", "陈醋", "大豆油")
KINDS += ("菜籽油", "绿茶", "红茶", "矿泉水", "果汁饮料", "腊肠", "鱼丸", "豆腐干", "月饼", "绿豆饼")
BRANDS = ("好味", "香米", "牧场", "老字号", "金穗", "")
GRADES = ("", " 特级", " 礼盒装", " 250 g", "（原味）")
NAMES = [kind + grade for kind in KINDS for grade in GRADES]

_TEMPORARY = MetaData()
# What a text says, and its words as the index of the list keeps them. Numbers come in two halves.
_SAID = Table(
    "said",
    _TEMPORARY,
    Column("kind", String(20), primary_key=True),
    Column("n", BigInteger, primary_key=True, autoincrement=False),
    Column("text", String(200)),
    Column("words", String(4000)),
    prefixes=["TEMPORARY"],
)
_DAY = Table(
    "day",
    _TEMPORARY,
    Column("n", BigInteger, primary_key=True, autoincrement=False),
    Column("registered_on", Date),
    Column("due_on", Date),
    Column("retain_until", Date),
    prefixes=["TEMPORARY"],
)


def cached_sqlite() -> Laboratory:
    """The laboratory with its million, made when it is missing. Folder: LIMS_BENCH_DATA, else var/bench."""
    folder = Path(os.environ.get("LIMS_BENCH_DATA") or Path(__file__).parents[2] / "var" / "bench").resolve()
    folder.mkdir(parents=True, exist_ok=True)
    file, done = folder / f"samples-{SAMPLES}.sqlite", folder / f"samples-{SAMPLES}-{_shape()}.done"
    made = done.exists() and file.exists()
    if not made:
        for left in (*folder.glob(f"{file.name}*"), *folder.glob(f"samples-{SAMPLES}-*.done")):
            left.unlink()
    laboratory = Laboratory("SQLite", f"sqlite:///{file}", folder, empty=not made)
    if not made:
        fill(laboratory)
        done.touch()
    return laboratory


def _shape() -> str:
    """What the tables look like: a changed model makes the data anew."""
    versions = sorted((Path(__file__).parents[2] / "migrations" / "versions").glob("*.py"))
    mine = [*versions, Path(__file__)]
    return sha256(b"".join(file.read_bytes() for file in mine)).hexdigest()[:12]


def fill(laboratory: Laboratory) -> None:
    uow = laboratory.unit_of_work()
    house = make_house(uow)
    _one_with_a_history(house)
    today = local_date(uow.now)
    with uow:
        connection = uow.session.connection()
        for model in (Customer, Order, Sample):
            uow.noted(model)
        _TEMPORARY.create_all(connection)
        connection.execute(insert(_SAID), list(_texts(today)))
        connection.execute(insert(_DAY), list(_days(today)))
        connection.execute(insert(Customer.__table__), list(_customers()))  # type: ignore[arg-type]
        people = connection.scalars(select(Account.id).order_by(Account.id).limit(2)).all()
        known = {"now": uow.now, "asker": people[0], "approver": people[1]}
        _count(connection, list(house.laboratory.types.values()), list(house.laboratory.categories.values()))
        _write(connection, known)
        uow.audit("test.million", SYSTEM, ("sample", 1))
        uow.commit()
    uow.session.close()
    laboratory.say_sizes()


def _one_with_a_history(house: House) -> None:
    """The sample whose page is measured: five tests, each entered, handed over and verified."""
    order = house.order("moisture", "aluminium", "plate_count", "sulfur_dioxide", "melamine")
    with house.uow as uow:
        index_samples(uow, list(uow.session.scalars(select(Sample.id).where(Sample.order_id == order))))
        uow.noted(Sample)
        uow.audit("test.index", SYSTEM, ("sample", 1))
        uow.commit()


def _texts(today: date) -> Iterator[dict[str, Any]]:
    def row(kind: str, n: int, said: str, words: str | None = None) -> dict[str, Any]:
        return {"kind": kind, "n": n, "text": said, "words": index_text(said) if words is None else words}

    yield from (row("name", n, name) for n, name in enumerate(NAMES))
    yield from (row("brand", n, brand) for n, brand in enumerate(BRANDS))
    yield from (row("firm", n, _firm(n)) for n in range(CUSTOMERS))
    for n in range(3 * (DAYS + 1)):
        yield row("batch", n, f"{today - timedelta(days=n // 3):%Y%m%d}{'ABC'[n % 3]}")
    for kind, letters, width in (("sample", "YM", 4), ("order", "WM", 3)):
        cut = width + 1  # pairs that lie in the first half
        for n in range(1000):
            first = f"{letters}{n:0{width}d}"
            yield row(f"{kind} first", n, first, " ".join(pairs(f"{first}000")[:cut]))
        for n in range(10_000):  # by the digit before it, too
            whole = f"{letters}{n:0{width + 3}d}"
            yield row(f"{kind} rest", n, whole[-3:], " ".join(pairs(whole)[cut:]))


def _firm(n: int) -> str:
    return f"{PLACES[n % 10]}{TRADES[n // 10 % 10]}第{n // 100 + 1}食品有限公司"


def _days(today: date) -> Iterator[dict[str, Any]]:
    for n in range(DAYS + 1):
        day = today - timedelta(days=n)
        later = {"due_on": day + timedelta(days=14), "retain_until": day + timedelta(days=104)}
        yield {"n": n, "registered_on": day, **later}


def _customers() -> Iterator[dict[str, Any]]:
    for n in range(CUSTOMERS):
        yield {"id": 1000 + n, "code": f"KM{n:04d}", "name": _firm(n), "name_key": _firm(n)}


def _count(connection: Connection, types: list[int], categories: list[int]) -> None:
    """``one``: a row for each sample, with the numbers of everything that it takes from elsewhere."""
    of_type = " ".join(f"WHEN {n} THEN {number}" for n, number in enumerate(types))
    of_class = " ".join(f"WHEN {n} THEN {number}" for n, number in enumerate(categories))
    disposed, kept = SAMPLES * 95 // 100, SAMPLES * 98 // 100
    statement = f"""
        CREATE TEMPORARY TABLE one AS
        WITH RECURSIVE counted (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM counted WHERE i < {SAMPLES - 1}),
        ordered AS (SELECT i, i / {PER_ORDER} AS o FROM counted)
        SELECT i, o, o % {CUSTOMERS} AS customer, (o * 7 + i) % {CUSTOMERS} AS firm,
            (i * 79 + i / 97) % {len(NAMES)} AS name, (i * 5 + i / 41) % {len(BRANDS)} AS brand,
            {DAYS} - o * {DAYS} / {SAMPLES // PER_ORDER} AS day,
            CASE o % {len(types)} {of_type} END AS type, CASE i % {len(categories)} {of_class} END AS class,
            CASE WHEN i < {disposed} THEN 'disposed'
                WHEN i < {kept} THEN CASE i % 2 WHEN 0 THEN 'tested' ELSE 'retained' END
                ELSE CASE i % 3 WHEN 0 THEN 'expected' WHEN 1 THEN 'to_test' ELSE 'in_test' END END AS state
        FROM ordered"""
    connection.execute(text(statement))


_ORDERS = f"""
    INSERT INTO customer_order (id, number, customer_id, business_type_id, state, purpose, report_language, judge,
        decision_rule, report_uncertainty, return_samples, registered_on, due_on, price, note, registered_at, accepted_at, version)
    SELECT 1000 + o, f.text || r.text, 1000 + customer, type,
        CASE WHEN i < {SAMPLES * 98 // 100} THEN 'completed' ELSE 'accepted' END, '', 'zh', true,
        'simple-acceptance', false, false, registered_on, due_on, 500, '', :now, :now, 1
    FROM one JOIN day ON day.n = one.day
    JOIN said f ON f.kind = 'order first' AND f.n = o / 1000
    JOIN said r ON r.kind = 'order rest' AND r.n = o % 10000
    WHERE i % {PER_ORDER} = 0 ORDER BY i"""
_FROM = """
    FROM one JOIN day ON day.n = one.day
    JOIN said f ON f.kind = 'sample first' AND f.n = i / 1000
    JOIN said r ON r.kind = 'sample rest' AND r.n = i % 10000
    JOIN said s ON s.kind = 'name' AND s.n = name
    JOIN said b ON b.kind = 'brand' AND b.n = brand
    JOIN said m ON m.kind = 'firm' AND m.n = firm
    JOIN said l ON l.kind = 'batch' AND l.n = day.n * 3 + i % 3"""
_ROWS = f"""
    INSERT INTO sample (id, number, order_id, customer_id, business_type_id, position, name, category_id,
        specification, brand, batch, producer, producer_address, quantity, state, registered_on, due_on,
        received_at, retain_until, disposal_asked_by, disposal_approved_by, version)
    SELECT 1000 + i, f.text || r.text, 1000 + o, 1000 + customer, type, i % {PER_ORDER} + 1, s.text, class,
        '', b.text, l.text, m.text, '', '2 盒', state, registered_on, due_on,
        CASE state WHEN 'expected' THEN NULL ELSE :now END,
        CASE state WHEN 'expected' THEN NULL ELSE retain_until END,
        CASE state WHEN 'disposed' THEN :asker END, CASE state WHEN 'disposed' THEN :approver END, 1
    {_FROM} ORDER BY i"""
# As lims.core.search.index_text joins the words of several texts.
_WORDS = """f.words || ' ' || r.words || ' xgap ' || s.words || ' xgap ' || l.words || ' xgap ' || m.words
        || CASE b.words WHEN '' THEN '' ELSE ' xgap ' || b.words END
        || ' xgap ' || c.words || ' xgap ' || h.words || ' ' || rest.words"""
_INDEX = f"""
    INSERT INTO sample_fts ({{key}}, words) SELECT 1000 + i, {{words}} {_FROM}
    JOIN said c ON c.kind = 'firm' AND c.n = customer
    JOIN said h ON h.kind = 'order first' AND h.n = o / 1000
    JOIN said rest ON rest.kind = 'order rest' AND rest.n = o % 10000 ORDER BY i"""


def _write(connection: Connection, known: dict[str, Any]) -> None:
    sqlite = connection.dialect.name == "sqlite"

    def said(statement: str) -> TextClause:
        # SQLite would look through ``one`` for each text; a cross join holds it to the order written here.
        return text(statement.replace(" JOIN ", " CROSS JOIN ") if sqlite else statement)

    if not sqlite:
        for name in ("said", "day", "one"):
            connection.exec_driver_sql(f"ANALYZE {name}")
        connection.exec_driver_sql("SET LOCAL maintenance_work_mem = '512MB'")
    instant = bindparam("now", type_=UtcDateTime())
    connection.execute(said(_ORDERS).bindparams(instant), {"now": known["now"]})
    # Indexes are made once at the end: filling them row by row takes several times as long.
    indexes = _indexes(connection)
    for name, _made in indexes:
        connection.execute(text(f"DROP INDEX {name}"))
    connection.execute(said(_ROWS).bindparams(instant), known)
    if sqlite:
        # Bytes of words that FTS5 gathers before it writes a segment; 1 MiB is its default.
        connection.exec_driver_sql("INSERT INTO sample_fts (sample_fts, rank) VALUES ('hashsize', 268435456)")
        connection.execute(said(_INDEX.format(key="rowid", words=_WORDS)))
        connection.exec_driver_sql("INSERT INTO sample_fts (sample_fts, rank) VALUES ('hashsize', 1048576)")
    else:
        connection.execute(said(_INDEX.format(key="sample_id", words=f"to_tsvector('simple', {_WORDS})")))
    for _name, made in indexes:
        connection.execute(text(made))


def _indexes(connection: Connection) -> list[tuple[str, str]]:
    if connection.dialect.name == "sqlite":
        found = (
            "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND tbl_name = 'sample' AND sql <> ''"
        )
    else:
        found = "SELECT indexname, indexdef FROM pg_indexes WHERE tablename IN ('sample', 'sample_fts')"
        found += " AND indexname LIKE 'ix\\_%'"
    return [(name, made) for name, made in connection.execute(text(found))]
