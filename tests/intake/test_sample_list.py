"""The list of samples: filters, order, full text, pages, and by which index each is found."""

from datetime import date, timedelta

import pytest
from sqlalchemy import func, insert, or_, select, text

from lims.catalogue.models import Category
from lims.core.files import FileStore
from lims.core.permissions import SYSTEM
from lims.core.search import normalised
from lims.intake import sample_list
from lims.intake.custody import Target, move_samples
from lims.intake.models import Customer, Order, Sample
from lims.intake.sample_list import Due, Wanted, list_samples
from lims.intake.sample_story import Action, NextStep, story_of
from lims.intake.search import index_samples, matching_samples
from lims.intake.states import SampleState
from tests.intake.makers import ANALYST, BAKER, CLERK, HEAD, NOODLE_MAKER, make_house, make_order
from tests.intake.sample_makers import CLERK_AND_HEAD, make_samples, put_in, received, to
from tests.support.queries import statements_of

TODAY = date(2026, 11, 23)
NAMES = (
    ("老婆饼", "好味", "20261101A", "好味糕点厂"),
    ("蛋黄酥 礼盒", "Hao-Wei", "LOT 7/12", "香米米粉有限公司"),
    ("湿米粉", "香米", "x_y%z", "香米米粉有限公司"),
    ("婴幼儿配方乳粉", "牧场", "牛\"奶'1", "远方乳业"),
    ("Ｆｕｌｌｗｉｄｔｈ 米", "ABC", "AbC-1", "Foo & Söhne"),
    ("奶", "", "", ""),
)


@pytest.fixture
def house(uow):
    return make_house(uow)


def make_many(uow, house, count):
    """Rows by Core, as registering writes them, in every state and over some months."""
    orders = [make_order(uow, house, samples=0, number=f"WT2026-8{n:04d}") for n in range(3)]
    states = list(SampleState)
    rows = []
    for n in range(count):
        name, brand, batch, producer = NAMES[n % len(NAMES)]
        state = states[n % len(states)]
        here = state not in {SampleState.EXPECTED, SampleState.CANCELLED}
        day = TODAY - timedelta(days=n % 40)
        rows.append(
            {
                "number": f"YP2026{n:07d}",
                "order_id": orders[n % 3].id,
                "customer_id": house.customer if n % 2 else house.other_customer,
                "position": n + 1,
                "name": name,
                "brand": brand,
                "batch": batch,
                "producer": producer,
                "category_id": house.category if n % 4 == 0 else None,
                "state": state,
                "registered_on": day,
                "due_on": TODAY + timedelta(days=n % 21 - 10),
                "received_at": uow.now if here else None,
                "holder_id": ANALYST.id if n % 11 == 0 and here else None,
                "place_id": house.shelf if n % 13 == 0 and here else None,
                "retain_until": TODAY + timedelta(days=n % 9 - 4) if here else None,
                "refused_why": "x" if state is SampleState.REFUSED else None,
                "disposal_asked_by": CLERK.id if state is SampleState.DISPOSED else None,
                "disposal_approved_by": HEAD.id if state is SampleState.DISPOSED else None,
            }
        )
    with uow:
        uow.noted(Sample)
        uow.session.connection().execute(insert(Sample.__table__), rows)
        index_samples(uow, list(uow.session.scalars(select(Sample.id))))
        uow.audit("test.samples", SYSTEM, ("order", 1))
        uow.commit()


def whole(session, wanted, actor=CLERK, size=7):
    """Every number of the list, page by page."""
    found, cursor = [], None
    while True:
        page, _count = list_samples(
            session, actor=actor, wanted=wanted, today=TODAY, cursor=cursor, size=size
        )
        found.extend(row.number for row in page.rows)
        cursor = page.after
        if cursor is None:
            return found


def expected(session, *conditions):
    return set(session.scalars(select(Sample.number).where(*conditions)))


