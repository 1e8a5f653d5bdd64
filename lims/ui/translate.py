"""Bring a room's Chinese catalogue up to date: ``python -m lims.ui.translate <room> [<room> ...]``.

Collects every sentence in gettext from the room's ``.py`` and ``.html`` files and merges it into
``lims/<room>/translations/zh_CN/LC_MESSAGES/messages.po``: what is translated stays, new sentences come
with an empty ``msgstr`` (fill them in), sentences no longer used go. Then says how many are missing and
compiles the ``.mo`` so that the running application shows them. Run it again after filling in.
``--list`` only prints the missing sentences.
"""

import io
import sys
from collections.abc import Iterator
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_file
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

HOUSE = Path(__file__).parent.parent
KEYWORDS = {
    "_": None,
    "gettext": None,
    "ngettext": (1, 2),
    "lazy_gettext": None,
    "_l": None,
    "lazy_ngettext": (1, 2),
    "pgettext": ((1, "c"), 2),
    "lazy_pgettext": ((1, "c"), 2),
    "_p": ((1, "c"), 2),
}


def rooms() -> list[str]:
    """Every room that has a catalogue or could have one."""
    return sorted(p.parent.name for p in HOUSE.glob("*/__init__.py"))


def catalogue_path(room: str) -> Path:
    return HOUSE / room / "translations" / "zh_CN" / "LC_MESSAGES" / "messages.po"


def sources(room: str) -> Iterator[tuple[Path, str]]:
    """(file, Babel's extraction method) of one room; ``house`` stands for the modules beside the rooms."""
    top = HOUSE / room
    for path in sorted(
        [*top.rglob("*.py"), *top.glob("templates/**/*.html"), *top.glob("templates/**/*.txt")]
    ):
        yield path, "python" if path.suffix == ".py" else "jinja2.ext:babel_extract"
    if room == "core":  # the modules beside the rooms
        for path in sorted(HOUSE.glob("*.py")):
            yield path, "python"


def extract(room: str) -> Catalog:
    """The sentences that stand in the room's code and pages now."""
    found = Catalog(locale="zh_CN", project="lims", charset="utf-8")
    for path, method in sources(room):
        options = {"silent": "false", "trimmed": "false"} if method.startswith("jinja2") else {}
        for line, message, comments, context in extract_from_file(method, path, KEYWORDS, options=options):
            place = [(path.relative_to(HOUSE.parent).as_posix(), line)]
            found.add(message, None, locations=place, auto_comments=comments, context=context)
    return found


def read_catalogue(room: str) -> Catalog:
    path = catalogue_path(room)
    if not path.exists():
        return Catalog(locale="zh_CN", project="lims", charset="utf-8", fuzzy=False)
    return read_po(io.BytesIO(path.read_bytes()), locale="zh_CN")


def missing(room: str) -> list[Message]:
    """Sentences in use without a settled translation."""
    known = read_catalogue(room)
    lacking = []
    for message in extract(room):
        if not message.id:
            continue
        translated = known.get(message.id if isinstance(message.id, str) else message.id[0], message.context)
        if translated is None or translated.fuzzy or not translated.string or not all(_texts(translated)):
            lacking.append(message)
    return lacking


def _texts(message: Message) -> list[str]:
    return [message.string] if isinstance(message.string, str) else list(message.string or ())


def update(room: str) -> int:
    """Merge, write, compile; the number of sentences still to translate."""
    catalogue = read_catalogue(room)
    catalogue.update(extract(room), no_fuzzy_matching=True)
    catalogue.obsolete.clear()
    catalogue.fuzzy = False
    path = catalogue_path(room)
    path.parent.mkdir(parents=True, exist_ok=True)
    for message in catalogue:
        message.locations = sorted({(file, 0) for file, _line in message.locations})
    with path.open("wb") as file:  # no line numbers, no dates: a change shows only what changed
        write_po(
            file,
            catalogue,
            width=100,
            sort_by_file=False,
            sort_output=True,
            omit_header=False,
            include_lineno=False,
        )
    _still(path)
    with path.with_suffix(".mo").open("wb") as file:
        write_mo(file, read_catalogue(room))
    return len(missing(room))


def _still(path: Path) -> None:
    """Leave out the dates of the header, which would make every run a change."""
    lines = path.read_text("utf-8").splitlines(keepends=True)
    path.write_text(
        "".join(x for x in lines if not x.startswith(('"POT-Creation-Date', '"PO-Revision-Date'))), "utf-8"
    )


def main(arguments: list[str]) -> int:
    wanted = [a for a in arguments if not a.startswith("-")] or rooms()
    only_list = "--list" in arguments
    lacking = 0
    for room in wanted:
        if not (HOUSE / room / "__init__.py").exists():
            print(f"no room named {room}", file=sys.stderr)
            return 2
        count = len(missing(room)) if only_list else update(room)
        lacking += count
        print(f"{room}: {count} to translate")
        for message in missing(room) if count else ():
            print(f"  {message.id!r}  {message.locations[0][0]}:{message.locations[0][1]}")
    return 1 if lacking else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
