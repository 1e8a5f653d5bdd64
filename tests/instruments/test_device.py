"""Which frame is whose: print key against live view, stream against take, one device against its next command."""

import socket
import time

import pytest

from instruments.astm_frames import wrap
from instruments.captures import Trigger, number
from instruments.clock import SystemClock
from instruments.codec import Verb
from instruments.device import Device
from instruments.dialogue import Order
from instruments.modbus_framing import crc16
from instruments.profiles import load_profile
from instruments.readings import Kind
from instruments.settings import DeviceSettings, KeepLive, Live


class Shelf:
    """Keeps drafts; stores them when the test says so, as the gateway's group commit does."""

    def __init__(self):
        self.drafts, self.waiting, self.results = [], [], []

    def keep(self, draft, then, urgent):
        self.drafts.append(draft)
        self.waiting.append((draft, then))

    def report(self, result):
        self.results.append(result)

    def commit(self):
        waiting, self.waiting = self.waiting, []
        for draft, then in waiting:
            then(number(draft, 1, "0" * 64))

    def kept(self):
        return [(d.trigger, d.raw) for d in self.drafts]


class Rig:
    """A device on a socket, driven turn by turn on a clock of the test's own."""

    def __init__(self, listener, profile="mtsics", **named):
        address = f"socket://127.0.0.1:{listener.getsockname()[1]}"
        profile = load_profile(profile)
        self.shelf, self.now = Shelf(), 0.0
        settings = DeviceSettings("balance-1", address, profile, profile.line, **named)
        self.device = Device(settings, SystemClock(), self.shelf, "boot")
        self.device.open(0.0)
        self._listener = listener
        self.far, _ = listener.accept()
        self.far.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # each frame at once, as on a line
        if self.device.link.connecting:
            self.device.writable(0.0)

    def turn(self, later_s: float) -> bytes:
        """Let time pass and give what the device was sent meanwhile."""
        self.now += later_s
        self.device.tick(self.now)
        self.far.setblocking(False)
        try:
            return self.far.recv(4096)
        except BlockingIOError:
            return b""

    def say(self, *lines: bytes) -> None:
        self.send(b"".join(line + b"\r\n" for line in lines))

    def send(self, wire: bytes) -> None:
        self.far.setblocking(True)
        self.far.sendall(wire)
        time.sleep(0.01)
        self.device.readable(self.now)

    def reopen(self) -> None:
        self.device.open(self.now)
        self.far, _ = self._listener.accept()
        if self.device.link.connecting:
            self.device.writable(self.now)

    def introduce(self) -> None:
        assert self.turn(1.0) == b"I4\r\n"
        self.say(b'I4 A "B1"')

    def close(self) -> None:
        self.device.shut(self.now)
        self.far.close()


@pytest.fixture
def rig():
    made = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def make(**named):
            made.append(Rig(listener, **named))
            if "profile" not in named:  # other devices do not say who they are
                made[-1].introduce()
            return made[-1]

        yield make
        for one in made:
            one.close()


A, B, MOVING = b"S S     100.00 g", b"S S     100.01 g", b"S D     100.00 g"


def test_live_figures_leave_no_capture_and_the_print_key_leaves_one(rig):
    bench = rig()
    assert bench.turn(0.2) == b"SI\r\n"
    bench.say(A)
    assert bench.shelf.kept() == []
    assert bench.turn(0.2) == b"SI\r\n"
    bench.say(A, A)  # one question, two equal answers: one of them is the key's
    assert bench.shelf.kept() == [(Trigger.UNSOLICITED, A + b"\r\n")]


def test_a_print_line_that_met_a_question_is_not_lost(rig):
    bench = rig()
    bench.turn(0.2)
    bench.say(A, MOVING)  # the key's line came first and was taken for the answer
    assert bench.shelf.kept() == [(Trigger.UNSOLICITED, A + b"\r\n")]
    bench.shelf.commit()
    bench.turn(0.2)
    bench.say(A, B)  # both stable and different: nobody can know, so both stay
    assert bench.shelf.kept()[1:] == [(Trigger.UNSOLICITED, A + b"\r\n"), (Trigger.UNSOLICITED, B + b"\r\n")]


