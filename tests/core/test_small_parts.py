"""Calendar, numbers, states, files, search words: each a small promise."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lims.core.calendar import DayKind, WorkCalendar
from lims.core.errors import InvalidInput, NotFound, TooManyRequests, TransitionRefused
from lims.core.files import FileStore, damaged_files, keep_file
from lims.core.numbering import check_pattern, write_number
from lims.core.permissions import SYSTEM
from lims.core.ratelimit import hit
from lims.core.search import index_text, query_words
from lims.core.workflow import take_step
from lims.intake.states import TEST_STEPS, TestState

# The State Council's notice for 2026: 1 to 7 October off, 10 October worked.
OCTOBER = WorkCalendar(
    {date(2026, 10, n): DayKind.OFF for n in range(1, 8)} | {date(2026, 10, 10): DayKind.WORK}
)


def test_working_days_skip_holidays_and_count_made_up_saturdays():
    assert OCTOBER.add(date(2026, 9, 30), 1) == date(2026, 10, 8)
    assert OCTOBER.add(date(2026, 9, 30), 3) == date(2026, 10, 10)
    assert OCTOBER.between(date(2026, 9, 30), date(2026, 10, 12)) == 4


@given(st.dates(date(2020, 1, 1), date(2030, 1, 1)), st.integers(0, 300))
def test_adding_and_counting_working_days_agree(start, days):
    assert WorkCalendar().between(start, WorkCalendar().add(start, days)) == days


def test_a_number_shows_year_month_and_serial():
    assert write_number("BG{yyyy}{mm}-{serial:05d}", date(2026, 3, 1), 42) == "BG202603-00042"


@pytest.mark.parametrize(
    "pattern", ["BG{yyyy}", "{serial:05d}", "{yyyy}-{name}", "{yyyy}{serial", "a b{yy}{serial}"]
)
def test_a_pattern_that_could_give_a_number_twice_is_refused(pattern):
    with pytest.raises(InvalidInput):
        check_pattern(pattern)


def test_who_submitted_a_result_cannot_verify_it():
    with pytest.raises(TransitionRefused) as refusal:
        take_step(TEST_STEPS, "verify", TestState.SUBMITTED, actor_id=7, others=[7])
    assert refusal.value.code == "same_person"
    assert take_step(TEST_STEPS, "verify", TestState.SUBMITTED, actor_id=8, others=[7]) is TestState.VERIFIED


def test_a_nameless_actor_is_never_the_other_person():
    with pytest.raises(TransitionRefused):
        take_step(TEST_STEPS, "verify", TestState.SUBMITTED, actor_id=None, others=[])


@pytest.mark.parametrize("state", [s for s in TestState if s is not TestState.SUBMITTED])
def test_only_what_was_handed_over_can_be_verified(state):
    with pytest.raises(TransitionRefused):
        take_step(TEST_STEPS, "verify", state, actor_id=8, others=[7])


def test_a_changed_file_is_found(uow, tmp_path):
    store = FileStore(tmp_path)
    with uow:
        name = keep_file(uow, store, b"certificate", "application/pdf")
        uow.audit("file.keep", SYSTEM, ("stored_file", name))
        uow.commit()
    assert store.read(name) == b"certificate"
    assert damaged_files(uow.session, store) == []
    store.path(name).write_bytes(b"certificatf")
    assert damaged_files(uow.session, store) == [(name, "content does not match its hash")]
    store.path(name).unlink()
    assert damaged_files(uow.session, store) == [(name, "missing")]


@pytest.mark.parametrize("name", ["../../etc/passwd", "", "A" * 64, "0" * 63])
def test_a_file_name_that_is_no_hash_is_not_found(tmp_path, name):
    with pytest.raises(NotFound):
        FileStore(tmp_path).read(name)


def test_the_limit_of_a_window_is_shared_and_ends(uow, clock):
    for _ in range(3):
        hit(uow, "verify", "1.2.3.4", limit=3, window=timedelta(minutes=1))
    with pytest.raises(TooManyRequests) as refusal:
        hit(uow, "verify", "1.2.3.4", limit=3, window=timedelta(minutes=1))
    assert 1 <= refusal.value.retry_after_s <= 60
    hit(uow, "verify", "5.6.7.8", limit=3, window=timedelta(minutes=1))
    clock.now += timedelta(minutes=1)
    hit(uow, "verify", "1.2.3.4", limit=3, window=timedelta(minutes=1))


@given(st.text(min_size=2, max_size=30), st.data())
def test_a_phrase_of_pairs_is_the_substring(text, data):
    from lims.core.search import normalised

    folded = normalised(text)
    if len(folded) < 2:
        return
    start = data.draw(st.integers(0, len(folded) - 2))
    end = data.draw(st.integers(start + 2, len(folded)))
    wanted = folded[start:end]
    if normalised(wanted) != wanted:
        return  # cut at a blank or inside a combined character: another text
    assert " ".join(query_words(wanted)) in index_text(text)
