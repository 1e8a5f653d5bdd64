"""Profiles that a laboratory writes itself: checked fact by fact, written and read back, never slow, never a crash."""

import random
import re
import time

import pytest

from instruments.anatomy import Part, dissect
from instruments.conformance import faults_of, walk
from instruments.errors import ProfileWrong
from instruments.line_pattern import _walk, _Writer, read_pattern
from instruments.profile_text import write_row
from instruments.profiles import BUILT_IN, load_profile, parse_profile, profile_names, read_profile, read_row

LINE = {
    "protocol": "regex",
    "title": "moisture meter",
    "codec": {
        "pattern": r"(?P<status>ST|US) (?P<value>\d+\.\d+) (?P<unit>%)",
        "stable": ["ST"],
        "dynamic": ["US"],
    },
}
DIALOGUE = {
    "response": "ST 12.30 %\r\n",
    "expected": {"kind": "reading", "value": "12.30", "unit": "%", "stability": "stable"},
    "source": "the meter on bench 3",
}


@pytest.mark.parametrize("name", profile_names())
def test_a_profile_written_and_read_again_is_the_same(name):
    row = read_row((BUILT_IN / f"{name}.toml").read_text(encoding="utf-8"))
    assert read_row(write_row(row)) == row


@pytest.mark.parametrize(
    ("facts", "sentence"),
    [
        ({"protocol": "morse"}, "no protocol called"),
        ({"protocol": ["regex"]}, "no protocol called"),
        ({"colour": "red"}, "unknown colour"),
        ({"line": {"baud": "fast"}}, "baud must be one of"),
        ({"line": {"parity": "X"}}, "parity must be one of"),
        ({"line": {"stopbits": True}}, "stopbits must be one of"),
        ({"pause_ms": -1}, "pause_ms"),
        ({"settling": {"equal": 1}}, "equal"),
        ({"settling": {"seconds": float("nan")}}, "seconds"),
        ({"codec": {"pattern": 7}}, "pattern"),
        ({"codec": {"pattern": "(?P<value>1)", "terminator": ""}}, "terminator"),
        ({"codec": {"pattern": "(?P<value>1)", "commands": {"dance": "D"}}}, "unknown dance"),
        ({"codec": {"pattern": "(?P<value>1)", "deadline_s": float("inf")}}, "deadline_s"),
        ({"protocol": "Ohaus-print", "codec": {"columns": "ten"}}, "columns must be a whole number"),
        ({"protocol": "Ohaus-print", "codec": {"name": "other/1"}}, "unknown name"),
        ({"protocol": "XK3190-addressed", "codec": {"address": "é"}}, "address"),
        ({"protocol": "SCPI", "codec": {"query": "READ?\u20ac"}}, "query"),
        ({"protocol": "Modbus-RTU", "codec": {"registers": [{"name": "t", "address": "0"}]}}, "wrong kind"),
        ({"protocol": "Modbus-RTU", "codec": {"registers": [{"address": 0}]}}, "missing"),
        (
            {
                "protocol": "Modbus-RTU",
                "codec": {"registers": [{"name": "t", "address": 0, "scale": "1e999999"}]},
            },
            "scale",
        ),
        ({"dialogue": [{"response": "x", "expected": {}, "source": "s"}]}, "expected"),
        ({"dialogue": [{"response": "\u20ac", "expected": {"kind": "reading"}, "source": "s"}]}, "no byte"),
        ({"dialogue": [{"response": "x", "expected": {"kind": "reading"}, "source": " "}]}, "source"),
    ],
)
def test_a_wrong_fact_is_refused_with_its_name(facts, sentence):
    with pytest.raises(ProfileWrong, match=re.escape(sentence)):
        parse_profile("own", {**LINE, **facts})


def test_a_profile_that_is_no_toml_or_too_long_is_refused():
    for text in ("protocol = ", "a = " + "[" * 5000, "#" * 70_000):
        with pytest.raises(ProfileWrong):
            read_profile("own", text)


@pytest.mark.parametrize(
    ("pattern", "line"),
    [
        (r"(?P<value>\d*)\d*\d*\d*\d*\d*\d*x", "1" * 512),
        (r"(?:a|a)*(?P<value>\d)", "a" * 512),
        (r"(?:(?P<value>\d+)|x)*y", "1" * 512),
        (r"(?P<value>(?:\d|\d\d)*)x", "1" * 512),
        (r"(?P<value>1)(?:(?:(?:a{0}){60000}){60000}){60000}", "1" * 40),
    ],
)
def test_no_pattern_keeps_the_bench_waiting(pattern, line):
    """Python's own matcher does not come to an end with any of these in a working day."""
    read = read_pattern(pattern)
    began = time.perf_counter()
    assert read.spans(line) is None
    assert time.perf_counter() - began < 1.0


