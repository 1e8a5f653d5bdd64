"""No answer is taken for another's, and every order ends."""

from itertools import pairwise

from instruments.codec import Verb
from instruments.dialogue import Dialogue, GivenUp, Order, Part, Phase, Send
from instruments.mtsics import MtSics
from instruments.profiles import load_profile
from instruments.readings import Kind
from tests.instruments.making import frame

BALANCE = MtSics(stable_timeout_s=5.0)


def read(line: str):
    return BALANCE.read(frame(line.encode() + b"\r\n"))


def opened(**named) -> Dialogue:
    """A dialogue whose device has already said who it is, at second 1."""
    talk = Dialogue(BALANCE, **named)
    talk.opened(0.0)
    assert talk.step(0.0) is None
    assert talk.step(1.0).command.wire == b"I4\r\n"
    assert talk.hear(read('I4 A "B1"'), 1.0).order.verb is Verb.IDENTIFY
    return talk


def test_one_command_at_a_time():
    talk = opened(poll_s=0.2)
    assert talk.step(1.0).command.wire == b"SI\r\n"
    talk.want(Order(Verb.TAKE, "r1"))
    assert talk.step(1.1) is None
    talk.hear(read("S D     100.02 g"), 1.2)
    assert talk.step(1.2).command.wire == b"S\r\n"


def test_an_unstable_figure_on_its_way_is_not_the_answer_to_take():
    talk = opened()
    talk.want(Order(Verb.TAKE, "r1"))
    talk.step(1.0)
    assert talk.hear(read("S D      99.00 g"), 1.1).part is Part.UNASKED
    heard = talk.hear(read("S S     100.00 g"), 1.2)
    assert (heard.part, heard.order.id) == (Part.ANSWER, "r1")


def test_after_a_time_out_a_late_answer_is_called_late_and_the_device_is_asked_who_it_is():
    talk = opened()
    talk.want(Order(Verb.TAKE, "r1", deadline_s=2.0))
    talk.step(1.0)
    assert talk.step(2.9) is None
    assert talk.step(3.0) == GivenUp(Order(Verb.TAKE, "r1", deadline_s=2.0), "no_answer")
    talk.want(Order(Verb.TAKE, "r2"))
    assert talk.hear(read("S S     100.00 g"), 3.1).part is Part.LATE
    assert talk.step(3.2) is None
    assert talk.step(3.5).command.wire == b"@\r\n"
    talk.hear(read('I4 A "B1"'), 3.6)
    assert talk.step(3.6).order.id == "r2"


def test_a_device_that_does_not_answer_is_silent_until_it_does():
    talk = Dialogue(BALANCE, poll_s=0.2)
    talk.opened(0.0)
    now, sent = 0.2, 0
    while now < 20:
        action = talk.step(now)
        sent += isinstance(action, Send)
        now += 0.1
    assert talk.silent
    assert 3 <= sent <= 6  # it is not shouted at
    while not isinstance(talk.step(now), Send):
        now += 0.1
    talk.hear(read('I4 A "B1"'), now)
    assert not talk.silent


def test_a_stream_is_stopped_and_run_out_before_a_reading_is_taken():
    talk = opened(stream=True)
    assert talk.step(1.0).command.wire == b"SIR\r\n"
    talk.hear(read("S S     100.00 g"), 1.1)
    assert talk.streaming
    talk.want(Order(Verb.TAKE, "r1"))
    assert talk.step(1.2).command.wire == b"SI\r\n"
    assert talk.hear(read("S S     100.00 g"), 1.25).order is None
    assert talk.step(1.3) is None
    assert talk.step(1.6).command.wire == b"S\r\n"
    assert talk.hear(read("S S     100.01 g"), 1.7).order.id == "r1"
    assert talk.step(1.7).command.wire == b"SIR\r\n"


def test_a_stream_that_dries_up_makes_the_device_be_asked():
    talk = opened(stream=True)
    talk.step(1.0)
    talk.hear(read("S S     100.00 g"), 1.1)
    assert talk.step(2.0) is None
    assert talk.step(4.2).command.wire == b"I4\r\n"


def test_the_line_breaking_ends_every_order_with_a_reason():
    talk = opened(poll_s=0.2)
    talk.want(Order(Verb.TAKE, "r1"))
    talk.step(1.0)
    talk.want(Order(Verb.ZERO, "r2"))
    assert [(lost.order.id, lost.code) for lost in talk.closed()] == [
        ("r1", "link_unplugged"),
        ("r2", "link_unplugged"),
    ]
    assert talk.want(Order(Verb.TAKE, "r3")).code == "link_unplugged"
    assert talk.phase is Phase.CLOSED


def test_an_order_that_waited_too_long_is_not_carried_out_any_more():
    talk = opened()
    talk.want(Order(Verb.TAKE, "r1", expires_at=5.0))
    assert talk.step(6.0).code == "too_late"
    assert talk.step(6.0) is None


def test_a_refusal_answers_the_order():
    talk = opened()
    talk.want(Order(Verb.TAKE, "r1"))
    talk.step(1.0)
    heard = talk.hear(read("S I"), 3.0)
    assert (heard.order.id, read("S I").kind) == ("r1", Kind.STATUS)


def test_a_silent_device_refuses_an_order_at_once_and_a_queued_one_expires_on_time():
    talk = opened(poll_s=0.2)
    talk.step(1.0)
    talk.want(Order(Verb.TAKE, "queued", expires_at=4.0))
    assert talk.step(3.0).code == "no_answer"  # the look
    assert talk.want(Order(Verb.TAKE, "r2")).code == "no_answer"
    assert talk.next_time() <= 4.0
    actions = [talk.step(second) for second in (3.4, 4.0)]
    assert [a for a in actions if isinstance(a, GivenUp)] == [
        GivenUp(Order(Verb.TAKE, "queued", expires_at=4.0), "too_late")
    ]


def test_a_device_that_loses_hurried_commands_gets_its_pause_between_them():
    talk = Dialogue(load_profile("kern-kcp").codec, poll_s=0.05, pause_s=load_profile("kern-kcp").pause_s)
    talk.opened(0.0)
    talk.want(Order(Verb.TAKE, "r1"))
    talk.want(Order(Verb.ZERO, "late", expires_at=1.05))
    sent, now, answers = [], 0.9, {b"I4\r\n": 'I4 A "B1"', b"S\r\n": "S S     100.00 g"}
    ended = []
    while now < 2.0:
        action = talk.step(now)
        if isinstance(action, Send):
            sent.append((now, action.command.wire))
            talk.hear(read(answers.get(action.command.wire, "S D     100.00 g")), now)  # at once
        elif action is not None:
            ended.append((action.order.id, action.code))
        else:
            assert talk.next_time() > now  # nothing is due before the pause is over
            now += 0.005
    assert [wire for _, wire in sent[:3]] == [b"I4\r\n", b"S\r\n", b"SI\r\n"]
    assert ended == [("late", "too_late")]
    times = [when for when, _ in sent]
    assert 0.1 - 1e-9 <= min(b - a for a, b in pairwise(times)) < 0.11
