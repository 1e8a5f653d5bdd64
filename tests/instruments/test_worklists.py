"""A worklist on its way to an analyser: sent, asked for, refused, withdrawn; and each end reported once."""

import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instruments.analyser_orders import AnalyserOrder, Ends, is_sendable, order_message
from instruments.astm import Astm
from instruments.astm_records import Message
from instruments.astm_session import MOST_TRIES
from instruments.astm_simulator import AstmAnalyser
from instruments.captures import Trigger
from instruments.errors import ProfileWrong
from instruments.kept_orders import KEEP_S, KeptOrders
from instruments.order_desk import MOST_ATTEMPTS, desk_for
from instruments.readings import Event, Kind
from instruments.simulator import Physics
from instruments.spool import Spool, SpoolReader
from tests.instruments.making import NOON, draft

NINE = datetime(2026, 11, 22, 9, tzinfo=UTC)


def order(number, specimen=None, test="NH3-N", name="", device="analyser-1"):
    return AnalyserOrder(f"order-{number}", device, specimen or f"S{number}", test, name)


class Killed(Exception):
    """The process is gone."""


class Bench:
    """An analyser and the part of a gateway that talks with it, on a clock of their own; ``killed_at``: turns."""

    def __init__(self, folder, *, encoding="latin-1", orders="send", **analyser):
        self.path, self.now, self.heard, self.sent = folder / "spool.db", 0.0, [], []
        self.codec = Astm(encoding=encoding, orders=orders)
        physics = Physics(capacity=Decimal(5), decimals=3, settle_s=0.01)
        self.analyser = AstmAnalyser(physics, encoding=encoding, **analyser)
        self.turns, self.killed_at = 0, frozenset()
        self.start()

    def start(self):
        self.spool = Spool(self.path)
        self.kept = KeptOrders(self.spool)
        self.session, self.framer = self.codec.session(), self.codec.framer()
        self.desk = desk_for(
            "analyser-1", self.codec, self.session, self.kept, end=self._end, wall=lambda: NINE
        )

    def kill(self):
        self.spool.close()
        self.start()

    def _end(self, one, ends, wire, why):
        event = Event(Kind.STATUS, code=ends.value, more={"reason": why})
        row = draft(wire, event=event, request_id=one.id, trigger=Trigger.ASKED)
        self.spool.add(row, self.now, lambda _: self.kept.ended(one.id, ends), self.kept.ending(one.id, ends))

    def _alive(self):
        self.turns += 1
        if self.turns in self.killed_at:
            raise Killed

    def take(self, *orders, withdrawn=()):
        self.kept.take(orders, withdrawn)

    def turn(self):
        try:
            self.desk.feed()
            wire = self.session.step(self.now)
            self._alive()
            self.carry(wire)
            self._alive()
            self.spool.commit()
        except Killed:
            self.kill()
        self.now += 0.05

    def carry(self, wire):
        """What we send, what comes back for it, and so on until both are quiet."""
        self.sent.append(wire)
        back = self.analyser.receive(wire, self.now) if wire else self.analyser.tick(self.now)
        for frame in self.framer.feed(back, NOON) if back else []:
            answer = self.session.hear(frame, self.now)
            self._alive()
            self.desk.note(answer.event)
            self.heard += answer.event.each()
            if answer.reply:
                self.carry(answer.reply)

    def run(self, done, seconds=120.0):
        until = self.now + seconds
        while not done():
            assert self.now < until, (self.reports(), self.session)
            self.turn()

    def rest(self, seconds):
        until = self.now + seconds
        while self.now < until:
            self.turn()

    def reports(self):
        reader = SpoolReader(self.path)
        rows = [json.loads(row.body) for row in reader.after(0, rows=10_000)]
        reader.close()
        return [(row["request_id"], row["event"]["code"], row["event"]["reason"]) for row in rows]

    def results(self):
        return [(e.more["sample"], e.more["test"], e.value) for e in self.heard if e.kind is Kind.RESULT]


@pytest.fixture
def bench(tmp_path):
    made = []

    def make(**named):
        made.append(Bench(tmp_path, **named))
        return made[-1]

    yield make
    for one in made:
        one.spool.close()


def accepted(*numbers):
    return [(f"order-{number}", "order_accepted", None) for number in numbers]


