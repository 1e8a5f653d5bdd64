"""Registering orders through HTTP: a real gunicorn on 127.0.0.1, eight connections, a token, an idempotency key
and an audit event each; one sample with five tests an order.

The ratio is to the raw database: the very rows that were registered, inserted again through the driver into a copy
of the empty database with the same durability, one transaction an order. SQLite has one writer; PostgreSQL gets
the same eight connections. Both are measured in turns, several rounds. ``--postgresql`` measures both databases.
"""

import json
import os
import secrets
import socket
import subprocess
import sys
import time
import urllib.request
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, Table, create_engine, select, text

from benchmarks.figures import Target, figure
from benchmarks.support.timing import Laboratory, Times, databases, timed
from lims.core.audit import AuditEvent
from lims.core.clock import utc_now
from lims.core.database import engine_options, prepare_sqlite
from lims.core.permissions import Permission, Role
from lims.core.search import index_text
from lims.core.uow import IdempotencyKey
from lims.intake.models import Customer, Order, RequestedTest, Sample
from lims.people.tokens import create_token
from tests.support.accounts import actor_of, make_account
from tests.support.laboratory import make_laboratory

CONNECTIONS, ORDERS, ROUNDS = 8, 200, 3
SHARE, FAILURES, P95 = Target(">=", 0.2), Target("<=", 0), Target("<=", 1000)
ROOT = Path(__file__).parents[1]


