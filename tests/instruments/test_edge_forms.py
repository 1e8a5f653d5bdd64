"""Forms of frames that makers document beside the usual ones, and what must not be made of them."""

import io
import json
import struct

import pytest

from instruments.astm_frames import wrap
from instruments.cli import main
from instruments.decode import decode
from instruments.modbus_framing import crc16
from instruments.profiles import load_profile, parse_profile
from instruments.readings import Kind


def said(profile, response: bytes, request: bytes = b"") -> list[dict]:
    codec = load_profile(profile).codec if isinstance(profile, str) else profile
    return [event.as_json() for event in decode(codec, request, response)]


def reading(value, unit, stability="stable", **more):
    return {"kind": "reading", "value": value, "unit": unit, "stability": stability, **more}


@pytest.mark.parametrize(
    ("profile", "request_", "response", "expected"),
    [
        # MT-SICS reference manual: texts with quotes, answers with parameters, adjustment, keys
        ("mtsics", b"I10\r\n", b'I10 A "bench \\"2\\""\r\n', {"kind": "identity", "value": 'bench "2"'}),
        ("mtsics", b"UPD\r\n", b"UPD A 10.6\r\n", {"kind": "ok", "code": "UPD A", "text": "10.6"}),
        ("mtsics", b"K 4\r\n", b"K C 4\r\n", {"kind": "status", "code": "K C 4"}),
        ("mtsics", b"", b"K B 4\r\n", {"kind": "status", "code": "K B 4"}),
        ("mtsics", b"C3\r\n", b"C3 B\r\nC3 A\r\n", {"kind": "ok", "code": "C3 A"}),
        ("mtsics", b"C3\r\n", b"C3 B\r\nC3 I\r\n", {"kind": "status", "code": "C3 I"}),
        ("mtsics", b"I14\r\n", b'I14 B 0 1 "a"\r\nI14 A 1 1 "b"\r\n', {"kind": "list"}),
        # a weight in the wrong columns is no setting either
        ("mtsics", b"TA\r\n", b"TA A    50.00 g\r\n", {"kind": "unparsed"}),
        ("mtsics", b"SU\r\n", b"S S       12.5 \xb5g\r\n", {"kind": "unparsed", "code": "not_ascii"}),
        # Ohaus: units of two words
        ("ohaus-print", b"IP\r\n", b"    192.21 oz t\r\n", reading("192.21", "oz t")),
        ("ohaus-print", b"IP\r\n", b"    192.21 tl T ?\r\n", reading("192.21", "tl T", "dynamic")),
        # the print key is pressed while the balance is asked who it is
        ("ohaus-print", b"PV\r\n", b"    192.21 g\r\n", reading("192.21", "g")),
        ("sbi-16", b"\x1bx2_\r\n", b"+   123.56 g  \r\n", reading("123.56", "g")),
        ("sbi-22", b"\x1bx2_\r\n", b"N     +   123.56 g  \r\n", reading("123.56", "g", label="N")),
        ("sbi-16", b"\x1bx2_\r\n", b"      High    \r\n", {"kind": "overload"}),
        ("sbi-16", b"\x1bx2_\r\n", b"  18207533    \r\n", {"kind": "identity", "value": "18207533"}),
        # Kern GAB-N and KXS: a blank for plus, the unit to the left
        ("kern-header", b"W\r\n", b"ST,GS,   12.34  kg\r\n", reading("12.34", "kg")),
        ("kern-header", b"W\r\n", b"ST,GS,-  12.34kg  \r\n", reading("-12.34", "kg")),
        ("kern-header", b"W\r\n", b"OL,GS,            \r\n", {"kind": "overload"}),
        # A&D GX-A and FZ-CT: CSV
        ("and-standard", b"Q\r\n", b"ST,+00123.45,  g\r\n", reading("123.45", "g")),
        ("and-standard", b"Q\r\n", b"ST,+0000.1278,  g\r\n", {"kind": "unparsed"}),
        # a tare that is asked for is never a weight; the line of one platform of several
        ("radwag", b"OT\r\n", b"OT          15.5 g  \r\n", {"kind": "tare", "value": "15.5", "unit": "g"}),
        ("radwag", b"SIA\r\n", b"P2  ?       18.5 g  \r\n", reading("18.5", "g", "dynamic", platform="2")),
        ("radwag", b"PC\r\n", b'PC A "Z,T,SI"\r\n', {"kind": "list", "items": ["Z", "T", "SI"]}),
        ("toledo-continuous-17", b"", b"\x02,0 001245      \r", reading("12.45", "kg")),
        ("xk3190-tf0", b"", b"\x02-00123421b\x03", reading("-12.34", None, "unknown")),
        # another indicator of the line
        ("xk3190-addressed", b"\x02AB03\x03", b"\x02BB+012450118\x03", {"kind": "unparsed"}),
        # 34401A
        ("scpi-34401a", b"MEAS:VOLT:DC?\n", b"+0.00000000E+00\r\n", reading("0.00000000", "V", "n/a")),
        ("scpi-34401a", b"MEAS:RES?\n", b"-1.50E-09\r\n", reading("-0.00000000150", "Ω", "n/a")),
        ("scpi-34401a", b"MEAS:RES?\n", b"+1.230E+09\r\n", reading("1.230E+9", "Ω", "n/a")),
        ("scpi-34401a", b"CONF:VOLT:DC 10\nREAD?\n", b"+1.0E+01\r\n", reading("10", "V", "n/a")),
        ("scpi-34401a", b"DATA:POIN?\n", b"+12\r\n", {"kind": "status", "code": "+12"}),
    ],
)
def test_a_form_that_the_maker_documents_is_read_as_documented(profile, request_, response, expected):
    (event,) = said(profile, response, request_)
    assert {name: event.get(name) for name in expected} == expected
    assert (event["value"] is None) == ("value" not in expected)


