"""What is wrong with a profile is said in the language of the page, and names what it concerns."""

import ast
from pathlib import Path

import pytest
from flask_babel import force_locale

import instruments
from instruments.errors import ProfileWrong
from instruments.profiles import parse_profile, read_row
from lims.app import create_app
from lims.equipment.profile_faults import _WHY, profile_wrong
from tests.support.backends import settings_for

BALANCE = {"protocol": "MT-SICS"}
DIALOGUE = {"request": "S", "response": "S I", "expected": {"kind": "status"}, "source": "manual"}
METER = {"key": "volts", "send": ["CONF"], "confirms": "VOLT"}


@pytest.fixture(scope="module")
def chinese(tmp_path_factory):
    """No laboratory behind it."""
    data = tmp_path_factory.mktemp("none")
    app = create_app(settings_for(f"sqlite:///{data / 'none.sqlite'}", data), TESTING=True)
    with app.test_request_context(), force_locale("zh_CN"):
        yield


def reasons() -> set[str]:
    """Second arguments of every ProfileWrong; of one that is put together, each ending."""
    found = set()
    for path in Path(instruments.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "ProfileWrong":
                found |= {said.value for said in node.args[1:2] if isinstance(said, ast.Constant)}
    return found | {f"fact_{kind}" for kind in ("bool", "int", "float", "text")}


def test_every_reason_has_a_sentence_of_ours_and_no_sentence_is_without_one():
    assert reasons() | {"value_kind"} == set(_WHY)


@pytest.mark.parametrize(
    ("row", "named"),
    [
        ({**BALANCE, "codec": {"echoes_si": 1}}, "echoes_si"),
        ({**BALANCE, "codec": {"stable_timeout_s": "long"}}, "stable_timeout_s"),
        ({**BALANCE, "codec": {"stable_timeout_s": 10_000}}, "600"),
        ({**BALANCE, "codec": {"speed": 1}}, "speed"),
        ({**BALANCE, "line": {"baud": 9601}}, "baud"),
        ({**BALANCE, "line": 5}, "line"),
        ({**BALANCE, "title": "x" * 300}, "title"),
        ({**BALANCE, "title": "\0"}, "title"),
        ({**BALANCE, "controls": "µ€"}, "controls"),
        ({**BALANCE, "pause_ms": -1}, "pause_ms"),
        ({**BALANCE, "dialogue": {}}, "dialogue"),
        ({**BALANCE, "dialogue": [{**DIALOGUE, "source": " "}]}, "[[dialogue]] 1"),
        ({**BALANCE, "dialogue": [{**DIALOGUE, "expected": 1}]}, "[[dialogue]] 1"),
        ({"protocol": "morse"}, "morse"),
        ({"protocol": "regex", "codec": {"pattern": "(?P<value>x)", "decimal": ";"}}, "decimal"),
        ({"protocol": "regex", "codec": {"pattern": "(?P<value>x)", "terminator": ""}}, "ASCII"),
        ({"protocol": "regex", "codec": {"pattern": "(?P<value>" + 6 * "[0-9]{0,400}" + ")"}}, "宽"),
        ({"protocol": "SCPI", "codec": {"setups": [METER, METER]}}, "两个"),
        ({"protocol": "SCPI", "codec": {"setups": [{**METER, "send": ["READ?"]}]}}, "READ?"),
        ({"protocol": "SCPI", "codec": {"setups": [{**METER, "send": []}]}}, "[[codec.setups]] 1"),
        ({"protocol": "Modbus-RTU", "codec": {"registers": [{"name": "t"}]}}, "address"),
        ({"protocol": "Modbus-RTU", "codec": {"registers": [{"name": "t", "address": "1"}]}}, "address"),
        ({"protocol": "Modbus-RTU", "codec": {"registers": [{"name": "t", "address": -1}]}}, "address -1"),
        ({"protocol": "ASTM-E1381", "codec": {"encoding": "utf-16"}}, "utf-16"),
        ({"protocol": "ASTM-E1381", "codec": {"orders": "never"}}, "orders"),
    ],
)
def test_a_fault_is_said_in_chinese_and_names_the_fact(chinese, row, named):
    with pytest.raises(ProfileWrong) as fault:
        parse_profile("x", row)
    assert fault.value.reason in _WHY
    (sentence,) = next(iter(profile_wrong(fault.value).fields.values()))
    assert named in sentence
    assert any("\u4e00" <= character <= "\u9fff" for character in sentence)
    assert "must" not in sentence


def test_what_is_no_toml_is_said_with_its_place(chinese):
    with pytest.raises(ProfileWrong) as fault:
        read_row("title = 'x'\nprotocol = =")
    (sentence,) = profile_wrong(fault.value, "file").fields["file"]
    assert "TOML" in sentence
    assert "line 2" in sentence
