"""Every recorded dialogue reads as its source says: whole, split at every byte, glued to its neighbours."""

import json
from pathlib import Path

import pytest

from instruments.codec import Verb
from instruments.decode import decode
from instruments.errors import ProfileWrong
from instruments.frames import LONGEST_FRAME, LineFramer, Verdict
from instruments.generic_line import compile_line
from instruments.mtsics import MtSics
from instruments.profiles import load_profile, profile_names
from instruments.readings import Event, Kind
from tests.instruments.making import NOON, frame

SHARED = Path(__file__).parents[3] / "shared/data/instrument_vectors.json"
PROFILE_OF = {"MT-SICS": "mtsics", "regex": "ph-line"}
RECORDED = [
    pytest.param(load_profile(name), row, id=f"{name}-{place}")
    for name in profile_names()
    for place, row in enumerate(load_profile(name).dialogues)
]


def shared_vectors():
    if not SHARED.is_file():
        return [pytest.param(None, marks=pytest.mark.skip(reason=f"no shared vectors at {SHARED.name}"))]
    vectors = json.loads(SHARED.read_text(encoding="utf-8"))["vectors"]
    return [pytest.param(v, id=v["id"]) for v in vectors if v["protocol"] in PROFILE_OF]


def says(event: Event, expected) -> bool:
    said = event.as_json()
    return all(said.get(name) == value for name, value in expected.items())


@pytest.mark.parametrize("vector", shared_vectors())
def test_the_shared_vectors_read_as_published(vector):
    key = "mtsics-echo-si" if "quirk" in vector["expected"] else PROFILE_OF[vector["protocol"]]
    response, request = bytes.fromhex(vector["response_hex"]), bytes.fromhex(vector["request_hex"])
    (event,) = decode(load_profile(key).codec, request, response)
    assert says(event, vector["expected"]), event


def test_a_quirk_is_accepted_only_from_the_model_that_has_it():
    (event,) = decode(load_profile("mtsics").codec, b"SI\r\n", b"SI S   100.0000 g\r\n")
    assert event.kind is Kind.UNPARSED


@pytest.mark.parametrize(("profile", "row"), RECORDED)
def test_recorded_dialogues_read_the_same_split_at_every_byte(profile, row):
    for cut in range(len(row.response) + 1):
        framer = profile.codec.framer()
        frames = framer.feed(row.response[:cut], NOON) + framer.feed(row.response[cut:], NOON)
        assert b"".join(f.raw for f in frames) == row.response
        (event,) = (profile.codec.read(f) for f in frames)
        assert says(event, row.expected), (cut, event)


@pytest.mark.parametrize("name", profile_names())
def test_recorded_dialogues_read_the_same_glued_together_and_byte_by_byte(name):
    profile = load_profile(name)
    stream = b"".join(row.response for row in profile.dialogues)
    for chunks in ([stream], [stream[i : i + 1] for i in range(len(stream))]):
        framer = profile.codec.framer()
        events = [profile.codec.read(f) for chunk in chunks for f in framer.feed(chunk, NOON)]
        assert len(events) == len(profile.dialogues)
        assert all(says(e, r.expected) for e, r in zip(events, profile.dialogues, strict=True))


@pytest.mark.parametrize(
    "line",
    [
        b"S S    100.00 g\r\n",  # a column is lost: it could be 10.00 or 1100.00
        b"S S     100.00 g \r\n",
        b"S  S     100.00 g\r\n",
        b"S S     100.0O g\r\n",
        b"S S        NaN g\r\n",
        b"S S   -  100.0 g\r\n",
        b"S S     100.00 g\n",
        b"S A     100.00 g\r\n",
        b"T D    52.1873 g\r\n",
        b"S S\r\n",
        b"\xffS S     100.00 g\r\n",
    ],
)
def test_a_line_that_is_almost_a_weight_is_no_weight(line):
    (event, *_) = decode(MtSics(), b"S\r\n", line)
    assert event.kind in (Kind.UNPARSED, Kind.TIMEOUT)
    assert event.value is None