def test_two_hundred_samples_reach_the_analyser_in_their_order_and_each_end_is_reported_once(bench):
    one = bench(cycle_s=1e6)
    one.take(*(order(number) for number in range(200)))
    one.run(lambda: one.desk.unsent == 0)
    assert list(one.analyser.ordered) == [(f"S{number}", "NH3-N") for number in range(200)]
    assert one.reports() == accepted(*range(200))


def test_results_come_back_under_sample_and_test_as_they_were_ordered(bench):
    one = bench(encoding="gb18030", assay=lambda sample, _test: Decimal(len(sample)), cycle_s=0.1)
    strange = [("YP|1", "NH3^N"), ("a&F&b\\c", "氨氮"), ("样品|^&\\", "A|B&R&"), ("&X41&", "重金属^铅")]
    one.take(*(order(n, *pair, name="桂花糕 |^&\\") for n, pair in enumerate(strange)))
    one.run(lambda: len(one.results()) == len(strange))
    assert one.results() == [(sample, test, str(len(sample))) for sample, test in strange]
    assert one.reports() == accepted(*range(len(strange)))


def test_a_name_the_analyser_cannot_write_is_left_out_and_a_test_refused(bench):
    one = bench(cycle_s=1e6)
    one.take(order(1, name="桂花糕 cake"), order(2, test="氨氮"), order(3, specimen="S\rO|1|OTHER||^^^X"))
    one.run(lambda: len(one.reports()) == 3)
    assert list(one.analyser.ordered) == [("S1", "NH3-N")]
    refused = [(f"order-{number}", "order_refused", "not_sendable") for number in (2, 3)]
    assert sorted(one.reports()) == [*accepted(1), *refused]


@settings(max_examples=60, deadline=None)
@given(text=st.text(min_size=1, max_size=30), name=st.text(max_size=20))
def test_no_text_of_a_sample_can_end_a_record_or_make_another(text, name):
    """Whatever can be sent reads back as one order of exactly that sample."""
    wanted = AnalyserOrder("1", "d", text, "T", name)
    if not is_sendable(wanted, "utf-8"):
        return
    records = order_message([wanted], NINE, "utf-8", action="N")
    stream = "".join(f"{record}\r" for record in [*records[:-1], "R|1|^^^T|1|g", records[-1]])
    said = Message("utf-8").take(stream.encode("utf-8"), last=True)
    assert [event.more.get("sample") for event in said] == [text]


@pytest.mark.parametrize("step", range(1, 30, 3))
def test_a_gateway_killed_at_any_moment_reports_each_end_once_and_loses_no_order(bench, step):
    one = bench(cycle_s=1e6)
    one.take(order(1), order(2), order(3))
    one.killed_at = {step, step + 30}
    one.run(lambda: len(one.reports()) >= 3)
    one.rest(40)
    assert sorted(one.reports()) == accepted(1, 2, 3)
    assert sorted(one.analyser.ordered) == [(f"S{number}", "NH3-N") for number in (1, 2, 3)]


def test_what_the_analyser_refuses_three_times_six_frames_long_is_refused_and_the_rest_goes_on(bench):
    one = bench(refuse=MOST_TRIES * MOST_ATTEMPTS, cycle_s=1e6)
    one.take(order(1), order(2))
    one.run(lambda: len(one.reports()) == 2)
    assert one.reports() == [("order-1", "order_refused", "refused"), *accepted(2)]
    assert list(one.analyser.ordered) == [("S2", "NH3-N")]


def test_six_refusals_are_no_end_when_the_analyser_takes_it_ten_seconds_later(bench):
    one = bench(refuse=MOST_TRIES, cycle_s=1e6)
    one.take(order(1))
    one.rest(5)
    assert (one.reports(), one.desk.trouble) == ([], "refused")
    one.run(lambda: one.reports() == accepted(1))
    assert (one.desk.unsent, one.desk.trouble) == (0, None)


def test_an_analyser_that_is_switched_off_keeps_its_worklist_waiting_for_days(bench):
    one = bench()
    one.take(order(1))
    carry, one.carry = one.carry, lambda _wire: None
    one.rest(100)
    assert (one.reports(), one.desk.trouble, one.desk.unsent) == ([], "no_answer", 1)
    one.carry = carry
    one.run(lambda: one.reports() == accepted(1))