def test_no_command_goes_out_while_a_frame_is_not_on_the_disk(rig):
    bench = rig()
    bench.device.want(Order(Verb.TAKE, "r1"))
    assert bench.turn(0.0) == b"S\r\n"
    bench.say(A)
    assert bench.turn(1.0) == b""
    assert bench.shelf.results == []
    bench.shelf.commit()
    assert bench.turn(0.0) == b"SI\r\n"
    assert [(r.id, r.outcome) for r in bench.shelf.results] == [("r1", "done")]


def test_a_switched_off_balance_ends_the_take_it_forgot(rig):
    bench = rig(live=Live.OFF)
    bench.device.want(Order(Verb.TAKE, "r1"))
    bench.turn(0.0)
    bench.say(b'I4 A "B1"')
    (draft,) = bench.shelf.drafts
    assert (draft.event.code, draft.request_id, draft.raw) == ("device_restarted", "r1", b"")


def test_a_stream_is_live_only_and_a_take_from_it_gets_the_answer_not_the_stream(rig):
    bench = rig(live=Live.STREAM)
    assert bench.turn(0.0) == b"SIR\r\n"
    bench.say(A, A, MOVING)
    assert bench.shelf.kept() == []
    bench.device.want(Order(Verb.TAKE, "r1"))
    assert bench.turn(0.1) == b"SI\r\n"
    bench.say(A, A)
    assert bench.turn(1.0) == b"S\r\n"
    bench.say(B)
    taken = [d for d in bench.shelf.drafts if d.request_id == "r1"]
    assert [d.raw for d in taken] == [B + b"\r\n"]


def test_an_analyser_gets_its_ack_when_the_frame_is_on_the_disk_and_not_before(rig):
    bench = rig(profile="astm-e1381")
    bench.send(b"\x05")
    assert bench.turn(0.1) == b"\x06"
    good = wrap(1, b"R|1|^^^pH|7.01|||||F\r", last=True)
    bench.send(good)
    assert bench.turn(1.0) == b""
    bench.shelf.commit()
    assert bench.turn(0.0) == b"\x06"
    bench.send(good)  # it did not hear the ACK
    assert bench.turn(0.1) == b"\x06"
    bench.send(good.replace(b"7.01", b"9.01"))
    bench.shelf.commit()
    assert bench.turn(0.1) == b"\x15"
    assert [(d.event.kind, d.event.value) for d in bench.shelf.drafts] == [
        (Kind.RESULT, "7.01"),
        (Kind.BAD_CHECKSUM, None),
    ]


def test_an_acknowledgement_does_not_outlive_the_line_it_belongs_to(rig):
    bench = rig(profile="astm-e1381")
    bench.send(b"\x05")
    bench.turn(0.1)
    bench.send(wrap(1, b"L|1|N\r", last=True))
    bench.far.close()
    bench.device.readable(bench.now)
    bench.reopen()
    bench.shelf.commit()
    assert bench.turn(0.1) == b""


def test_the_repeat_of_a_frame_that_waits_for_the_disk_is_not_acknowledged_before_it(rig):
    bench = rig(profile="astm-e1381")
    bench.send(b"\x05")
    bench.turn(0.1)
    good = wrap(1, b"R|1|^^^pH|7.01|||||F\r", last=True)
    bench.send(good)
    bench.send(good)  # an analyser in a hurry
    assert bench.turn(1.0) == b""
    bench.shelf.commit()
    assert (bench.turn(0.0), len(bench.shelf.drafts)) == (b"\x06", 1)
    bench.send(good)
    assert bench.turn(0.1) == b"\x06"


