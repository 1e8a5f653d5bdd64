"""The simulated balance behaves like one: it settles, waits for stability, tares, overloads."""

from decimal import Decimal

from instruments.mtsics_simulator import MtSicsBalance
from instruments.simulator import Physics


def balance(**named) -> MtSicsBalance:
    return MtSicsBalance(Physics(settle_s=0.1, **named), stable_timeout_s=3.0)


def test_a_load_is_dynamic_first_and_then_exactly_itself():
    device = balance()
    device.physics.put(Decimal("28.4517"), 0.0)
    assert device.receive(b"SI\r\n", 0.05).startswith(b"S D ")
    assert device.receive(b"SI\r\n", 3.0) == b"S S    28.4517 g\r\n"


def test_s_waits_for_stability_and_gives_up_after_its_time():
    device = balance()
    device.physics.put(Decimal("5"), 0.0)
    assert device.receive(b"S\r\n", 0.01) == b""
    assert device.tick(2.0) == b"S S     5.0000 g\r\n"
    device.physics.disturb(60, 2.0)
    assert device.receive(b"S\r\n", 2.0) == b""
    assert device.tick(5.1) == b"S I\r\n"


def test_tare_shows_zero_net_and_zero_is_refused_far_from_zero():
    device = balance()
    device.physics.put(Decimal("52.1873"), 0.0)
    assert device.receive(b"T\r\n", 9.0) == b"T S    52.1873 g\r\n"
    assert device.receive(b"SI\r\n", 9.0) == b"S S     0.0000 g\r\n"
    assert device.receive(b"TA\r\n", 9.0) == b"TA A    52.1873 g\r\n"
    assert device.receive(b"Z\r\n", 9.0) == b"Z +\r\n"
    assert device.receive(b"TAC\r\nTA 900 g\r\nTA x\r\n", 9.0) == b"TAC A\r\nTA L\r\nTA L\r\n"


def test_overload_and_underload_are_no_weights():
    device = balance()
    device.physics.put(Decimal(500), 0.0)
    assert device.receive(b"SI\r\nS\r\n", 9.0) == b"S +\r\nS +\r\n"
    device.physics.put(Decimal(-50), 9.0)
    assert device.receive(b"SI\r\n", 20.0) == b"S -\r\n"


def test_sir_streams_until_another_command_and_sr_sends_on_change():
    device = balance()
    assert device.receive(b"SIR\r\n", 9.0) == b"S S     0.0000 g\r\n"
    assert device.tick(9.1) == b"S S     0.0000 g\r\n"
    assert device.receive(b"SI\r\n", 9.2) == b"S S     0.0000 g\r\n"
    assert device.tick(9.5) == b""
    assert device.receive(b"SR\r\n", 10.0) == b"S S     0.0000 g\r\n"
    device.physics.put(Decimal(7), 10.0)
    assert device.tick(10.05) == b""
    assert device.tick(13.0) == b"S S     7.0000 g\r\n"
    assert device.tick(13.1) == b""


def test_what_it_does_not_know_is_es_and_a_command_may_come_in_pieces():
    device = balance()
    assert device.receive(b"X", 0.0) == b""
    assert device.receive(b"Y\r\n@\r\n", 0.0) == b'ES\r\nI4 A "B123456789"\r\n'
