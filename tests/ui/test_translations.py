"""Both languages at equal rank: no sentence without Chinese, no catalogue that does not compile."""

import io
import re
from collections import defaultdict

import pytest
from babel.messages.mofile import write_mo
from babel.messages.pofile import PoFileError, read_po
from jinja2 import Environment

from lims.ui import translate
from lims.ui.translate import catalogue_path, extract, missing, read_catalogue, rooms

ROOMS = rooms()
PLACE = re.compile(r"%\((\w+)\)[a-z]|\{(\w*)\}")


@pytest.mark.parametrize("room", ROOMS)
def test_every_sentence_of_the_room_has_its_chinese(room):
    lacking = [f"{m.id!r}  {m.locations[0][0]}" for m in missing(room)]
    assert lacking == [], f"python -m lims.ui.translate {room}"


@pytest.mark.parametrize("room", ROOMS)
def test_the_catalogue_compiles(room):
    path = catalogue_path(room)
    if not path.exists():
        assert not [m for m in extract(room) if m.id], "sentences, and no catalogue"
        return
    catalogue = read_po(io.BytesIO(path.read_bytes()), locale="zh_CN", abort_invalid=True)
    faults = [(m.id, str(error)) for m, errors in catalogue.check() for error in errors]
    assert faults == []
    write_mo(io.BytesIO(), catalogue)


@pytest.mark.parametrize("room", ROOMS)
def test_what_is_filled_in_stands_in_both_languages(room):
    """A place that only one language names would show as code, or fail the page."""
    wrong = []
    for message in read_catalogue(room):
        texts = message.string if isinstance(message.string, tuple) else (message.string,)
        source = message.id[-1] if isinstance(message.id, tuple) else message.id
        if source:
            wrong += [source for text in texts if text and places(text) != places(source)]
    assert wrong == []


def places(text):
    return sorted({a or b for a, b in PLACE.findall(text)})


def test_two_rooms_do_not_translate_one_sentence_differently():
    """All catalogues are one for the application: the last would win, whatever page it stands on."""
    said = defaultdict(dict)
    for room in ROOMS:
        for message in read_catalogue(room):
            if message.id and message.string:
                said[str(message.id), message.context].setdefault(str(message.string), room)
    assert {text: words for text, words in said.items() if len(words) > 1} == {}, (
        "word the sentence more exactly, or give it a context with pgettext"
    )


def test_a_sentence_without_translation_is_found(tmp_path, monkeypatch):
    """The first test can fail."""
    room = tmp_path / "attic"
    room.mkdir()
    (room / "__init__.py").write_text("")
    (room / "pages.py").write_text('_("Nobody translated this.")\n_("But this.")\n')
    monkeypatch.setattr(translate, "HOUSE", tmp_path)
    assert sorted(m.id for m in missing("attic")) == ["But this.", "Nobody translated this."]
    assert translate.update("attic") == 2
    path = catalogue_path("attic")
    path.write_text(
        path.read_text().replace('msgid "But this."\nmsgstr ""', 'msgid "But this."\nmsgstr "这句有。"')
    )
    assert [m.id for m in missing("attic")] == ["Nobody translated this."]


def test_a_catalogue_that_does_not_compile_is_found():
    head = b'msgid ""\nmsgstr "Content-Type: text/plain; charset=utf-8\\n"\n\n'
    with pytest.raises(PoFileError):
        read_po(io.BytesIO(head + b"half a line\n"), locale="zh_CN", abort_invalid=True)
    wrong_place = b'#, python-format\nmsgid "%(n)s rows"\nmsgstr "%(m)s"\n'
    catalogue = read_po(io.BytesIO(head + wrong_place), locale="zh_CN", abort_invalid=True)
    assert [errors for _message, errors in catalogue.check()]


def words_between_tags(page):
    """What stands in a template outside of tags and of Jinja's braces."""
    data = "".join(text for _line, kind, text in Environment().lex(page) if kind == "data")
    data = re.sub(r"<script.*?</script>|<(code|kbd|pre)\b.*?</\1>", " ", data, flags=re.DOTALL)
    return [" ".join(text.split()) for text in re.findall(r">([^<>]*)<", data)]


def test_no_sentence_hides_in_a_page_without_gettext():
    """Words between tags that no catalogue knows would stay English on a Chinese page."""
    found = [
        f"{page.relative_to(translate.HOUSE)}: {text}"
        for room in ROOMS
        for page in sorted((translate.HOUSE / room).glob("templates/**/*.html"))
        for text in words_between_tags(page.read_text())
        if re.search(r"[A-Za-z]{3,}", text) and '="' not in text and text not in ALLOWED
    ]
    assert found == []


def test_a_sentence_without_gettext_is_found():
    page = '<p class="x">{{ _("Known") }}</p>{% if a > b %}<td>Left behind</td>{% endif %}<code>kept</code>'
    assert [text for text in words_between_tags(page) if text] == ["Left behind"]


# Names that are the same in every language.
ALLOWED = {"CSV", "XLSX", "JSON", "PDF", "ZPL", "SHA-256", "English", "Tab", "Enter", "Space", "Esc", "Ctrl"}
