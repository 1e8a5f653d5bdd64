"""An analyser's line: what is acknowledged, what is repeated, what a message says, and who speaks first."""

import json
from itertools import pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from instruments.astm import Astm
from instruments.astm_frames import ACK, ENQ, EOT, ETB, ETX, NAK, STX, checksum, piece_of, wrap
from instruments.astm_records import Delimiters, Message, delimiters_of
from instruments.astm_session import MOST_TRIES, Line, Session, frames_of
from instruments.profiles import load_profile
from instruments.readings import Kind
from tests.instruments.making import NOON, frame
from tests.instruments.test_codecs import SHARED

HEADER = b"H|\\^&|||Analyser^1\r"
RESULT = b"R|1|^^^pH|7.01|||||F\r"


def cut(raw: bytes, codec=None):
    framer = (codec or Astm()).framer()
    return framer.feed(raw, NOON) + framer.flush(NOON)


def receiving() -> Session:
    session = Session()
    assert session.hear(frame(ENQ), 0.0).reply == ACK
    return session


def results(answers) -> list:
    return [e for answer in answers for e in answer.event.each() if e.kind is Kind.RESULT]


# --- frames ------------------------------------------------------------------------------------------------


def test_checksums_are_those_of_recorded_frames():
    assert checksum(b"2R|1|^^^pH|7.\x17") == b"77"  # agrees with senaite.astm


@pytest.mark.parametrize("reply", [row.response for row in load_profile("astm-e1381").dialogues])
def test_the_recorded_replies_are_what_the_session_answers(reply):
    rows = [row for row in load_profile("astm-e1381").dialogues if row.response == reply]
    for row in rows:
        session = Session() if row.request == ENQ else receiving()
        piece = piece_of(row.request)
        if piece is not None:
            for number in range(1, piece.number):
                session.hear(frame(wrap(number, b"", last=False)), 0.0)
        assert session.hear(frame(row.request), 0.0).reply == row.response


@settings(max_examples=200, deadline=None)
@given(
    texts=st.lists(st.binary(max_size=40), min_size=1, max_size=9),
    cuts=st.lists(st.integers(0, 300), max_size=5),
)
def test_every_text_comes_back_from_its_frames_however_they_arrive(texts, cuts):
    forbidden = STX + ETX + EOT + ENQ + ETB
    texts = [bytes(b for b in text if b not in forbidden) for text in texts]
    stream = b"".join(wrap(n + 1, text, last=n + 1 == len(texts)) for n, text in enumerate(texts))
    framer = Astm().framer()
    places = [0, *sorted(min(place, len(stream)) for place in cuts), len(stream)]
    frames = [f for a, b in pairwise(places) for f in framer.feed(stream[a:b], NOON)]
    assert [piece_of(f.raw).text for f in frames] == texts


def test_a_frame_whose_end_was_lost_does_not_swallow_the_next():
    good = wrap(1, HEADER, last=False)
    assert [f.raw for f in cut(good[:9] + good + EOT)] == [good[:9], good, EOT]
    assert [f.raw for f in cut(good[:-3] + ENQ)] == [good[:-3], ENQ]


@pytest.mark.parametrize("ending", [b"\r\n", b"\n", b"\r"])
def test_senders_that_leave_out_a_part_of_the_ending_are_understood(ending):
    good = wrap(1, HEADER, last=False)[:-2] + ending
    assert [f.raw for f in cut(good + good)] == [good, good]
    if ending == b"\r":
        waits, knows = Astm().framer(), Astm(ending="\r").framer()
        assert waits.feed(good, NOON) == []
        assert [f.raw for f in knows.feed(good, NOON)] == [good]


@given(place=st.integers(1, 60), bit=st.integers(0, 7))
@example(place=20, bit=3)  # CR becomes ENQ
def test_one_flipped_bit_is_never_acknowledged(place, bit):
    good = bytearray(wrap(1, HEADER + RESULT, last=True))
    good[place % (len(good) - 2)] ^= 1 << bit
    session = receiving()
    answers = [session.hear(f, 0.0) for f in cut(bytes(good))]
    assert ACK not in [answer.reply for answer in answers]
    assert results(answers) == []


def test_text_with_a_control_character_cannot_be_sent():
    with pytest.raises(ValueError, match="control"):
        wrap(1, b"a\x03b", last=True)


# --- records -----------------------------------------------------------------------------------------------


def test_delimiters_come_from_the_header():
    assert delimiters_of("H|@^\\|URM-8lT4abZA-06") == Delimiters("|", "@", "^", "\\")
    message = Message()
    text = b"H!*+/!!!X\rO!1!S+7!!+++pH\rR!1!+++pH!7.01!pH!!A/F/B!!F\r"
    (event,) = message.take(text, last=True)
    assert (event.value, event.more["test"], event.more["flags"]) == ("7.01", "pH", "A!B")
    assert event.more["sample"] == "S"


