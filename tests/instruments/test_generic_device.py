"""A printer line behind a device server: read without being asked, kept whether understood or not."""

import base64
import json
import socket
import urllib.request

import pytest

from instruments.status import StatusPage
from tests.instruments.making import wait_for
from tests.instruments.receiving import Receiving
from tests.instruments.test_end_to_end import Bench

LINE = b"2026-11-22 12:00:03  pH 7.01  25.0 C\r\n"


@pytest.fixture
def listener():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(10)
        yield listener


@pytest.fixture
def bench(tmp_path, listener):
    address = f"socket://127.0.0.1:{listener.getsockname()[1]}"
    with Receiving() as server:
        bench = Bench(tmp_path, server, key="ph", profile="ph-line", port=address, serial="", live="off")
        bench.enrol()
        bench.gateway()
        yield bench
        bench.stop()


def test_lines_sent_at_once_split_and_not_understood_all_become_captures(bench, listener):
    device, _ = listener.accept()
    with device:
        device.sendall(LINE + LINE[:9])  # data sent at the moment of connecting is not thrown away
        wait_for(lambda: len(bench.server.all_captures()) == 1)
        device.sendall(LINE[9:] + b"pH ----\r\n")
        captures = wait_for(lambda: len(bench.server.all_captures()) == 3 and bench.server.all_captures())
        listener.close()  # else the gateway finds the port again before anybody looks
    assert [base64.b64decode(c["raw"]) for c in captures] == [LINE, LINE, b"pH ----\r\n"]
    assert [c["event"]["kind"] for c in captures] == ["reading", "reading", "unparsed"]
    assert captures[0]["event"]["extra"] == {"temperature": ["25.0", "C"]}
    wait_for(lambda: bench.state() == "unplugged")


def test_half_a_line_is_kept_when_the_line_breaks_and_the_device_is_found_again(bench, listener):
    device, _ = listener.accept()
    device.sendall(LINE[:20])
    device.close()
    (capture,) = wait_for(bench.server.all_captures)
    assert (base64.b64decode(capture["raw"]), capture["event"]["code"]) == (LINE[:20], "cut_off")
    device, _ = listener.accept()
    with device:
        device.sendall(LINE)
        wait_for(lambda: len(bench.server.all_captures()) == 2)


def test_a_line_at_the_wrong_speed_is_suspect_and_its_noise_is_sampled(bench, listener):
    device, _ = listener.accept()
    with device:
        for _ in range(40):
            device.sendall(bytes(range(160, 255)) + b"\r\n")
        wait_for(lambda: bench.state() == "suspect_line_settings")
        wait_for(lambda: bench.device()["unparsed"] == 40)
        assert 1 <= len(bench.server.all_captures()) < 10
        device.sendall(LINE)
        wait_for(lambda: bench.state() == "connected")


def test_a_verb_the_device_does_not_have_is_refused(bench, listener):
    device, _ = listener.accept()
    with device:
        wait_for(lambda: bench.state() == "connected")
        bench.server.commands.append({"id": "r", "device": "ph", "verb": "take"})
        (result,) = wait_for(lambda: bench.server.results)
    assert (result["outcome"], result["code"]) == ("refused", "no_such_command")


def test_the_status_page_escapes_what_devices_say():
    status = {"name": "<b>", "spool": {}, "devices": []}
    page = StatusPage(0, lambda: status)
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{page.port}/") as answer:
            assert b"<b>" not in answer.read()
        with urllib.request.urlopen(f"http://127.0.0.1:{page.port}/status.json") as answer:
            assert json.load(answer) == status
    finally:
        page.close()