FILTERS = [
    (Wanted(), lambda h: []),
    (Wanted(state=SampleState.IN_TEST), lambda h: [Sample.state == SampleState.IN_TEST]),
    (Wanted(holder_id=ANALYST.id), lambda h: [Sample.holder_id == ANALYST.id]),
    (Wanted(place_id=1), lambda h: [Sample.place_id == h.shelf]),
    (Wanted(category_id=1), lambda h: [Sample.category_id == h.category]),
    (Wanted(category_id=98), lambda h: [Sample.id < 0]),
    (Wanted(business_type_id=2), lambda h: [Sample.id < 0]),
    (Wanted(customer_id=1), lambda h: [Sample.customer_id == h.customer]),
    (Wanted(order_id=1), lambda h: [Sample.order_id == 1]),
    (Wanted(since=TODAY - timedelta(days=5)), lambda h: [Sample.registered_on >= TODAY - timedelta(days=5)]),
    (
        Wanted(since=TODAY - timedelta(days=9), until=TODAY - timedelta(days=3)),
        lambda h: [Sample.registered_on.between(TODAY - timedelta(days=9), TODAY - timedelta(days=3))],
    ),
    (Wanted(due=Due.LATE), lambda h: [Sample.state.in_(OPEN), Sample.due_on < TODAY]),
    (Wanted(due=Due.TODAY), lambda h: [Sample.state.in_(OPEN), Sample.due_on == TODAY]),
    (
        Wanted(due=Due.WEEK),
        lambda h: [Sample.state.in_(OPEN), Sample.due_on.between(TODAY, TODAY + timedelta(days=7))],
    ),
    (Wanted(due=Due.RETENTION), lambda h: [Sample.state.in_(KEPT), Sample.retain_until <= TODAY]),
    (
        Wanted(state=SampleState.TESTED, category_id=1, q="饼"),
        lambda h: [
            Sample.state == SampleState.TESTED,
            Sample.category_id == h.category,
            Sample.name.contains("饼"),
        ],
    ),
]
OPEN = [SampleState.EXPECTED, SampleState.TO_TEST, SampleState.IN_TEST]
KEPT = [SampleState.TESTED, SampleState.RETAINED]


@pytest.mark.parametrize(("wanted", "conditions"), FILTERS)
def test_a_filter_finds_exactly_its_samples_each_once_over_all_pages(uow, house, wanted, conditions):
    make_many(uow, house, 240)
    found = whole(uow.session, wanted)
    assert len(found) == len(set(found))
    assert set(found) == expected(uow.session, *conditions(house))


def test_a_class_finds_what_lies_below_it_as_well(uow, house):
    make_many(uow, house, 40)
    with uow:
        below = uow.add(
            Category(
                code="b2", name_zh="月饼", name_en="Mooncake", level=2, parent_id=house.category, path="/1/2/"
            )
        )
        row = uow.session.scalars(select(Sample).where(Sample.category_id.is_(None)).limit(1)).one()
        row.category_id = below.id
        uow.audit("test.category", SYSTEM, row)
        uow.commit()
    assert row.number in whole(uow.session, Wanted(category_id=house.category))
    assert whole(uow.session, Wanted(category_id=below.id)) == [row.number]


def test_late_open_work_stands_first_and_what_has_left_last(uow, house):
    make_many(uow, house, 120)
    rows = select(Sample.number, Sample.state, Sample.due_on)
    by_number = {r.number: r for r in uow.session.execute(rows)}
    listed = [by_number[n] for n in whole(uow.session, Wanted())]
    open_part = [r for r in listed if r.state in OPEN]
    assert listed[: len(open_part)] == open_part
    assert [r.due_on for r in open_part] == sorted(r.due_on for r in open_part)
    gone = {SampleState.DISPOSED, SampleState.RETURNED, SampleState.REFUSED, SampleState.CANCELLED}
    assert {r.state for r in listed[-40:]} <= gone


WORDS = ["米粉", "老婆", "饼", "奶", "乳粉", "好味", "香米", "lot 7", "LOT", "20261101a", "x_y%z", "%", "_",
         "'1", '牛"', "fullwidth", "Ｆｕｌｌ", "YP2026000", "0000012", "WT2026-80001", "糕点厂", "söhne", "& s",
         "蛋黄酥 礼盒", "米 abc", "没有这个", "酥礼"]  # fmt: skip