class Server:
    """The web process as script/demo starts it."""

    def __init__(self, url: str, data: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        words = [
            "-m",
            "gunicorn",
            "wsgi:app",
            "--bind",
            f"127.0.0.1:{self.port}",
            "--worker-class",
            "gthread",
        ]
        words += ["--workers", "2", "--threads", "8", "--no-control-socket", "--log-level", "warning"]
        known = {"LIMS_DATA": str(data), "LIMS_DATABASE_URL": url, "LIMS_SECRET_KEY": "only-for-tests"}
        self._process = subprocess.Popen([sys.executable, *words], cwd=ROOT, env={**os.environ, **known})

    def wait(self) -> None:
        until = time.monotonic() + 300
        while time.monotonic() < until and self._process.poll() is None:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/v1-not-there", timeout=5):
                    return
            except urllib.error.HTTPError:
                return  # it answers
            except OSError:
                time.sleep(0.2)
        raise RuntimeError("the web process did not come up")

    def stop(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


class Desk:
    """What a program with a token sends: orders that differ in their batch."""

    def __init__(self, laboratory: Laboratory) -> None:
        uow = laboratory.unit_of_work()
        made = make_laboratory(uow)
        clerk = replace(actor_of(make_account(uow, Role.RECEPTION)), session_id=1)
        scopes = [Permission.ORDER_REGISTER, Permission.ORDER_READ]
        self.token = create_token(uow, actor=clerk, name="bench", scopes=scopes, days=1).text
        uow.session.close()
        self._form = {
            "customer_id": made.customer,
            "business_type_id": made.types["commissioned"],
            "items": list(made.items.values()),
            "backup": False,
        }
        self._category = made.categories["bakery"]

    def order(self, batch: str) -> bytes:
        sample = {
            "name": "桂花糕",
            "batch": batch,
            "category_id": self._category,
            "producer": "桂香斋食品有限公司",
            "brand": "桂香斋",
            "quantity": "2 盒",
        }
        return json.dumps({**self._form, "samples": [sample]}).encode()

    def send(self, port: int, count: int) -> tuple[list[float], int]:
        """``count`` orders over one connection: their milliseconds, and how many were not registered."""
        connection = HTTPConnection("127.0.0.1", port, timeout=60)
        took, failures = [], 0
        for _ in range(count):
            body = self.order(secrets.token_hex(6))
            headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
            headers["Idempotency-Key"] = secrets.token_hex(8)
            began = time.perf_counter()
            connection.request("POST", "/api/orders", body, headers)
            answer = connection.getresponse()
            answer.read()
            took.append((time.perf_counter() - began) * 1000)
            failures += answer.status != 201
        connection.close()
        return took, failures


class Copy:
    """The empty database once more; takes rows through the driver."""

    def __init__(self, url: str) -> None:
        self._engine = create_engine(url, **engine_options(url))
        self.sqlite = self._engine.dialect.name == "sqlite"
        if self.sqlite:
            prepare_sqlite(self._engine)
        self._writers = 1 if self.sqlite else CONNECTIONS

    def insert(self, orders: Sequence[Sequence[tuple[str, list[Any]]]]) -> float:
        """Milliseconds for these orders; each a list of (statement, rows)."""
        shares = [orders[n :: self._writers] for n in range(self._writers)]
        return timed(lambda: _together(self._insert, shares))

    def _insert(self, orders: Sequence[Sequence[tuple[str, list[Any]]]]) -> None:
        raw = self._engine.raw_connection()
        cursor = raw.cursor()
        for order in orders:
            if self.sqlite:
                cursor.execute("BEGIN IMMEDIATE")
            for statement, rows in order:
                cursor.executemany(statement, rows)
            raw.commit()
        raw.close()

    def close(self) -> None:
        self._engine.dispose()


def _together(work: Callable[[Any], Any], shares: Sequence[Any]) -> list[Any]:
    with ThreadPoolExecutor(len(shares)) as pool:
        return list(pool.map(work, shares))


def rows_of_orders(engine: Engine, after: int) -> list[list[tuple[str, list[Any]]]]:
    """What registering wrote for each order beyond number ``after``, as the driver takes it."""
    tests = select(RequestedTest.sample_id).distinct()
    with engine.connect() as connection:
        orders: dict[int, list[tuple[str, list[Any]]]] = defaultdict(list)
        found = connection.execute(select(Sample.id, Sample.order_id).where(Sample.id.in_(tests)))
        owner = dict(found.all())
        for model, whose in (
            (IdempotencyKey, lambda row: row.object_id),
            (Order, lambda row: row.id),
            (Sample, lambda row: row.order_id),
            (RequestedTest, lambda row: owner[row.sample_id]),
            (AuditEvent, lambda row: int(row.object_id) if row.verb == "order.register" else 0),
        ):
            _gather(connection, model.__table__, whose, orders)
        _gather_words(connection, orders)
    return [parts for number, parts in sorted(orders.items()) if number > after]


def _gather(connection: Any, table: Any, whose: Callable[[Any], int], orders: Any) -> None:
    assert isinstance(table, Table)
    names = [c.name for c in table.columns if c.computed is None]
    mark = "?" if connection.dialect.name == "sqlite" else "%s"
    statement = f"INSERT INTO {table.name} ({', '.join(names)}) VALUES ({', '.join([mark] * len(names))})"
    found: dict[int, list[Any]] = defaultdict(list)
    for row in connection.exec_driver_sql(f"SELECT {', '.join(names)} FROM {table.name}"):
        found[whose(row)].append(tuple(row))
    for number, rows in found.items():
        orders[number].append((statement, rows))


def _gather_words(connection: Any, orders: Any) -> None:
    if connection.dialect.name == "sqlite":
        statement = "INSERT INTO sample_fts (rowid, words) VALUES (?, ?)"
    else:
        statement = "INSERT INTO sample_fts VALUES (%s, to_tsvector('simple', %s))"
    texts = select(
        Sample.order_id,
        Sample.id,
        *(Sample.number, Sample.name, Sample.batch, Sample.producer, Sample.brand),
        Customer.name,
        Order.number,
    )
    texts = texts.select_from(Sample).join(Order, Order.id == Sample.order_id)
    texts = texts.join(Customer, Customer.id == Sample.customer_id)
    for order_id, sample_id, *parts in connection.execute(texts):
        orders[order_id].append((statement, [(sample_id, index_text(*parts))]))


@contextmanager
def empty_copy(laboratory: Laboratory) -> Iterator[Copy]:
    """A second database like this one as it stands now."""
    if laboratory.name == "SQLite":
        file = laboratory.data / "copy.sqlite"
        raw = laboratory.engine.raw_connection()  # outside a transaction
        raw.cursor().execute("VACUUM INTO ?", [str(file)])
        raw.close()
        url = f"sqlite:///{file}"
    else:
        laboratory.engine.dispose()
        url = laboratory.url.replace("/bench?", "/copy?")
        administration = create_engine(
            laboratory.url.replace("/bench?", "/postgres?"), isolation_level="AUTOCOMMIT"
        )
        with administration.connect() as connection:
            connection.execute(text("CREATE DATABASE copy TEMPLATE bench"))
        administration.dispose()
    copy = Copy(url)
    try:
        yield copy
    finally:
        copy.close()


def measure(laboratory: Laboratory) -> None:
    laboratory.clock.set(utc_now())  # the web process has the clock on the wall
    desk = Desk(laboratory)
    with empty_copy(laboratory) as copy:
        server = Server(laboratory.url, laboratory.data)
        try:
            server.wait()
            desk.send(server.port, 20)  # warm
            copy.insert(rows_of_orders(laboratory.engine, 0))
            _rounds(laboratory, desk, server, copy)
        finally:
            server.stop()


def _rounds(laboratory: Laboratory, desk: Desk, server: Server, copy: Copy) -> None:
    share = [ORDERS // CONNECTIONS] * CONNECTIONS
    took, failures, through_http, raw = [], 0, 0.0, 0.0
    for _ in range(ROUNDS):
        newest = _newest_order(laboratory.engine)
        began = time.perf_counter()
        answers = _together(lambda count: desk.send(server.port, count), share)
        through_http += time.perf_counter() - began
        for times, failed in answers:
            took, failures = took + times, failures + failed
        raw += copy.insert(rows_of_orders(laboratory.engine, newest)) / 1000
    orders = ROUNDS * sum(share)
    rate, raw_rate = orders / through_http, orders / raw
    name = laboratory.name
    ratio = rate / raw_rate
    beside = f"the raw database ({raw_rate:.0f} orders/s)"
    figure(
        f"orders registered, {name} ({rate:.0f} orders/s)",
        ratio,
        "of raw",
        SHARE,
        ratio=ratio,
        ratio_to=beside,
    )
    p95 = Times(sorted(took)).p95
    figure(
        f"one of eight clerks, p95, {name}",
        p95,
        "ms",
        P95,
        ratio=p95 * raw_rate / 1000,
        ratio_to="one raw order",
    )
    figure(
        f"orders that failed, {name}",
        failures,
        "orders",
        FAILURES,
        ratio=failures / orders,
        ratio_to="all orders",
    )


def _newest_order(engine: Engine) -> int:
    with engine.connect() as connection:
        return int(connection.exec_driver_sql("SELECT max(id) FROM customer_order").scalar_one())


def main() -> None:
    with databases(durable=True) as found:
        for name, url, data in found:
            laboratory = Laboratory(name, url, data)
            measure(laboratory)
            laboratory.engine.dispose()


if __name__ == "__main__":
    main()