def test_when_both_call_the_analyser_is_heard_first_and_then_takes_the_order(bench):
    one = bench(call_first=1, sample="S9", cycle_s=1e6)
    one.take(order(1))
    one.run(lambda: one.results())
    assert one.reports() == []
    one.run(lambda: one.reports() == accepted(1))
    assert one.now > 20  # the host lets twenty seconds go by


def test_a_question_is_answered_from_the_kept_worklist_before_everything_else(bench):
    one = bench(orders="ask", cycle_s=1e6)
    one.take(order(1), order(2, specimen="S1", test="NO2"), order(3), *(order(n) for n in range(10, 90)))
    one.rest(5)
    assert (list(one.analyser.ordered), one.reports()) == ([], [])
    one.kill()  # the server is away, and the gateway was restarted
    one.analyser.ask("S1")
    one.run(lambda: one.reports() == accepted(1, 2), seconds=5)
    assert list(one.analyser.ordered) == [("S1", "NH3-N"), ("S1", "NO2")]
    one.analyser.ask("S1")  # again: the answer is the same, and nothing is reported twice
    one.rest(5)
    assert one.reports() == accepted(1, 2)


def test_a_question_for_an_unknown_sample_is_answered_with_nothing_known(bench):
    one = bench()
    one.take(order(1))
    one.run(lambda: one.reports() == accepted(1))
    one.sent.clear()
    one.analyser.ask("S404")
    one.run(lambda: any(b"L|1|I" in chunk for chunk in one.sent), seconds=10)
    assert not any(b"O|" in chunk for chunk in one.sent)


def test_rack_and_place_beside_the_sample_do_not_hide_it(bench):
    one = bench(orders="ask", cycle_s=1e6)
    one.take(order(1))
    one.analyser._say(["Q|1|2^7^S1^B||ALL"])
    one.run(lambda: one.reports() == accepted(1), seconds=5)


def test_an_order_withdrawn_before_it_went_out_never_does_and_a_sent_one_is_taken_back(bench):
    one = bench(cycle_s=1e6)
    one.take(order(1), order(2))
    one.run(lambda: one.reports() == accepted(1, 2))
    one.take(order(3), withdrawn=[order(2), order(3), order(4)])
    one.run(lambda: len(one.reports()) == 5)
    assert list(one.analyser.ordered) == [("S1", "NH3-N")]
    withdrawn = [(f"order-{number}", "order_withdrawn", None) for number in (2, 3, 4)]
    assert sorted(one.reports()[2:]) == withdrawn
    one.take(withdrawn=[order(2)])
    one.rest(2)
    assert len(one.reports()) == 5


def test_the_same_worklist_twice_is_the_same_orders(bench):
    one = bench(cycle_s=1e6)
    for _ in range(3):
        one.take(order(1), order(2))
        one.rest(3)
    assert one.reports() == accepted(1, 2)
    assert len(one.analyser.ordered) == 2


def test_a_test_that_the_analyser_cannot_do_is_refused_by_its_own_word(bench):
    one = bench(knows=frozenset({"NH3-N"}), cycle_s=1e6)
    one.take(order(1), order(2, test="LEAD"))
    one.run(lambda: len(one.reports()) == 3)
    assert one.reports() == [*accepted(1, 2), ("order-2", "order_refused", "order_impossible")]


def test_ended_orders_are_forgotten_after_a_week_and_open_ones_never(tmp_path):
    now = [0.0]
    with Spool(tmp_path / "spool.db") as spool:
        kept = KeptOrders(spool, wall=lambda: now[0])
        kept.take([order(1), order(2)], [])
        spool.add(draft(), 0.0, None, kept.ending("order-1", Ends.ACCEPTED))
        spool.commit()
        kept.ended("order-1", Ends.ACCEPTED)
        now[0] = KEEP_S + 1
        kept.take([order(3)], [])
        assert kept.of_specimens("analyser-1", ["S1"]) == []
        again = KeptOrders(spool)
        assert [again.of_specimens("analyser-1", [f"S{n}"]) != [] for n in (1, 2, 3)] == [False, True, True]


@pytest.mark.parametrize("facts", [{"orders": "yes"}, {"encoding": "utf-16"}, {"encoding": "no-such"}])
def test_a_profile_with_a_way_or_an_encoding_that_is_none_is_refused(facts):
    with pytest.raises(ProfileWrong):
        Astm(**facts)