@pytest.mark.parametrize("header", ["H", "H|\\^", "H||||", "Habcd", "H|\\^ "])
def test_a_header_without_four_marks_has_none(header):
    assert delimiters_of(header) is None


def test_a_delimiter_in_a_text_is_escaped_and_comes_back():
    marks = Delimiters()
    for text in ("a|b^c\\d&e", "plain", "&&"):
        assert "|" not in marks.escaped(text)
        assert marks.plain(marks.escaped(text)) == text
    assert marks.plain("caf&XE9&") == "café"


@pytest.mark.parametrize(
    "text", ["NEGATIVE", "< 0.5", ">100", "", "1.5^HIGH", "1,5", "NaN", "Infinity", "1 2"]
)
def test_only_a_number_by_itself_is_a_value(text):
    (event,) = Message().take(f"R|1|^^^X|{text}|g\r".encode(), last=True)
    assert (event.kind, event.value, event.number) == (Kind.RESULT, None, None)
    assert event.more.get("text", "") == text


def test_results_belong_to_the_order_and_the_patient_before_them():
    text = (
        "H|\\^&\rP|1||P7\rO|1|S1^1||^^^A\rR|1|^^^A|1|g\rC|1|I|ok\rR|2|^^^B|2|g\rO|2|S2||^^^A\rR|1|^^^A|3|g\r"
        "P|2||P8\rR|1|^^^A|4|g\rRESULT|1\rL|1|N\r"
    )
    said = Message().take(text.encode(), last=True)
    assert [(e.value, e.more.get("sample"), e.more.get("patient")) for e in said] == [
        ("1", "S1", "P7"),
        ("2", "S1", "P7"),
        ("3", "S2", "P7"),
        ("4", None, "P8"),
    ]


def test_a_query_for_an_order_names_its_sample():
    (event,) = Message().take(b"Q|1|^S123||ALL\r", last=True)
    assert (event.code, event.more) == ("query", {"sample": "S123"})


# --- receiving ---------------------------------------------------------------------------------------------


@pytest.mark.skipif(not SHARED.is_file(), reason="no shared vectors")
def test_a_recorded_message_in_pieces_and_one_in_a_single_frame():
    vectors = {v["id"]: v for v in json.loads(SHARED.read_text(encoding="utf-8"))["vectors"]}
    session = receiving()
    first = session.hear(frame(bytes.fromhex(vectors["astm-01"]["request_hex"])), 0.0)
    assert (first.reply, first.keep, first.event.more["end"]) == (ACK, True, "ETB")
    session = receiving()
    whole = session.hear(frame(bytes.fromhex(vectors["astm-07"]["request_hex"])), 0.0)
    assert [e.value for e in results([whole])] == ["5.9"]


@pytest.mark.parametrize("size", range(1, len(HEADER + RESULT) + 1))
def test_a_record_cut_by_etb_anywhere_is_one_result(size):
    text = HEADER + RESULT
    pieces = [text[place : place + size] for place in range(0, len(text), size)]
    session = receiving()
    answers = [
        session.hear(frame(wrap(n + 1, piece, last=piece is pieces[-1])), 0.0)
        for n, piece in enumerate(pieces)
    ]
    assert {answer.reply for answer in answers} == {ACK}
    assert [e.value for e in results(answers)] == ["7.01"]


def test_a_repeated_frame_is_acknowledged_again_and_not_kept_twice():
    session = receiving()
    good = frame(wrap(1, HEADER + RESULT, last=True))
    assert session.hear(good, 0.0).keep
    again = session.hear(good, 1.0)
    assert (again.reply, again.keep, results([again])) == (ACK, False, [])
    other = session.hear(frame(wrap(1, RESULT, last=True)), 2.0)
    assert (other.reply, other.keep, other.event.code) == (NAK, True, "out_of_sequence")


def test_a_frame_out_of_sequence_or_damaged_is_refused_and_then_taken():
    session = receiving()
    assert session.hear(frame(wrap(2, HEADER, last=False)), 0.0).reply == NAK
    damaged = wrap(1, HEADER, last=False).replace(b"Analyser", b"Analyzer")
    assert session.hear(frame(damaged), 0.0).event.kind is Kind.BAD_CHECKSUM
    assert session.hear(frame(wrap(1, HEADER, last=False)), 0.0).reply == ACK


def test_frame_numbers_go_from_seven_to_nought():
    session = receiving()
    replies = [session.hear(frame(wrap(n, b"M|1\r", last=True)), 0.0).reply for n in range(1, 20)]
    assert replies == [ACK] * 19