def test_a_line_feed_behind_every_carriage_return_costs_no_figure_and_is_no_begun_frame():
    events = said("mitutoyo-line", b"01A+0000.123\r\n01A+0000.124\r\n")
    assert [event["value"] for event in events] == ["0.123", "0.124"]


def test_a_decimal_comma_is_read_where_the_profile_says_so_and_nowhere_else():
    row = {"protocol": "regex", "codec": {"pattern": r"(?P<value>-?[\d.,]+) (?P<unit>\w+)", "decimal": ","}}
    comma = parse_profile("x", row).codec
    assert said(comma, b"-7,010 pH\r\n") == [reading("-7.010", "pH", "n/a")]
    assert [said(comma, line)[0]["kind"] for line in (b"1.234,5 g\r\n", b"1.5 g\r\n")] == ["unparsed"] * 2
    assert [said(comma, line)[0]["value"] for line in (b",5 g\r\n", b"5, g\r\n")] == ["0.5", "5"]
    del row["codec"]["decimal"]
    assert said(parse_profile("x", row).codec, b"7,01 pH\r\n")[0]["kind"] == "unparsed"


def rtu(slave: int, *pdu: int) -> bytes:
    return (body := bytes([slave, *pdu])) + crc16(body)


@pytest.mark.parametrize(
    ("profile", "asked", "answer", "kind", "code"),
    [
        ("modbus-climate", rtu(1, 6, 0, 1, 0, 3), rtu(1, 0x86, 2), "error", "illegal data address (2)"),
        ("modbus-climate", rtu(1, 3, 0, 0, 0, 2), rtu(1, 0x86, 2), "unparsed", "not_the_answer"),
        ("modbus-climate", rtu(1, 3, 0, 0, 0, 2), rtu(1, 0x84, 2), "unparsed", "not_the_answer"),
        ("modbus-climate", rtu(1, 3, 0, 0, 0, 2), rtu(1, 0x83, 2)[:-1] + b"\0", "bad_checksum", None),
        # a whole answer is not damaged because its echo is missing, or because it is of a slave not in the map
        (
            "modbus-climate-echo",
            rtu(1, 3, 0, 0, 0, 2),
            rtu(1, 3, 4, 65, 188, 0, 0),
            "unparsed",
            "not_the_answer",
        ),
        ("modbus-two-rooms", rtu(1, 3, 0, 0, 0, 1), rtu(9, 3, 2, 0, 1), "unparsed", "not_the_answer"),
        (
            "modbus-tcp-climate",
            struct.pack(">HHHBBHH", 1, 0, 6, 1, 6, 1, 3),
            struct.pack(">HHHBBB", 1, 0, 3, 1, 0x86, 1),
            "error",
            "illegal function (1)",
        ),
    ],
)
def test_a_refusal_of_any_function_is_told_from_a_damaged_answer(profile, asked, answer, kind, code):
    assert [(event["kind"], event.get("code")) for event in said(profile, answer, asked)] == [(kind, code)]


