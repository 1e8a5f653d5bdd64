"""Devices that send all the time: nothing waits for quiet, the stream is only looked at, stability is inferred."""

import pytest

from instruments.codec import Verb
from instruments.dialogue import GivenUp, Order, Part, Send
from instruments.errors import ProfileWrong
from instruments.profiles import load_profile, parse_profile
from instruments.pushed_dialogue import PushedDialogue, dialogue_for
from instruments.readings import STABLE, UNKNOWN, Event, Kind
from instruments.settling import Settling, SettlingRule
from instruments.toledo import ToledoContinuous
from tests.instruments.making import frame
from tests.instruments.test_weighbridges import toledo_frame

STILL = ToledoContinuous().read(frame(toledo_frame(0x2C, 0x30)))
MOVING = ToledoContinuous().read(frame(toledo_frame(0x2C, 0x38)))
OVER = ToledoContinuous().read(frame(toledo_frame(0x2C, 0x34)))


def opened() -> PushedDialogue:
    talk = dialogue_for(ToledoContinuous(), poll_s=0.1, stream=False)
    talk.opened(0.0)
    return talk


def test_a_take_waits_in_the_stream_for_the_first_stable_figure():
    talk = opened()
    assert talk.hear(STILL, 0.1).part is Part.STREAMED
    assert talk.want(Order(Verb.TAKE, "r1")) is None
    action = talk.step(0.2)
    assert isinstance(action, Send)
    assert action.command.wire == b""  # there is nothing to ask
    assert talk.hear(MOVING, 0.3).part is Part.STREAMED
    heard = talk.hear(STILL, 0.4)
    assert (heard.part, heard.order.id) == (Part.ANSWER, "r1")
    assert talk.hear(STILL, 0.5).part is Part.STREAMED


def test_an_overload_answers_a_take_as_a_refusal():
    talk = opened()
    talk.want(Order(Verb.TAKE, "r1"))
    talk.step(0.2)
    assert talk.hear(OVER, 0.3).part is Part.ANSWER


def test_a_load_that_never_settles_and_a_line_that_falls_silent_end_the_take_in_their_own_words():
    for silent, code in ((False, "not_stable"), (True, "no_answer")):
        talk = opened()
        talk.want(Order(Verb.TAKE, "r1", deadline_s=5.0))
        talk.step(0.0)
        for tenth in range(1, 50):
            if not silent:
                talk.hear(MOVING, tenth / 10)
            assert talk.step(tenth / 10) is None
        given_up = talk.step(5.0)
        assert isinstance(given_up, GivenUp)
        assert given_up.code == code


def test_a_silent_line_refuses_at_once_until_it_speaks_again():
    talk = opened()
    assert talk.next_time() == pytest.approx(3.01)
    talk.step(3.1)
    assert talk.silent
    assert talk.want(Order(Verb.TAKE, "r1")).code == "no_answer"
    talk.hear(STILL, 4.0)
    assert talk.want(Order(Verb.TAKE, "r1")) is None


def test_tare_cannot_be_asked_of_a_device_that_takes_no_commands():
    assert opened().want(Order(Verb.TARE, "r1")).code == "no_such_command"


def test_a_dialogue_with_a_device_that_is_asked_stays_one():
    assert not isinstance(
        dialogue_for(load_profile("mtsics").codec, poll_s=0.1, stream=False), PushedDialogue
    )


def figure(value: str) -> Event:
    return Event(Kind.READING, value, None, UNKNOWN)


def test_equal_figures_for_long_enough_are_stable_and_marked_as_inferred():
    settling = Settling(SettlingRule(equal=3, seconds=1.0))
    times = [(0.0, "1.0"), (0.4, "2.0"), (0.8, "2.0"), (1.2, "2.0"), (1.5, "2.0"), (1.6, "2.1")]
    judged = [settling.judge(figure(value), now) for now, value in times]
    assert [event.stability for event in judged] == [UNKNOWN] * 4 + [STABLE, UNKNOWN]
    assert judged[4].more == {"stability_inferred": True}
    assert judged[4].value == "2.0"


def test_anything_else_than_a_figure_ends_a_row_and_a_device_that_says_it_is_believed():
    settling = Settling(SettlingRule(equal=2, seconds=0.1))
    settling.judge(figure("2.0"), 0.0)
    assert settling.judge(Event(Kind.OVERLOAD), 0.1).kind is Kind.OVERLOAD
    assert settling.judge(figure("2.0"), 0.2).stability == UNKNOWN
    assert settling.judge(MOVING, 0.3) is MOVING
    settling.judge(figure("2.0"), 0.4)
    settling.restart()
    assert settling.judge(figure("2.0"), 9.0).stability == UNKNOWN


def test_a_profile_states_its_own_rule_and_a_rule_that_settles_nothing_is_refused(tmp_path):
    row = {"protocol": "XK3190-TF0", "settling": {"equal": 8, "seconds": 2.0}}
    assert parse_profile("x", row).settling == SettlingRule(8, 2.0)
    (tmp_path / "x.toml").write_text('protocol = "XK3190-TF0"\n[settling]\nequal = 1\n')
    with pytest.raises(ProfileWrong, match="equal must be a whole number from 2"):
        load_profile("x", (tmp_path,))