def test_a_frame_that_nobody_announced_is_kept_and_not_acknowledged():
    answer = Session().hear(frame(wrap(1, RESULT, last=True)), 0.0)
    assert (answer.reply, answer.keep) == (b"", True)


def test_a_host_that_is_busy_says_so_and_an_analyser_that_falls_silent_frees_the_line():
    session = Session(busy=True)
    assert session.hear(frame(ENQ), 0.0).reply == NAK
    session.busy = False
    assert session.hear(frame(ENQ), 10.0).reply == ACK
    assert session.step(39.0) == b""
    assert session.line is Line.RECEIVING
    session.step(40.0)
    assert session.line is Line.FREE


# --- sending -----------------------------------------------------------------------------------------------

WORKLIST = ["H|\\^&|||LIMS", "P|1", "O|1|S1||^^^pH|R", "L|1|N"]


def test_a_worklist_goes_out_frame_by_frame_and_reads_as_it_was_written():
    session, sent = Session(), []
    session.send(WORKLIST)
    assert session.step(0.0) == ENQ
    while (wire := session.hear(frame(ACK), 0.0).reply) != EOT:
        sent.append(wire)
    assert [piece_of(wire).text for wire in sent] == [record.encode() + b"\r" for record in WORKLIST]
    assert (session.line, session.unsent) == (Line.FREE, 0)


def test_long_records_are_cut_and_joined_again():
    long = "C|1|L|" + "x" * 600
    frames = frames_of([long])
    assert len(frames) == 3
    message = Message()
    for wire in frames:
        piece = piece_of(wire)
        message.take(piece.text, last=piece.last)
    assert b"".join(piece_of(wire).text for wire in frames) == long.encode() + b"\r"


def test_when_both_call_the_analyser_goes_first_and_the_host_waits_twenty_seconds():
    session = Session()
    session.send(WORKLIST)
    assert session.step(0.0) == ENQ
    assert session.hear(frame(ENQ), 0.1).reply == b""  # contention: the host lets go
    assert session.hear(frame(ENQ), 1.1).reply == ACK  # the analyser calls again after a second
    assert session.hear(frame(wrap(1, HEADER, last=True)), 1.2).reply == ACK
    session.hear(frame(EOT), 1.3)
    assert session.step(20.0) == b""
    assert session.next_time() == pytest.approx(20.1)
    assert session.step(20.1) == ENQ


def test_a_busy_analyser_is_called_again_after_ten_seconds():
    session = Session()
    session.send(WORKLIST)
    session.step(0.0)
    assert session.hear(frame(NAK), 0.5).reply == b""
    assert (session.step(10.0), session.step(10.5)) == (b"", ENQ)


def test_a_frame_refused_six_times_ends_the_attempt_and_the_message_stays_queued():
    session = Session()
    session.send(WORKLIST)
    session.step(0.0)
    first = session.hear(frame(ACK), 0.0).reply
    replies = [session.hear(frame(NAK), 0.0).reply for _ in range(MOST_TRIES)]
    assert replies == [first] * (MOST_TRIES - 1) + [EOT]
    assert session.unsent == 1
    assert session.step(10.0) == ENQ


def test_silence_after_a_call_ends_it_with_eot():
    session = Session()
    session.send(WORKLIST)
    session.step(0.0)
    assert (session.step(14.9), session.step(15.0)) == (b"", EOT)
    assert session.unsent == 1


def test_eot_instead_of_ack_asks_for_the_line_and_gets_it():
    session = Session()
    session.send(WORKLIST)
    session.step(0.0)
    session.hear(frame(ACK), 0.0)
    assert session.hear(frame(EOT), 0.0).reply == EOT
    assert session.unsent == 1
    assert session.hear(frame(ENQ), 0.5).reply == ACK


def test_a_broken_link_keeps_what_was_not_delivered():
    session = Session()
    session.send(WORKLIST)
    session.step(0.0)
    session.hear(frame(ACK), 0.0)
    session.closed()
    assert (session.line, session.unsent) == (Line.FREE, 1)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from([ENQ, ACK, NAK, EOT, wrap(1, RESULT, last=True), b"\x02x", b"?"]),
            st.integers(0, 40),
        )
    )
)
def test_no_order_of_events_makes_the_session_store_without_reason_or_stand_still(events):
    session, now = Session(), 0.0
    session.send(WORKLIST)
    for raw, seconds in events:
        now += seconds
        session.step(now)
        answer = session.hear(frame(raw), now)
        assert not (answer.reply == ACK and raw not in (ENQ, wrap(1, RESULT, last=True)))
        due = session.next_time()
        assert session.line is Line.FREE or due is not None
    for _ in range(4):
        now += 60
        session.step(now)
    assert session.line in (Line.FREE, Line.CALLING)