@pytest.mark.parametrize("words", WORDS)
def test_full_text_finds_what_like_finds_on_both_databases(uow, house, words):
    """LIKE over folded text is the truth; two-character Chinese words included."""
    make_many(uow, house, 60)
    columns = [Sample.number, Sample.name, Sample.batch, Sample.producer, Sample.brand]
    rows = uow.session.execute(
        select(Sample.number, *columns[1:], Customer.name, Order.number)
        .join(Order, Order.id == Sample.order_id)
        .join(Customer, Customer.id == Sample.customer_id)
    )
    parts = [normalised(part) for part in words.split()]
    truth = {
        row[0] for row in rows if all(any(part in normalised(cell or "") for cell in row) for part in parts)
    }
    found = whole(uow.session, Wanted(q=words))
    assert set(found) == truth
    assert found == sorted(found, reverse=True)  # newest first
    if len(parts) == 1 and words.isalnum() and words == normalised(words):
        like = select(func.count()).select_from(Sample).join(Order, Order.id == Sample.order_id)
        like = like.join(Customer, Customer.id == Sample.customer_id).where(
            or_(*(c.contains(words, autoescape=True) for c in (*columns, Customer.name, Order.number)))
        )
        assert uow.session.scalar(like) <= len(found)


def test_a_whole_number_finds_its_sample_or_order_by_the_unique_index(uow, house, database):
    make_many(uow, house, 30)
    sample = uow.session.scalars(select(Sample).where(Sample.number == "YP20260000007")).one()
    order = uow.session.scalars(select(Order).where(Order.number == "WT2026-80001")).one()
    with statements_of(database.engine) as seen:
        assert whole(uow.session, Wanted(q=" yp2026０000007 ")) == [sample.number]
    assert not any("sample_fts" in s for s in seen)
    assert set(whole(uow.session, Wanted(q="wt2026-80001"))) == expected(
        uow.session, Sample.order_id == order.id
    )
    assert sample.number in whole(uow.session, Wanted(q="YP202600000"))  # a piece of a number is searched for


@pytest.mark.parametrize("words", ["", "   ", "\t"])
def test_blank_words_do_not_filter(uow, house, words):
    make_many(uow, house, 12)
    assert matching_samples(uow.session, words) is None
    assert len(whole(uow.session, Wanted(q=words.strip()))) == 12


def test_a_customer_sees_its_own_samples_whatever_is_asked(uow, house):
    make_many(uow, house, 60)
    own = expected(uow.session, Sample.customer_id == house.customer)
    assert set(whole(uow.session, Wanted(), actor=BAKER)) == own
    assert set(whole(uow.session, Wanted(q="米粉"), actor=BAKER)) < own
    assert whole(uow.session, Wanted(customer_id=house.customer), actor=NOODLE_MAKER) == []


PLANS = [
    (Wanted(), "ix_sample_phase"),
    (Wanted(state=SampleState.IN_TEST), "ix_sample_state"),
    (Wanted(category_id=1), "ix_sample_category"),
    (Wanted(business_type_id=1), "ix_sample_type"),
    (Wanted(holder_id=3), "ix_sample_holder"),
    (Wanted(place_id=1), "ix_sample_place"),
    (Wanted(customer_id=1), "ix_sample_customer_id"),
    (Wanted(since=TODAY), "ix_sample_registered"),
    (Wanted(due=Due.LATE), "ix_sample_phase"),
    (Wanted(due=Due.RETENTION), "ix_sample_release"),
]


@pytest.mark.parametrize(("wanted", "index"), PLANS)
def test_each_filter_is_read_in_order_from_its_index(uow, house, wanted, index):
    """No sorting, no scan of the table: what keeps the list fast at a million samples."""
    make_many(uow, house, 30)
    rows = sample_list.filtered(uow.session, sample_list.all_samples(CLERK), wanted, TODAY)
    plan = plan_of(uow.session, rows, sample_list.order_of(wanted))
    assert index in plan, plan
    assert "USE TEMP B-TREE" not in plan
    assert "Sort" not in plan


