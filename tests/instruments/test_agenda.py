"""Who is due when, against a list that is searched anew each time."""

from hypothesis import given, settings
from hypothesis import strategies as st

from instruments.agenda import Agenda

TIMES = st.one_of(st.none(), st.integers(0, 30))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("abcd"), TIMES, st.integers(0, 30)), max_size=400))
def test_everybody_is_due_once_at_the_last_time_that_was_put(steps):
    agenda, plain = Agenda(), {}
    for who, when, now in steps:
        agenda.put(who, when)
        plain.pop(who, None)
        if when is not None:
            plain[who] = when
        due = {name for name, time in plain.items() if time <= now}
        found = agenda.due(now)
        assert (set(found), len(found)) == (due, len(due))
        assert [plain[name] for name in found] == sorted(plain.pop(name) for name in found)
        assert agenda.next_time() == min(plain.values(), default=None)
        assert len(agenda._entries) <= 4 * 4 + 64