def test_a_full_disk_leaves_results_in_the_analyser_which_gets_no_acknowledgement_late(rig):
    bench = rig(profile="astm-e1381")
    bench.send(b"\x05")
    bench.turn(0.1)
    first = wrap(1, b"R|1|^^^pH|7.01|||||F\r", last=True)
    bench.send(first)
    bench.device.storing(False)  # the commit failed
    assert bench.turn(1.0) == b""
    for frame in (first, wrap(2, b"L|1|N\r", last=True)):
        bench.send(frame)
        assert bench.turn(0.1) == b"\x15"
    bench.send(b"\x04")  # it gives up
    bench.send(b"\x05")
    assert bench.turn(10.0) == b"\x15"  # busy
    bench.device.storing(True)
    bench.shelf.commit()
    assert bench.turn(0.1) == b""  # an ACK now would be taken for the answer to a call
    bench.send(b"\x05")
    assert bench.turn(10.0) == b"\x06"
    bench.send(first)
    bench.shelf.commit()
    assert bench.turn(0.1) == b"\x06"


def test_each_error_that_a_meter_remembers_is_a_capture_of_its_own(rig):
    bench = rig(profile="scpi-34401a", live=Live.OFF)
    assert bench.turn(1.0) == b"SYST:REM\n*IDN?\n"
    bench.say(b"HEWLETT-PACKARD,34401A,0,11-5-2")
    bench.device.want(Order(Verb.TAKE, "r1"))
    assert bench.turn(0.0) == b"READ?\n"
    bench.say(b"+9.90000000E+37")
    for line in (b'-222,"Data out of range"', b'-221,"Settings conflict"', b'+0,"No error"'):
        assert bench.turn(0.1) == b""  # what came before is not on the disk
        bench.shelf.commit()
        assert bench.turn(0.1) == b"SYST:ERR?\n"
        bench.say(line)
    bench.shelf.commit()
    assert bench.turn(1.0) == b""
    assert [(d.trigger, d.event.kind, d.event.code, d.request_id) for d in bench.shelf.drafts] == [
        (Trigger.TAKE, Kind.OVERLOAD, "+9.90000000E+37", "r1"),
        (Trigger.ASKED, Kind.ERROR, "-222", None),
        (Trigger.ASKED, Kind.ERROR, "-221", None),
    ]


def test_registers_are_read_beside_the_question_that_asked_for_them(rig):
    bench = rig(profile="modbus-two-rooms", keep_live=KeepLive.ALL)
    answers = {1: "01040200d7", 2: "020402ffd8"}
    for slave in (1, 2):
        asked = bench.turn(1.0)
        assert asked[0] == slave
        answer = bytes.fromhex(answers[slave])
        bench.send(answer + crc16(answer))
        bench.shelf.commit()
    assert [d.event.value for d in bench.shelf.drafts] == ["21.5", "-4.0"]
    assert [d.event.unit for d in bench.shelf.drafts] == ["°C", "°C"]


def test_a_weighbridge_is_looked_at_without_a_trace_and_taken_when_equal_figures_say_that_it_settled(rig):
    bench = rig(profile="xk3190-tf0")
    still = b"\x02+001245118\x03"
    for _ in range(10):
        bench.send(still)
        bench.turn(0.2)
    assert bench.shelf.drafts == []
    assert bench.device.view().event.is_stable
    bench.send(b"\x02-00123421B\x03")
    bench.device.want(Order(Verb.TAKE, "r1"))
    bench.turn(0.2)
    for _ in range(10):
        bench.send(still)
        bench.turn(0.2)
    (draft,) = [d for d in bench.shelf.drafts if d.trigger is Trigger.TAKE]
    assert (draft.event.value, draft.event.more["stability_inferred"]) == ("124.5", True)
    bench.shelf.commit()
    assert [(r.id, r.outcome) for r in bench.shelf.results] == [("r1", "done")]
