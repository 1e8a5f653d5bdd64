"""Every recorded dialogue reads as its source says: whole, split at every byte, glued to its neighbours."""

import json
from itertools import pairwise
from pathlib import Path

import pytest

from instruments.codec import Calling, Verb
from instruments.conformance import faults_of
from instruments.decode import decode
from instruments.errors import ProfileWrong
from instruments.frames import LONGEST_FRAME, LineFramer, Verdict
from instruments.generic_line import compile_line
from instruments.mtsics import MtSics
from instruments.profiles import load_profile, profile_names
from instruments.readings import VALUED, Event, Kind, together
from tests.instruments.making import NOON
from tests.instruments.making import frame as framed

SHARED = Path(__file__).parents[3] / "shared/data/instrument_vectors.json"
PROFILE_OF = {
    "A&D-standard": "and-standard",
    "A&D-standard+comparator": "and-comparator",
    "ASTM-E1381": "astm-e1381",
    "Digimatic-SPC": "mitutoyo-digimatic",
    "KERN-18": "kern-18",
    "KERN-header": "kern-header",
    "MT-SICS": "mtsics",
    "Mitutoyo-DT": "mitutoyo-line",
    "Modbus-RTU": "modbus-climate",
    "Ohaus-print": "ohaus-print",
    "Radwag": "radwag",
    "SBI-16": "sbi-16",
    "SCPI": "scpi-34401a",
    "SBI-22": "sbi-22",
    "Toledo-continuous": "toledo-continuous",
    "XK3190-A12": "xk3190-a12",
    "XK3190-TF0": "xk3190-tf0",
    "XK3190-reversed": "xk3190-reversed",
    "regex": "ph-line",
}
OTHER_MODEL = {
    "mb-float-CDAB": "modbus-climate-cdab",
    "mtsics-13": "mtsics-echo-si",
    "xk-09": "xk3190-reversed-end",
}
SAID_BY_NOBODY = {"note"}  # an explanation in the vector file, not part of an event
RECORDED = [
    pytest.param(load_profile(name), row, id=f"{name}-{place}")
    for name in profile_names()
    for place, row in enumerate(load_profile(name).dialogues)
]


def shared_vectors():
    if not SHARED.is_file():
        return [pytest.param(None, marks=pytest.mark.skip(reason=f"no shared vectors at {SHARED.name}"))]
    vectors = json.loads(SHARED.read_text(encoding="utf-8"))["vectors"]
    return [pytest.param(v, id=v["id"]) for v in vectors]


def says(event: Event, expected) -> bool:
    said = event.as_json()
    return all(said.get(name) == value for name, value in expected.items())


def says_published(said: list[dict], expected) -> bool:
    """``said``: events as JSON. A unit in brackets is one that only the profile can state; ours state none."""
    if expected["kind"] == "readings":
        return [event["value"] for event in said] == expected["values"]
    bracketed = (expected["unit"] or "").startswith("(")
    wanted = {
        k: v for k, v in expected.items() if k not in SAID_BY_NOBODY and not (k == "unit" and bracketed)
    }
    return bool(said) and all(event.get(k) == v for event in said for k, v in wanted.items())


def read_in_pieces(profile, row_request: bytes, response: bytes, cuts) -> list[Event]:
    """The events of an exchange whose device bytes arrive cut at ``cuts``."""
    said, asked = (
        (row_request, None) if isinstance(profile.codec, Calling) else (response, row_request or None)
    )
    framer = profile.codec.framer()
    places = [0, *cuts, len(said)]
    frames = [f for a, b in pairwise(places) for f in framer.feed(said[a:b], NOON)]
    frames += framer.flush(NOON)
    assert b"".join(f.raw for f in frames) == said
    return [
        e for f in frames if f.verdict is not Verdict.CUT_OFF for e in profile.codec.read(f, asked).each()
    ]


def bytes_of_device(profile, row) -> bytes:
    return row.request if isinstance(profile.codec, Calling) else row.response


@pytest.mark.parametrize("vector", shared_vectors())
def test_the_shared_vectors_read_as_published_whole_and_split_at_every_byte(vector):
    profile = load_profile(OTHER_MODEL.get(vector["id"], PROFILE_OF[vector["protocol"]]))
    response, request = bytes.fromhex(vector["response_hex"]), bytes.fromhex(vector["request_hex"])
    events = list(decode(profile.codec, request, response))
    assert says_published([event.as_json() for event in events], vector["expected"]), events
    if vector["expected"]["kind"] != "timeout":
        for cut in range(len(request if isinstance(profile.codec, Calling) else response) + 1):
            assert read_in_pieces(profile, request, response, [cut]) == events


