"""The sample list at 1,000,000 samples: first page, filtered page, page at row 400,000, search; a sample's page.

Queries go through the list's own functions, pages through the application as a browser asks for them. Ratios
within the run: a page's rows to one row by its number, the deep page to the first, search to LIKE over the same
texts (which must count the same), a page to the same page without rows. ``--postgresql`` measures both databases.

The data are made once (some minutes) and kept in LIMS_BENCH_DATA, else var/bench; PostgreSQL's anew each time.
"""

from contextlib import closing
from functools import partial
from typing import Any

from flask.testing import FlaskClient
from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from benchmarks.figures import Target, figure
from benchmarks.support.million import SAMPLES, cached_sqlite, fill
from benchmarks.support.timing import Laboratory, databases, side_by_side, timed, wants_postgresql
from lims.core.clock import local_date
from lims.core.paging import read_page
from lims.core.permissions import Role
from lims.intake import sample_list
from lims.intake.models import Customer, Order, RequestedTest, Sample
from lims.intake.sample_list import Due, Wanted
from lims.intake.search import search_samples
from lims.people.models import Account, AccountRole
from tests.support.accounts import actor_of, sign_in

QUERY, PAGE, SEARCH, SAMPLE_PAGE = Target("<=", 2), Target("<=", 60), Target("<=", 50), Target("<=", 80)
DEEP = Target("<=", 1.5)
DEEP_ROW = SAMPLES * 2 // 5
MIDDLE = SAMPLES // 2
# A word of one name in twenty, one that every row holds, a piece of a number, a whole number.
WORDS = {"two characters": "桂花", "two characters in every row": "食品", "piece of a number": "40012"}
WORDS |= {"number": "YM0040123"}


class Bench:
    def __init__(self, laboratory: Laboratory, session: Session) -> None:
        self.laboratory, self.session = laboratory, session
        head = select(Account).join(AccountRole, AccountRole.account_id == Account.id)
        account = session.scalars(head.where(AccountRole.role == Role.SECTION_HEAD)).unique().one()
        self.actor = actor_of(account)
        self.today = local_date(laboratory.clock.now)
        self.browser: FlaskClient = sign_in(laboratory.app.test_client(), account)

    def say(
        self, name: str, value: float, target: Target, ratio: float, ratio_to: str, unit: str = "ms"
    ) -> None:
        figure(f"{name}, {self.laboratory.name}", value, unit, target, ratio=ratio, ratio_to=ratio_to)

    def rows(self, wanted: Wanted, cursor: str | None = None) -> Any:
        found = sample_list.filtered(self.session, sample_list.all_samples(self.actor), wanted, self.today)
        page = read_page(self.session, found, sample_list.order_of(wanted), cursor=cursor)
        assert len(page.rows) == 50
        return page

    def one_row(self) -> None:
        assert self.session.execute(select(Sample.number).where(Sample.id == MIDDLE)).one()

    def searched(self, words: str) -> Any:
        page, _count = sample_list.list_samples(
            self.session, actor=self.actor, wanted=Wanted(q=words), today=self.today
        )
        assert page.rows
        return page

    def open(self, path: str) -> None:
        answer = self.browser.get(path)
        assert answer.status_code == 200, answer.text[:500]


def lists(bench: Bench) -> None:
    deep = read_page(bench.session, select(Sample.id), sample_list.USUAL, size=DEEP_ROW).after
    wide = Wanted(category_id=bench.rows(Wanted()).rows and _category(bench))
    narrow = Wanted(due=Due.LATE)
    calls = {
        "first page": partial(bench.rows, Wanted()),
        f"page at row {DEEP_ROW:,}": partial(bench.rows, Wanted(), deep),
        "page of a third of all": partial(bench.rows, wide),
        "page of late work": partial(bench.rows, narrow),
    }
    one, *times = side_by_side(bench.one_row, *calls.values(), count=100)
    for name, found in zip(calls, times, strict=True):
        ratio = found.median / one.median
        bench.say(f"{name}, rows, p95", found.p95, QUERY, ratio, "one row by its number (medians)")
    share = times[1].median / times[0].median
    bench.say("deep page to first page, medians", share, DEEP, share, "the first page", "times")
    _pages(bench, deep or "", wide.category_id)


def _category(bench: Bench) -> int | None:
    return bench.session.scalar(select(Sample.category_id).where(Sample.category_id.is_not(None)).limit(1))


def _pages(bench: Bench, deep: str, category: int | None) -> None:
    paths = {
        "first page": "/samples",
        f"page at row {DEEP_ROW:,}": f"/samples?cursor={deep}",
        "page of a third of all": f"/samples?category={category}",
        "page of late work": "/samples?due=late",
        "page of a search": "/samples?q=桂花",
    }
    calls = [partial(bench.open, path) for path in ("/samples?q=没有这个", *paths.values())]
    empty, *times = side_by_side(*calls, count=40)
    for name, found in zip(paths, times, strict=True):
        ratio = found.median / empty.median
        bench.say(f"{name}, whole page, p95", found.p95, PAGE, ratio, "the list without rows (medians)")


def search(bench: Bench) -> None:
    for name, words in WORDS.items():
        alike, like_ms = _like(bench.session, words)
        found = search_samples(bench.session, words)
        assert found is not None
        counted = bench.session.scalar(select(func.count()).select_from(found.subquery()))
        assert counted == alike, f"{words}: {counted} found, LIKE says {alike}"
        (times,) = side_by_side(partial(bench.searched, words), count=40)
        ratio = times.median / like_ms
        bench.say(f"search, {name} ({alike:,} found), p95", times.p95, SEARCH, ratio, "LIKE over all texts")


def _like(session: Session, words: str) -> tuple[int, float]:
    texts = (Sample.number, Sample.name, Sample.batch, Sample.producer, Sample.brand)
    statement = (
        select(func.count())
        .select_from(Sample)
        .join(Order, Order.id == Sample.order_id)
        .join(Customer, Customer.id == Sample.customer_id)
        .where(or_(*(column.like(f"%{words}%") for column in (*texts, Customer.name, Order.number))))
    )
    found: list[int] = []
    took = timed(lambda: found.append(session.execute(statement).scalar_one()))
    return found[0], took


def sample_page(bench: Bench) -> None:
    """Five tests entered, handed over and verified, against a sample of which nothing is known."""
    lived = bench.session.scalar(select(RequestedTest.sample_id).limit(1))
    calls = [partial(bench.open, f"/samples/{number}") for number in (MIDDLE, lived)]
    plain, times = side_by_side(*calls, count=40)
    ratio = times.median / plain.median
    bench.say(
        "sample page with its timeline, p95", times.p95, SAMPLE_PAGE, ratio, "one without history (medians)"
    )


def measure(laboratory: Laboratory) -> None:
    with closing(laboratory.new_session()) as session:
        bench = Bench(laboratory, session)
        for part in (lists, search, sample_page):
            part(bench)


def main() -> None:
    measure(cached_sqlite())
    if wants_postgresql():
        with databases() as found:
            name, url, data = found[-1]
            laboratory = Laboratory(name, url, data)
            fill(laboratory)
            measure(laboratory)
            laboratory.engine.dispose()


if __name__ == "__main__":
    main()