def test_the_bounded_matcher_finds_what_python_finds():
    """Random patterns and lines, whole match and every group."""
    dice, compared = random.Random(3), 0
    atoms = ["a", "b", r"\d", ".", "[ab]", "[^a]", r"\b", r"\w", "-"]
    repeated = ["a", r"\d", ".", "(?:a|ab)", "(?:1|a|b)"]
    while compared < 4000:
        parts = [
            dice.choice(atoms)
            if dice.random() < 0.5
            else dice.choice(repeated) + dice.choice(["*", "+", "?", "*?", "+?", "{1,3}", "{2}"])
            for _ in range(dice.randint(1, 5))
        ]
        cut = dice.randint(0, len(parts))
        text = f"(?P<value>{''.join(parts[:cut])}|{''.join(parts[cut:])})b?(x|{dice.choice(atoms)})?"
        known, steps = re.compile(text, re.ASCII), _Writer().program(re._parser.parse(text, re.ASCII))
        for _ in range(8):
            line = "".join(dice.choice("ab1-") for _ in range(dice.randint(0, 7)))
            found, marks = known.fullmatch(line), _walk(steps, line)
            assert (found is None) == (marks is None), (text, line)
            if found is not None:
                places = [marks.get(n, -1) for n in range(2, 2 * known.groups + 2)]
                assert places == [edge for n in range(1, known.groups + 1) for edge in found.span(n)], (
                    text,
                    line,
                )
            compared += 1


def test_a_profile_conforms_only_when_its_dialogues_give_just_what_they_say():
    assert faults_of(parse_profile("own", {**LINE, "dialogue": [DIALOGUE]})) == []
    assert "no dialogue" in faults_of(parse_profile("own", LINE))[0]
    wrong = {**DIALOGUE, "expected": {**DIALOGUE["expected"], "value": "12.3"}}
    (fault,) = faults_of(parse_profile("own", {**LINE, "dialogue": [DIALOGUE, wrong]}))
    assert "dialogue 2 (the meter on bench 3)" in fault
    silent = {
        **DIALOGUE,
        "expected": {"kind": "reading", "value": "12.30"},
    }  # says nothing of the unit that comes
    assert faults_of(parse_profile("own", {**LINE, "dialogue": [silent]})) != []
    two = {
        **DIALOGUE,
        "response": "ST 12.30 %\r\n??\r\n",
        "expected": [DIALOGUE["expected"], {"kind": "unparsed"}],
    }
    assert [one.conforms for one in walk(parse_profile("own", {**LINE, "dialogue": [two]}))] == [True]


def parts_of(profile, request, response):
    (frame,) = dissect(profile.codec, request, response)
    letters = {Part.VALUE: "V", Part.UNIT: "U", Part.STATUS: "S", Part.CHECK: "C", Part.MORE: "m"}
    return "".join(letters.get(one[0], ".") for one in frame.parts)


@pytest.mark.parametrize(
    ("name", "request_", "response", "parts"),
    [
        ("mtsics", b"S\r\n", b"S S     100.00 g\r\n", "S.S....VVVVVVV.U.."),
        ("xk3190-tf0", b"", b"\x02+001245118\x03", ".VVVVVVVVCC."),
        ("modbus-two-rooms", bytes.fromhex("01040000000131ca"), bytes.fromhex("01040200d7f96e"), "...VVCC"),
        ("ph-line", b"", b"2026-11-22 12:00:03  pH 7.01  25.0 C\r\n", "m" * 19 + "..UU.VVVV..mmmm.m.."),
    ],
)
def test_each_byte_shows_what_it_decides(name, request_, response, parts):
    assert parts_of(load_profile(name), request_, response) == parts


def test_bytes_between_frames_and_a_frame_that_has_not_ended_are_shown_as_such():
    codec = load_profile("xk3190-tf0").codec
    shown = dissect(codec, b"", b"??\x02+001245118\x03\x02+0012")
    assert [(d.start, d.verdict.value, d.event.kind.value) for d in shown] == [
        (0, "noise", "unparsed"),
        (2, "whole", "reading"),
        (14, "cut_off", "timeout"),
    ]
    assert b"".join(d.raw for d in shown) == b"??\x02+001245118\x03\x02+0012"