@pytest.mark.skipif(not SHARED.is_file(), reason="no shared vectors")
@pytest.mark.parametrize("key", sorted({*PROFILE_OF.values(), *OTHER_MODEL.values()}))
def test_the_shared_vectors_of_a_device_glued_together_give_the_same_frames(key):
    codec = load_profile(key).codec
    said = []
    for vector in json.loads(SHARED.read_text(encoding="utf-8"))["vectors"]:
        whole = vector["expected"]["kind"] != "timeout"
        if whole and OTHER_MODEL.get(vector["id"], PROFILE_OF[vector["protocol"]]) == key:
            side = "request_hex" if isinstance(codec, Calling) else "response_hex"
            said.append(bytes.fromhex(vector[side]))
    apart = []
    for stream in said:
        framer = codec.framer()
        apart += framer.feed(stream, NOON) + framer.flush(NOON)
    glued = codec.framer()
    assert [f.raw for f in apart] == [f.raw for f in glued.feed(b"".join(said), NOON) + glued.flush(NOON)]
    assert {f.verdict for f in apart} == {Verdict.WHOLE}


def test_a_quirk_is_accepted_only_from_the_model_that_has_it():
    (event,) = decode(load_profile("mtsics").codec, b"SI\r\n", b"SI S   100.0000 g\r\n")
    assert event.kind is Kind.UNPARSED


@pytest.mark.parametrize("name", profile_names())
def test_every_profile_passes_the_check_that_stands_before_a_release(name):
    assert faults_of(load_profile(name)) == []


@pytest.mark.parametrize(("profile", "row"), RECORDED)
def test_recorded_dialogues_read_the_same_split_at_every_byte(profile, row):
    for cut in range(len(bytes_of_device(profile, row)) + 1):
        event, *others = read_in_pieces(profile, row.request, row.response, [cut])
        assert says(together([event, *others]), row.expected), (cut, event)


@pytest.mark.parametrize("name", profile_names())
def test_recorded_dialogues_read_the_same_glued_together_and_byte_by_byte(name):
    profile = load_profile(name)
    stream = b"".join(bytes_of_device(profile, row) for row in profile.dialogues)
    for chunks in ([stream], [stream[i : i + 1] for i in range(len(stream))]):
        framer = profile.codec.framer()
        frames = [f for chunk in chunks for f in framer.feed(chunk, NOON)] + framer.flush(NOON)
        assert [f.raw for f in frames] == [bytes_of_device(profile, row) for row in profile.dialogues]
        for frame, row in zip(frames, profile.dialogues, strict=True):
            event = profile.codec.read(frame, row.request or None)
            assert says(event, row.expected), (frame.raw, event)


FREE_FORM = {"regex", "SCPI"}  # no columns and no check: nothing shows that a digit is missing
IN_COLUMNS = [param for param in RECORDED if param.values[0].protocol not in FREE_FORM]


@pytest.mark.parametrize(("profile", "row"), IN_COLUMNS)
def test_a_frame_that_lost_a_byte_never_states_another_value(profile, row):
    whole = {event.value for event in read_in_pieces(profile, row.request, row.response, [])}
    said = bytes_of_device(profile, row)
    for place in range(len(said)):
        request, response = row.request, said[:place] + said[place + 1 :]
        if isinstance(profile.codec, Calling):
            request, response = response, row.response
        for event in read_in_pieces(profile, request, response, []):
            assert event.value in whole or event.kind not in VALUED, (said, place, event)


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
    event = MtSics().read(framed(line))
    assert (event.kind, event.code, event.value) == (kind, code, None)


def test_a_missing_unit_stays_missing():
    event = MtSics().read(framed(b"S S     100.00\r\n"))
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
    assert not take.is_answered_by(MtSics().read(framed(b"S D     100.00 g\r\n")))
    assert take.is_answered_by(MtSics().read(framed(b"S I\r\n")))
    assert take.is_answered_by(MtSics().read(framed(b"ES\r\n")))
    assert not take.is_answered_by(MtSics().read(framed(b"Z A\r\n")))


@pytest.mark.parametrize("pattern", [r"(?P<value>\d*)(?=(?:\d*)*x)\d*", r"(?P<v>\d+)", r"\d+", r"(?P<value>"])
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
    assert codec.read(framed(b"ST 1.20\r\n")).stability == "stable"
    assert codec.read(framed(b"US 1.20\r\n")).stability == "dynamic"
    assert codec.read(framed(b"?? 1.20\r\n")).kind is Kind.UNPARSED
