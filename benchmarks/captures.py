"""Intake of captures on both databases: signed deliveries of 500 through the application, as a gateway posts them.

The ratio is to the checking alone: signature, canonical form, every hash and link, nothing stored.
"""

import time
from collections.abc import Callable

from benchmarks.figures import Target, figure
from instruments.canonical import canonical
from lims.bench.bodies import read_delivery
from lims.core.database import db
from lims.core.uow import UnitOfWork
from lims.equipment.signed import read_canonical, signature_holds
from tests.support.backends import Backend, PostgresBackend, SqliteBackend
from tests.support.bench_gateway import BenchGateway
from tests.support.postgres import PrivatePostgres

BATCH, BATCHES = 500, 20
TARGET = Target(">=", 5000)


def intake(backend: Backend) -> tuple[float, float]:
    """(captures stored, captures only checked) in a second."""
    backend.fresh()
    session = backend.new_session()
    gateway = BenchGateway(backend.app.test_client(), backend.clock.now)
    gateway.enrol(UnitOfWork(session, backend.clock))
    session.close()
    gateway.keep_many(BATCH * (BATCHES + 1))
    signed = []
    for place in range(BATCHES + 1):
        body = canonical(gateway.batch(range(place * BATCH + 1, (place + 1) * BATCH + 1)))
        signed.append((body, gateway.sign("captures", body)))

    def store(body: bytes, signature: str) -> None:
        answer = gateway.post_bytes("captures", body, signature)
        assert answer.status_code == 200, answer.json

    def check(body: bytes, signature: str) -> None:
        assert signature_holds(gateway.key.public_key().public_bytes_raw().hex(), "captures", body, signature)
        read_delivery(read_canonical(body))

    store(*signed[0])  # warm
    rates = _rate(store, signed[1:]), _rate(check, signed[1:])
    with backend.app.app_context():
        db.session.remove()
    return rates


def _rate(work: Callable[[bytes, str], None], deliveries: list[tuple[bytes, str]]) -> float:
    began = time.perf_counter()
    for body, signature in deliveries:
        work(body, signature)
    return BATCH * len(deliveries) / (time.perf_counter() - began)


def main() -> None:
    server = PrivatePostgres()
    server.start()
    backends: list[Backend] = [SqliteBackend(), PostgresBackend(server)]
    for backend in backends:
        stored, checked = intake(backend)
        name = f"captures stored, {backend.name}"
        figure(name, stored, "/s", TARGET, ratio=stored / checked, ratio_to="checking alone")
        backend.close()
    server.stop()


if __name__ == "__main__":
    main()
