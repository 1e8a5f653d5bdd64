"""A gateway keeps profiles that the server gives: checked, on the disk, used at once and without the server."""

import base64
import hashlib
import socket
import threading
from importlib.resources import files

import pytest

from instruments.errors import ProfileWrong
from instruments.gateway import Gateway
from instruments.keys import save_identity
from instruments.profile_store import ProfileStore
from instruments.profile_text import write_row
from instruments.settings import load_settings
from instruments.wire import Server, enrol
from tests.instruments.making import wait_for
from tests.instruments.receiving import Receiving

LINE = b"ST 12.30 %\r\n"


def profile_of(version=1, unit="%", expected_unit=None):
    row = {
        "title": "moisture meter",
        "protocol": "regex",
        "version": version,
        "codec": {"pattern": r"ST (?P<value>\d+\.\d+) %", "unit": unit},
        "dialogue": [
            {
                "response": LINE.decode(),
                "expected": {"kind": "reading", "value": "12.30", "unit": expected_unit or unit},
                "source": "bench 3",
            }
        ],
    }
    return write_row(row)


def offer_of(text, key="moisture", version=1, **changed):
    digest = hashlib.sha256(text.encode()).hexdigest()
    return {"key": key, "version": version, "sha256": digest, "text": text, **changed}


@pytest.mark.parametrize(
    "offer",
    [
        offer_of(profile_of(), key="../evil"),
        offer_of(profile_of(), key="mtsics"),
        offer_of(profile_of(), sha256="0" * 64),
        offer_of(profile_of(), version=2),
        offer_of(profile_of(expected_unit="g")),
        offer_of("protocol = "),
        offer_of(profile_of(), key=7),
        {"key": "moisture"},
        "moisture",
    ],
)
def test_an_offer_that_is_not_what_it_should_be_changes_nothing(tmp_path, offer):
    changed = []
    store = ProfileStore(tmp_path / "profiles", changed.extend)
    assert store.take([offer]) is False
    assert not store.take("all of them")
    assert (changed, list(tmp_path.rglob("*.toml"))) == ([], [])


def test_what_is_taken_lies_on_the_disk_and_is_reported_once(tmp_path):
    changed = []
    store = ProfileStore(tmp_path, changed.extend)
    text = profile_of()
    assert store.take([offer_of(text)])
    assert not store.take([offer_of(text)])
    again = ProfileStore(tmp_path, changed.extend)
    assert again.report() == {"held": {"moisture": offer_of(text)["sha256"]}, "refused": {}}
    assert changed == ["moisture"]
    bad = profile_of(version=2, expected_unit="g")
    assert not again.take([offer_of(bad, version=2)])
    assert "does not give what it says" in again.report()["refused"]["moisture"]
    assert (tmp_path / "moisture.toml").read_text() == text  # the one that works stays


def settings_with(tmp_path, port, server=""):
    config = tmp_path / "gateway.toml"
    named = f'server = "{server}"\n' if server else ""
    config.write_text(
        f'[gateway]\nname = "b"\nfolder = "state"\n{named}'
        f'[[device]]\nkey = "meter"\nport = "{port}"\nprofile = "moisture"\nlive = "off"\n'
    )
    return load_settings(config)


def test_a_device_without_its_profile_waits_only_where_a_server_can_give_it(tmp_path):
    with pytest.raises(ProfileWrong, match="moisture"):
        settings_with(tmp_path, "socket://127.0.0.1:1")
    settings = settings_with(tmp_path, "socket://127.0.0.1:1", "http://127.0.0.1:1")
    assert (settings.devices, [row.profile for row in settings.waiting]) == ((), ["moisture"])


def test_a_waiting_device_begins_when_its_profile_comes_and_begins_anew_when_it_changes(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as listener, Receiving() as server:
        listener.settimeout(10)
        port = f"socket://127.0.0.1:{listener.getsockname()[1]}"
        settings = settings_with(tmp_path, port, server.address)
        settings.folder.mkdir()
        wire = Server(server.address)
        identity = enrol(wire, code="K7QM-2FZD", name="b", host="h", software="s")
        wire.close()
        save_identity(settings.identity_path, identity)
        gateway = Gateway(settings)
        thread = threading.Thread(target=gateway.run)
        thread.start()
        try:
            wait_for(lambda: server.live and server.live[-1]["devices"][0]["state"] == "waits_for_profile")
            for version, unit in ((1, "%"), (2, "g/100 g")):
                server.profiles = [offer_of(profile_of(version, unit), version=version)]
                gateway._delivery.live._profiles_due = 0.0  # not ten seconds
                device, _ = listener.accept()
                with device:
                    device.sendall(LINE)
                    wait_for(lambda n=version: len(server.all_captures()) == n)
            first, second = server.all_captures()
        finally:
            gateway.stop()
            thread.join(timeout=10)
    assert [one["profile"] for one in (first, second)] == ["moisture/1", "moisture/2"]
    assert [one["event"]["unit"] for one in (first, second)] == ["%", "g/100 g"]
    assert base64.b64decode(first["raw"]) == LINE
    alone = settings_with(tmp_path, port)  # without a word from the server
    assert [row.profile.stated for row in alone.devices] == ["moisture/2"]


def test_an_analyser_takes_orders_by_a_profile_that_came_later(tmp_path):
    settings = settings_with(tmp_path, "socket://127.0.0.1:1", "http://127.0.0.1:1")
    gateway = Gateway(settings)
    text = files("instruments").joinpath("profile_rows", "astm-worklist.toml").read_text()
    settings.profiles_path.mkdir(parents=True)
    (settings.profiles_path / "moisture.toml").write_text(text)
    gateway.profiles_changed(["moisture"])
    gateway._turn()
    can = gateway.devices["meter"].can
    gateway._shut()
    assert "orders" in can
