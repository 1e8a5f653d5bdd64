"""The frozen document survives storing, byte for byte, and refuses what it does not know."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reports.canonical import DocumentError
from reports.document import Language, Text, from_json, to_json
from reports.letter import from_json as letter_from_json
from reports.letter import to_json as letter_to_json
from tests.reports.papers import SUPERVISION, make_document, make_letter, make_sample

line = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)


def test_a_document_reads_back_equal_and_gives_the_same_bytes():
    document = make_document(make_sample(sampling=SUPERVISION), make_sample(number="S2"), draft=True)
    raw = to_json(document)
    assert from_json(raw) == document
    assert to_json(from_json(raw)) == raw


@settings(max_examples=50, deadline=None)
@given(line, line, st.sampled_from(Language), st.lists(line, max_size=4))
def test_any_text_survives_the_round_trip(name, number, language, remarks):
    document = make_document(
        make_sample(name=Text(name)),
        number=number,
        language=language,
        remarks=tuple(Text.same(each) for each in remarks),
    )
    assert from_json(to_json(document)) == document


def test_key_order_and_spaces_of_the_stored_bytes_do_not_matter_for_reading():
    document = make_document()
    tree = json.loads(to_json(document))
    shuffled = json.dumps(dict(reversed(tree.items())), indent=2).encode()
    assert to_json(from_json(shuffled)) == to_json(document)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"colour": "red"}, "document_field_unknown"),
        ({"number": 17}, "document_type"),
        ({"draft": 1}, "document_type"),
        ({"language": "fr"}, "document_type"),
        ({"samples": "none"}, "document_type"),
        ({"schema": 99}, "document_schema"),
    ],
)
def test_what_is_not_a_document_is_refused_with_a_code(change, code):
    tree = json.loads(to_json(make_document())) | change
    with pytest.raises(DocumentError) as refused:
        from_json(json.dumps(tree).encode())
    assert refused.value.code == code


def test_a_missing_field_is_named():
    tree = json.loads(to_json(make_document()))
    del tree["samples"][0]["items"][1]["verdict"]
    with pytest.raises(DocumentError, match=r"samples\[0\].items\[1\].verdict is missing"):
        from_json(json.dumps(tree).encode())


@pytest.mark.parametrize("raw", [b"", b"{", b"[]", b"\xff", b"[" * 100_000])
def test_bytes_that_are_no_document_are_refused(raw):
    with pytest.raises(DocumentError):
        from_json(raw)


def test_half_a_character_is_refused_before_it_is_stored():
    with pytest.raises(DocumentError, match="half a character"):
        to_json(make_document(number="\ud800"))


def test_letters_survive_too():
    letter = make_letter()
    assert letter_from_json(letter_to_json(letter)) == letter
