"""What a technician types, and what comes back."""

import io
import json
from pathlib import Path

import pytest

from instruments.cli import main
from instruments.errors import ProfileWrong, SettingsWrong
from instruments.profiles import load_profile
from instruments.settings import load_settings
from tests.instruments.test_codecs import OTHER_MODEL, PROFILE_OF, SHARED, says_published
from tests.instruments.wiring import Terminal

DEPLOYED = Path(__file__).parents[2] / "deploy/gateway.toml"


def test_decode_prints_one_event_a_line_and_names_lines_it_cannot_read(monkeypatch, capsys):
    lines = "530d0a\t532053202020202031 30302e303020670d0a\n\nnonsense\n53490d0a\t53202b0d0a45530d0a\n530d0a\t5320\n"
    monkeypatch.setattr("sys.stdin", io.StringIO(lines))
    assert main(["decode", "mtsics"]) == 1
    printed = capsys.readouterr()
    events = [json.loads(line) for line in printed.out.splitlines()]
    assert [e["kind"] for e in events] == ["reading", "overload", "error", "timeout"]
    assert events[0] == {"kind": "reading", "value": "100.00", "unit": "g", "stability": "stable"}
    assert "line 3" in printed.err


@pytest.mark.skipif(not SHARED.is_file(), reason="no shared vectors")
def test_decode_reads_every_shared_vector_as_published(monkeypatch, capsys):
    vectors = json.loads(SHARED.read_text(encoding="utf-8"))["vectors"]
    assert {vector["protocol"] for vector in vectors} <= set(PROFILE_OF)
    for vector in vectors:
        line = f"{vector['request_hex']}\t{vector['response_hex']}\n"
        monkeypatch.setattr("sys.stdin", io.StringIO(line))
        assert main(["decode", OTHER_MODEL.get(vector["id"], PROFILE_OF[vector["protocol"]])]) == 0
        said = [json.loads(printed) for printed in capsys.readouterr().out.splitlines()]
        assert says_published(said, vector["expected"]), (vector["id"], said)


def test_an_answer_in_two_steps_is_shown_with_both_and_another_by_its_first_frame(capsys):
    with Terminal(lambda _: b"S A\r\nS     -      8.5 g  \r\nS A\r\n") as scale:
        assert main(["ask", scale.name, "radwag", "S"]) == 0
    assert [line.split("\t")[0] for line in capsys.readouterr().out.splitlines()] == [
        r"S A\r\n",
        r"S     -      8.5 g  \r\n",
    ]
    with Terminal(lambda _: b"Z A\r\nS S     100.00 g\r\n") as balance:
        assert main(["ask", balance.name, "mtsics", "Z"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 1


def test_an_unknown_profile_is_answered_with_the_known_ones(capsys):
    assert main(["decode", "sartorius"]) == 1
    assert "profile_wrong" in (said := capsys.readouterr().err)
    assert "mtsics" in said


def test_the_configuration_we_deliver_is_valid():
    settings = load_settings(DEPLOYED)
    assert [device.key for device in settings.devices] == ["balance-1", "ph-meter"]
    assert settings.devices[0].line.baud == 9600


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[gateway", "Expected"),
        ('[gateway]\nport = "x"', "unknown port"),
        ('[[device]]\nkey = "a"', "port is missing"),
        ('[[device]]\nkey = "a"\nport = "p"\nprofile = "nix"', "no profile called 'nix'"),
        ('[[device]]\nkey = "a"\nport = "p"\nprofile = "mtsics"\nlive = "often"', "often"),
        ('[[device]]\nkey = "a"\nport = "p"\nprofile = "mtsics"\nlive_interval_ms = 1', "from 50 to"),
        ('[[device]]\nkey = "a"\nport = "p"\nprofile = "mtsics"\nhandshake = "dtr"', "device 1: .*handshake"),
        ("[gateway]\nname = 3", "text in quotes"),
        ('[[device]]\nkey = "a"\nport = "p"\nprofile = "mtsics"\n' * 2, "same key"),
        ("device = 3", r"one .*table"),
    ],
)
def test_a_wrong_configuration_is_refused_with_the_place_and_the_reason(tmp_path, text, sentence):
    path = tmp_path / "gateway.toml"
    path.write_text(text)
    with pytest.raises((SettingsWrong, ProfileWrong), match=sentence):
        load_settings(path)


@pytest.mark.parametrize(
    "text", ['protocol = "morse"', "[codec]", 'protocol = "regex"\n[codec]\npattern = "("', "="]
)
def test_a_wrong_profile_is_refused_with_its_file(tmp_path, text):
    (tmp_path / "odd.toml").write_text(text)
    with pytest.raises(ProfileWrong, match=r"odd\.toml"):
        load_profile("odd", (tmp_path,))


def test_the_spool_command_without_a_spool_says_so(tmp_path, capsys):
    (tmp_path / "gateway.toml").write_text("[gateway]\n")
    assert main(["spool", str(tmp_path / "gateway.toml")]) == 1
    assert "no spool" in capsys.readouterr().err


def test_tell_without_a_simulator_says_so(tmp_path, capsys):
    assert main(["tell", str(tmp_path / "nobody"), "state"]) == 1
    assert "no simulator" in capsys.readouterr().err
