"""Results through the application as a browser sends them: the page of a worksheet of 96 rows, one cell saved
(aluminium: formula with the sample's moisture, limit, verdict), one result verified by a second person.

Ratios within the run: the page to one of a single row; saving and verifying to the bare insert of the same rows
into tables without indexes, with the same durability. ``--postgresql`` measures both databases.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

from sqlalchemy import func, select

from benchmarks.figures import Target, figure
from benchmarks.support.timing import Laboratory, Times, databases, each, side_by_side
from lims.bench.capture.claims import claim_capture
from lims.bench.inputs import Cell
from lims.bench.models import InputValue, ResultVersion
from lims.bench.review import submit_results
from lims.bench.worksheets import open_worksheet
from lims.core.audit import AuditEvent
from lims.core.database import Base
from tests.support.accounts import sign_in
from tests.support.captures import make_capture
from tests.support.laboratory import make_laboratory
from tests.support.orders import make_tests

ROWS, MEASURED, ROUNDS = 96, 16, 3
PAGE, ENTER, VERIFY = Target("<=", 200), Target("<=", 40), Target("<=", 30)
WEIGHINGS = (("m0", "28.4517"), ("m1", "33.4629"), ("m2", "32.4607"))


class Bench:
    """A worksheet of 96 aluminium tests; the moisture of the first ones is weighed."""

    def __init__(self, laboratory: Laboratory) -> None:
        self.laboratory = laboratory
        self.uow = laboratory.unit_of_work()
        self.made = make_laboratory(self.uow)
        self.tests = make_tests(
            self.uow, self.made, "moisture", "aluminium", samples=ROWS, assignee="analyst"
        )
        self.measured = self.tests[:MEASURED]
        for sample in self.measured:
            self._weigh(sample["moisture"])
        self.sheet = self._open([sample["aluminium"] for sample in self.tests])
        single = make_tests(self.uow, self.made, "aluminium", assignee="analyst")
        self.small = self._open([single[0]["aluminium"]])
        self.analyst, self.reviewer = (
            sign_in(laboratory.app.test_client(), self.made.accounts[who]) for who in ("analyst", "reviewer")
        )
        laboratory.say_sizes()

    def _open(self, tests: list[int]) -> int:
        return open_worksheet(self.uow, actor=self.made.analyst, test_ids=tests).id

    def _weigh(self, test: int) -> None:
        sheet = self._open([test])
        for name, weight in WEIGHINGS:
            capture = make_capture(self.uow, self.made, weight)
            cell = Cell(test, name, 1, "", None)
            claim_capture(
                self.uow, actor=self.made.analyst, worksheet_id=sheet, capture_id=capture.id, cell=cell
            )

    def page(self, sheet: int) -> None:
        answer = self.analyst.get(f"/worksheets/{sheet}")
        assert answer.status_code == 200, answer.text[:500]

    def enter(self, test: int, value: str) -> None:
        answer = self.analyst.put(
            f"/api/worksheets/{self.sheet}/tests/{test}/cells/as_is-1", json={"value": value}
        )
        assert answer.status_code == 200, answer.text[:500]
        assert answer.json is not None
        assert answer.json["show"]["verdict"] in {"合格", "不合格"}

    def verify(self, test: int, version: int) -> None:
        seen = [{"test_id": test, "version_number": version}]
        answer = self.reviewer.post("/api/results/verify", json={"results": seen})
        assert answer.status_code == 200, answer.text[:500]

    def say(self, name: str, times: Times, target: Target, beside: Times, ratio_to: str) -> None:
        ratio = times.median / beside.median
        name = f"{name}, p95, {self.laboratory.name}"
        figure(name, times.p95, "ms", target, ratio=ratio, ratio_to=f"{ratio_to} (medians)")


class Written:
    """What a span of work appended, to be appended once more without anything around it."""

    MODELS: tuple[type[Base], ...] = (InputValue, ResultVersion, AuditEvent)

    def __init__(self, laboratory: Laboratory) -> None:
        self._engine = laboratory.engine
        for model in self.MODELS:
            name = model.__tablename__
            self._tell(f"CREATE TABLE IF NOT EXISTS bare_{name} AS SELECT * FROM {name} WHERE 1 = 0")
        self._before = self._last()

    def _tell(self, *statements: str) -> None:
        with self._engine.connect().execution_options(lims_write=True) as connection:
            for statement in statements:
                connection.exec_driver_sql(statement)
            connection.commit()

    def _last(self) -> list[int]:
        keys: list[Any] = [InputValue.id, ResultVersion.id, AuditEvent.seq]
        with self._engine.connect() as connection:
            return [connection.scalar(select(func.max(key))) or 0 for key in keys]

    def again(self, calls: int) -> Times:
        """The rows of ``calls`` calls, a transaction each."""
        work: list[Callable[[], object]] = []
        spans = list(zip(self.MODELS, self._before, self._last(), strict=True))
        for call in range(calls):
            statements = []
            for model, before, last in spans:
                share = (last - before) / calls
                low, high = before + round(call * share), before + round((call + 1) * share)
                name, key = model.__tablename__, "seq" if model is AuditEvent else "id"
                if high > low:
                    chosen = f"SELECT * FROM {name} WHERE {key} > {low} AND {key} <= {high}"
                    statements.append(f"INSERT INTO bare_{name} {chosen}")
            work.append(partial(self._tell, *statements))
        return each(work)


def pages(bench: Bench) -> None:
    small, large = side_by_side(partial(bench.page, bench.small), partial(bench.page, bench.sheet), count=20)
    bench.say(f"page of a worksheet of {ROWS} rows", large, PAGE, small, "the page of one row")


def entering(bench: Bench) -> None:
    tests = [sample["aluminium"] for sample in bench.measured]
    bench.enter(tests[0], "12.5")  # warm
    written = Written(bench.laboratory)
    values = [(test, f"{70 + turn + n / 10:.1f}") for turn in range(ROUNDS) for n, test in enumerate(tests)]
    times = each(partial(bench.enter, test, value) for test, value in values)
    beside = written.again(len(values))
    bench.say("one cell saved, with formula, limit and verdict", times, ENTER, beside, "its rows alone")


def verifying(bench: Bench) -> None:
    handed = [sample[code] for code in ("moisture", "aluminium") for sample in bench.measured]
    done = submit_results(bench.uow, actor=bench.made.analyst, test_ids=handed)
    versions = {result.requested_test_id: result.current_version for result in done}
    bench.verify(handed[0], versions[handed[0]])  # warm
    written = Written(bench.laboratory)
    times = each(partial(bench.verify, test, versions[test]) for test in handed[1:])
    beside = written.again(len(handed) - 1)
    bench.say("one result verified", times, VERIFY, beside, "its rows alone")


def main() -> None:
    with databases() as found:
        for name, url, data in found:
            bench = Bench(Laboratory(name, url, data))
            for part in (pages, entering, verifying):
                part(bench)
            bench.uow.session.close()
            bench.laboratory.engine.dispose()


if __name__ == "__main__":
    main()