def test_binary_coded_decimal_registers_are_read_digit_by_digit():
    rows = [
        {"name": "energy", "address": 0, "type": "bcd32", "order": "CDAB", "scale": "0.01", "unit": "kWh"}
    ]
    codec = parse_profile("x", {"protocol": "Modbus-RTU", "codec": {"registers": rows}}).codec
    asked = rtu(1, 3, 0, 0, 0, 2)
    (event,) = said(codec, rtu(1, 3, 4, 0x56, 0x78, 0x12, 0x34), asked)
    assert (event["value"], event["unit"]) == ("123456.78", "kWh")
    (event,) = said(codec, rtu(1, 3, 4, 0x56, 0x7A, 0x12, 0x34), asked)
    assert (event["kind"], event["code"], event["value"]) == ("status", "not_bcd", None)


def test_records_of_an_analyser_may_end_with_line_feeds():
    frame = wrap(1, b"R|1|^^^GLU|5.90|mmol/L\nR|2|^^^NA|140|mmol/L\r\n", last=True)
    assert [(e["test"], e["value"], e["unit"]) for e in said("astm-e1381", b"", frame)] == [
        ("GLU", "5.90", "mmol/L"),
        ("NA", "140", "mmol/L"),
    ]


def test_a_time_that_is_none_stays_as_the_analyser_wrote_it():
    (event,) = said("astm-e1381", b"", wrap(1, b"R|1|^^^K|4.1|mmol/L||||F||||20231399250000\r", last=True))
    assert event["at"] == "20231399250000"


def test_a_recorded_message_in_pieces_states_its_result_once_with_its_last_frame():
    first = wrap(7, b"H|\\^&\rP|1\rO|1|S1||^^^GLU\rR|1|^^^GLU|5.", last=False)
    damaged = wrap(0, b"90|mmol/L\rL|1|N\r", last=True).replace(b"90|", b"91|")
    rest = wrap(0, b"90|mmol/L\rL|1|N\r", last=True)
    events = said("astm-e1381", b"", b"\x05" + first + first + damaged + rest + rest + b"\x04")
    assert [event["kind"] for event in events] == [
        *("status", "frame", "frame", "bad_checksum", "result", "frame", "status")
    ]
    assert (events[4]["value"], events[4]["sample"]) == ("5.90", "S1")
    events = said("astm-e1381", b"", first + wrap(2, b"90|mmol/L\r", last=True))  # number 0 and 1 are missing
    assert (events[1]["kind"], events[1]["code"]) == ("unparsed", "out_of_sequence")


def test_decode_refuses_a_line_it_cannot_read_and_goes_on(monkeypatch, capsys):
    lines = io.BytesIO(b"\xef\xbb\xbf53\t45530d0a\r\n53\t45\t00\n\xff\t45\n\t\n")
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(lines, encoding="utf-8"))
    assert main(["decode", "MT-SICS"]) == 1  # a protocol by its own name, with what is usual in it
    told = capsys.readouterr()
    assert [json.loads(line)["kind"] for line in told.out.splitlines()] == [Kind.ERROR, Kind.TIMEOUT]
    assert told.err.splitlines() == [f"line {n}: write request-hex TAB response-hex" for n in (2, 3)]