@pytest.mark.parametrize(
    ("line", "kind", "code"),
    [
        (b"ET\r\n", Kind.ERROR, "ET"),
        (b"EL\r\n", Kind.ERROR, "EL"),
        (b"S L\r\n", Kind.ERROR, "S L"),
        (b"Z I\r\n", Kind.STATUS, "Z I"),
        (b"Z +\r\n", Kind.OVERLOAD, "Z +"),
        (b"T -\r\n", Kind.UNDERLOAD, "T -"),
        (b"TAC A\r\n", Kind.OK, "TAC A"),
        (b"ZI D\r\n", Kind.OK, "ZI D"),
        (b"S S Error 1t\r\n", Kind.ERROR, "Error 1t"),
    ],
)
def test_status_and_error_answers_are_told_apart(line, kind, code):
    event = MtSics().read(frame(line))
    assert (event.kind, event.code, event.value) == (kind, code, None)


def test_a_missing_unit_stays_missing():
    event = MtSics().read(frame(b"S S     100.00\r\n"))
    assert (event.value, event.unit) == ("100.00", None)


def test_a_print_key_pressed_during_a_list_is_not_swallowed():
    framer = MtSics().framer()
    stream = b'I0 B 0 "I0"\r\nS S     100.00 g\r\nI0 A 1 "T"\r\n'
    events = [MtSics().read(f) for f in framer.feed(stream, NOON)]
    assert [e.kind for e in events] == [Kind.READING, Kind.LIST]
    assert events[1].more["items"] == [[0, "I0"], [1, "T"]]


def test_a_list_cut_off_by_the_line_breaking_is_kept_as_not_understood():
    framer = MtSics().framer()
    assert framer.feed(b'I0 B 0 "I0"\r\nI0 B', NOON) == []
    rest = framer.flush(NOON)
    assert b"".join(f.raw for f in rest) == b'I0 B 0 "I0"\r\nI0 B'
    assert {MtSics().read(f).kind for f in rest} == {Kind.UNPARSED}


def test_noise_without_an_end_is_cut_and_the_next_line_is_read():
    framer = LineFramer()
    frames = framer.feed(b"x" * (LONGEST_FRAME + 10) + b"\r\nES\r\n", NOON)
    assert [f.verdict for f in frames] == [Verdict.OVERLONG, Verdict.WHOLE, Verdict.WHOLE]
    assert frames[-1].raw == b"ES\r\n"


def test_an_answer_to_take_must_be_stable_and_errors_answer_everything():
    take = MtSics().command(Verb.TAKE)
    assert not take.is_answered_by(MtSics().read(frame(b"S D     100.00 g\r\n")))
    assert take.is_answered_by(MtSics().read(frame(b"S I\r\n")))
    assert take.is_answered_by(MtSics().read(frame(b"ES\r\n")))
    assert not take.is_answered_by(MtSics().read(frame(b"Z A\r\n")))


@pytest.mark.parametrize("pattern", [r"(?P<value>\d+)(x+)+", r"((?P<value>\d+)|a*)*", r"\d+", r"(?P<value>"])
def test_a_line_pattern_that_cannot_be_used_is_refused_with_a_sentence(pattern):
    with pytest.raises(ProfileWrong, match="line pattern"):
        compile_line(pattern)


def test_a_status_the_profile_does_not_know_is_not_taken_for_stable():
    from instruments.profiles import parse_profile

    row = {
        "protocol": "regex",
        "codec": {"pattern": r"(?P<status>..) (?P<value>\d+\.\d+)", "stable": ["ST"], "dynamic": ["US"]},
    }
    codec = parse_profile("x", row).codec
    assert codec.read(frame(b"ST 1.20\r\n")).stability == "stable"
    assert codec.read(frame(b"US 1.20\r\n")).stability == "dynamic"
    assert codec.read(frame(b"?? 1.20\r\n")).kind is Kind.UNPARSED