def plan_of(session, rows, keys):
    ordered = rows.order_by(*(k.column.desc() if k.descending else k.column.asc() for k in keys)).limit(51)
    bind = session.get_bind()
    compiled = ordered.compile(bind, compile_kwargs={"literal_binds": True})
    if bind.dialect.name == "sqlite":
        return "\n".join(str(r) for r in session.execute(text(f"EXPLAIN QUERY PLAN {compiled}")))
    for setting in ("enable_seqscan", "enable_sort", "enable_bitmapscan"):
        session.execute(text(f"SET LOCAL {setting} = off"))  # 30 rows would always be scanned
    return "\n".join(r[0] for r in session.execute(text(f"EXPLAIN {compiled}")))


def test_a_page_of_the_list_is_two_queries(uow, house, database):
    make_many(uow, house, 120)
    with statements_of(database.engine) as seen:
        list_samples(uow.session, actor=CLERK, wanted=Wanted(q="米"), today=TODAY)
    assert len([s for s in seen if s.startswith("SELECT")]) == 2


def test_a_story_asks_the_same_number_of_questions_however_long_it_is(uow, house, database):
    store = FileStore(database.data / "files")
    (short,) = received(uow, house, store)
    (long,) = received(uow, house, store, number="WT2026-90002", tests=5)
    for _round in range(4):
        for target, who in (
            (to(ANALYST), CLERK),
            (Target(place_id=house.shelf), ANALYST),
            (to(CLERK), CLERK),
        ):
            move_samples(uow, actor=who, sample_ids=[long.id], target=target)
    counts = []
    for sample_id in (short.id, long.id):
        uow.session.rollback()
        uow.session.expire_all()
        with statements_of(database.engine) as seen:
            story = story_of(uow.session, actor=CLERK, sample_id=sample_id, today=TODAY)
        counts.append(len(seen))
    assert len(story.happenings) == 14
    assert max(counts) <= 16
    assert counts[1] - counts[0] <= 2  # places and the people of more steps


@pytest.mark.parametrize(
    ("state", "next_step", "actions"),
    [
        (SampleState.EXPECTED, NextStep.RECEIVE, {Action.RECEIVE, Action.PRINT}),
        (SampleState.TO_TEST, NextStep.ASSIGN, {Action.HAND_OVER, Action.STORE, Action.PRINT}),
        (SampleState.IN_TEST, NextStep.FINISH_TESTS, {Action.HAND_OVER, Action.STORE, Action.PRINT}),
        (
            SampleState.TESTED,
            NextStep.KEEP_OR_RETURN,
            {Action.HAND_OVER, Action.STORE, Action.PRINT, Action.RETAIN, Action.RETURN, Action.ASK_DISPOSAL},
        ),
        (
            SampleState.RETAINED,
            NextStep.KEEP,
            {Action.HAND_OVER, Action.STORE, Action.PRINT, Action.KEEP_LONGER},
        ),
        (SampleState.RETURNED, NextStep.NOTHING, set()),
        (SampleState.CANCELLED, NextStep.NOTHING, set()),
    ],
)
def test_the_page_offers_what_this_state_and_this_person_allow(
    uow, house, database, state, next_step, actions
):
    (sample,) = make_samples(uow, house)
    here = state not in {SampleState.EXPECTED, SampleState.CANCELLED}
    columns = (
        {"received_at": uow.now, "holder_id": CLERK.id, "retain_until": date(2027, 1, 1)} if here else {}
    )
    put_in(uow, sample, state, **columns)
    story = story_of(uow.session, actor=CLERK, sample_id=sample.id, today=TODAY)
    assert story.next_step is next_step
    assert story.actions == actions


def test_disposal_is_decided_by_somebody_else(uow, house, database):
    (sample,) = make_samples(uow, house)
    put_in(uow, sample, SampleState.DISPOSAL_ASKED, received_at=uow.now, disposal_asked_by=CLERK.id)
    seen = [
        Action.DECIDE_DISPOSAL in story_of(uow.session, actor=who, sample_id=sample.id, today=TODAY).actions
        for who in (CLERK_AND_HEAD, HEAD, CLERK)
    ]
    assert seen == [False, True, False]
