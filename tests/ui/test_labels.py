"""Everything that the code calls by an enum has words, a colour and a mark."""

import ast
import subprocess
import sys
from enum import StrEnum
from pathlib import Path

import pytest

import lims
from lims.ui import labels
from lims.ui.labels import MARKS, Tone, badge, registered, state

ROOT = Path(lims.__file__).parent
# Enums that no person ever reads: keys of programs, of the wire, of our own modules.
UNREAD = {
    "Open": "words of lims/access.py",
    "Next": "steps of the sign-in, each a page of its own",
    "TryStep": "kinds of tries in the table that slows guessing down",
    "Tone": "names of colours; a colour stands with a word",
    "Action": "what may be done with a sample; each has its button on the sample's page",
    "Shape": "kinds of values inside a formula; the checker says each in a sentence",
    "Side": "which bound a comparison is about; shown as its sign and figure",
    "Evaluation": "type A or B, letters of the GUM",
    "Distribution": "follows from how a source is known, which has its words (SourceKind)",
    "CoverageShape": "what k was taken from; the page says k and degrees of freedom",
    "DecisionKind": "kinds of decision rules; each agreed rule has its own words",
    **dict.fromkeys(
        ("SensitivityMethod", "Expansion", "DofTruncation", "UncertaintyRounding", "UncertaintyDigits"),
        "policies of the engine that no page offers: a budget takes the usual ones",
    ),
    "BaselineSource": "the chart says in a sentence where its limits come from",
    "Signal": "words of ISO 13528 for the thresholds whose words of ISO/IEC 17043 are shown (Performance)",
    "Start": "how Algorithm A began; the page says what came out",
    "Mark": "the sign behind a rounded figure, shown as + or - (GB/T 8170 4.3)",
}


def all_enums():
    """Every StrEnum of the modules that the application loads, by name; what other tests loaded is left out."""
    listing = "import lims.app, sys; print(*sorted(m for m in sys.modules if m.startswith('lims.')))"
    done = subprocess.run([sys.executable, "-c", listing], cwd=ROOT.parent, capture_output=True, check=True)
    found = {}
    for module in [sys.modules[name] for name in done.stdout.decode().split()]:
        for kind in vars(module).values():
            if isinstance(kind, type) and issubclass(kind, StrEnum) and kind.__module__.startswith("lims."):
                found[kind.__name__] = kind
    return found


@pytest.fixture(scope="module")
def enums():
    import lims.app  # registers every room's words

    assert lims.app
    return all_enums()


def test_every_enum_that_people_read_has_words_for_every_member(enums):
    lacking = []
    for name, kind in enums.items():
        if name in UNREAD:
            continue
        known = registered().get(name, {})
        lacking += [f"{kind.__module__}.{name}.{m.name}" for m in kind if not str(known.get(m.value, ""))]
    assert lacking == [], (
        "register() their words in the room's labels, or say in UNREAD why nobody reads them"
    )


def test_no_words_are_kept_for_members_that_are_gone(enums):
    extra = {
        f"{name}.{value}"
        for name, words in registered().items()
        if name in enums
        for value in words
        if value not in {m.value for m in enums[name]}
    }
    assert extra == set()


def test_words_are_not_the_codes_themselves(enums):
    """A code such as in_test is no word."""
    lazy = [
        f"{name}.{value}"
        for name, words in registered().items()
        for value, text in words.items()
        if "_" in str(text)
    ]
    assert lazy == []


def test_everything_unread_still_exists(enums):
    assert UNREAD.keys() <= enums.keys()


class Colour(StrEnum):
    RED = "red"


def test_a_member_without_words_is_found(monkeypatch):
    """The first test above can fail."""
    enums = {"Colour": Colour}
    assert not registered().get("Colour")
    with pytest.raises(AssertionError, match=r"Colour\.RED"):
        test_every_enum_that_people_read_has_words_for_every_member(enums)


def test_a_badge_never_stands_by_colour_alone(app):
    with app.test_request_context("/"):
        for tone in Tone:
            drawn = badge("words", tone)
            assert MARKS[tone] in drawn
            assert "words" in drawn
            assert f"state-{tone}" in drawn


def test_a_badge_shows_names_as_text(app):
    with app.test_request_context("/"):
        assert "<b>" not in badge("<b>x</b>")
        assert state(None) == ""
        assert "<b>" not in state("<b>", "Nothing")


def test_marks_of_the_house_differ():
    assert len(set(MARKS.values())) == len(MARKS)


def test_templates_ask_for_words_of_names_that_exist():
    """``{{ x|state("JobState") }}`` with a name nobody registered would show codes."""
    import re

    wrong = []
    for page in ROOT.glob("*/templates/**/*.html"):
        for name in re.findall(r'\|\s*(?:state|label)\("(\w+)"', page.read_text()):
            if name not in registered():
                wrong.append(f"{page.name}: {name}")
    assert wrong == []


def test_the_tones_of_the_house_are_named_once():
    """A value that stood in two tones would take the later."""
    values = [value for tone in labels._TONES.values() for value in tone.split()]
    assert len(values) == len(set(values))


def test_every_room_registers_with_members_not_with_strings():
    """register(Enum, {...}): a key that is no member would never be found."""
    wrong = []
    for path in ROOT.glob("*/*labels*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if not (isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] == "register"):
                continue
            for argument in node.args[1:2]:
                if isinstance(argument, ast.Dict):
                    wrong += [ast.unparse(k) for k in argument.keys if isinstance(k, ast.Constant)]
    assert wrong == []
