"""A list of standards as somebody publishes it, read row by row: Chinese or English headings, any order."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from flask_babel import gettext as _

from lims.catalogue.check_models import ListStatus
from lims.catalogue.standard_codes import Code, read_code
from lims.core.cells import plain, read_date
from lims.core.errors import InvalidInput
from lims.core.search import normalised

MOST_ROWS = 2_000
HEADINGS: Mapping[str, tuple[str, ...]] = {
    "code": (
        "标准号",
        "标准编号",
        "标准代号",
        "standard number",
        "standard no",
        "standard",
        "number",
        "code",
    ),
    "title": (
        "标准名称",
        "中文名称",
        "名称",
        "标准中文名称",
        "title",
        "standard title",
        "name",
        "chinese title",
    ),
    "status": ("状态", "标准状态", "现行状态", "status", "state"),
    "published_on": (
        "发布日期",
        "发布日",
        "颁布日期",
        "published",
        "published on",
        "date of publication",
        "issued",
    ),
    "in_force_from": (
        *(
            "实施日期",
            "实施日",
            "生效日期",
            "implemented",
            "implementation date",
            "effective",
            "effective date",
        ),
        *("in force from", "effective from", "implemented on"),
    ),
    "withdrawn_from": (
        *("废止日期", "作废日期", "废止/代替日期", "代替日期", "被代替日期", "withdrawn", "withdrawn on"),
        *("withdrawn from", "replaced on", "date of withdrawal", "withdrawal date"),
    ),
    "replaced_by": (
        *("被代替标准", "被代替标准号", "代替者", "被替代标准", "替代标准", "被以下标准代替", "新标准号"),
        *("replaced by", "superseded by", "successor"),
    ),
    "replaces": ("代替标准", "代替标准号", "代替", "被其代替的标准", "原标准号", "replaces", "supersedes"),
}
STATES: Mapping[ListStatus, tuple[str, ...]] = {
    ListStatus.IN_FORCE: ("现行", "有效", "现行有效", "in force", "current", "active", "valid", "effective"),
    ListStatus.UPCOMING: (
        "即将实施",
        "未实施",
        "未生效",
        "尚未实施",
        "upcoming",
        "not yet in force",
        "published",
    ),
    ListStatus.WITHDRAWN: (
        "废止",
        "作废",
        "已废止",
        "已作废",
        "withdrawn",
        "abolished",
        "cancelled",
        "obsolete",
    ),
    ListStatus.REPLACED: ("被代替", "被替代", "已被代替", "代替", "replaced", "superseded"),
}
LONGEST: Mapping[str, int] = {"code": 80, "title": 200, "replaced_by": 80, "replaces": 80}
_DAYS = ("published_on", "in_force_from", "withdrawn_from")
_NOTHING = frozenset({"", "-", "--", "/", "无", "none", "n/a"})


def _key(text: str) -> str:
    return normalised(text).strip(" .:：").replace(" ", "").replace("_", "")


_WORDS = {_key(word): name for name, words in HEADINGS.items() for word in words}
_STATES = {_key(word): status for status, words in STATES.items() for word in words}


@dataclass(frozen=True, slots=True)
class ListRow:
    """One standard of the list. ``row``: its line in the file, from 1 with the heading; dates as the list has them."""

    row: int
    code: Code
    title: str
    status: ListStatus
    published_on: date | None = None
    in_force_from: date | None = None
    withdrawn_from: date | None = None
    replaced_by: Code | None = None
    replaces: Code | None = None


@dataclass(frozen=True, slots=True)
class ReadRow:
    """A line as it came, with its faults or what it says."""

    row: int
    cells: tuple[str, ...]
    said: ListRow | None
    faults: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class StandardsList:
    """``ignored``: headings of columns that are not used."""

    heading: tuple[str, ...]
    rows: tuple[ReadRow, ...]
    ignored: tuple[str, ...] = field(default=())

    @property
    def good(self) -> list[ListRow]:
        return [row.said for row in self.rows if row.said is not None]

    @property
    def faulty(self) -> list[ReadRow]:
        return [row for row in self.rows if row.faults]


def read_list(table: Sequence[Sequence[str]]) -> StandardsList:
    """``table``: cells of a sheet, headings first. Faults of rows are in the answer.

    Raises InvalidInput (``list_empty``, ``list_too_long``, ``list_without_headings``, ``list_column_twice``).
    """
    heading, body = (list(table[0]), table[1:]) if table else ([], [])
    columns = [_WORDS.get(_key(cell), "") for cell in heading]
    _refuse_unreadable(columns, len(body))
    reader = _Reader(columns)
    rows = tuple(reader.read(place, cells) for place, cells in enumerate(body, 2))
    ignored = tuple(cell for cell, name in zip(heading, columns, strict=True) if not name and cell.strip())
    return StandardsList(tuple(heading), rows, ignored)


def _refuse_unreadable(columns: Sequence[str], rows: int) -> None:
    if "code" not in columns or "status" not in columns:
        raise _refused(
            "list_without_headings",
            _("The first row must be headings; “standard number” and “status” are needed at least."),
        )
    used = [name for name in columns if name]
    if len(set(used)) != len(used):
        raise _refused("list_column_twice", _("Two columns have the same meaning; leave one out."))
    if not rows:
        raise _refused("list_empty", _("There are headings but no row below them."))
    if rows > MOST_ROWS:
        raise _refused("list_too_long", _("At most %(n)s standards are compared at once.", n=MOST_ROWS))


def _refused(code: str, sentence: str) -> InvalidInput:
    return InvalidInput(sentence, code=code, fields={"file": [sentence]})


class _Reader:
    def __init__(self, columns: Sequence[str]) -> None:
        self.columns = columns
        self._seen: dict[str, int] = {}

    def read(self, row: int, cells: Sequence[str]) -> ReadRow:
        texts = {
            name: plain(cell)
            for name, cell in zip(self.columns, cells, strict=False)
            if name and _key(cell) not in _NOTHING
        }
        faults: list[str] = []
        said = self._said(row, texts, faults)
        return ReadRow(row, tuple(cells), None if faults else said, tuple(faults))

    def _said(self, row: int, texts: Mapping[str, str], faults: list[str]) -> ListRow | None:
        for name, longest in LONGEST.items():
            if len(texts.get(name, "")) > longest:
                faults.append(_("“%(text)s…” is too long.", text=texts[name][:30]))
        code = self._code(row, texts, faults)
        status = _status(texts, faults)
        days = {name: _day(texts[name], faults) for name in _DAYS if name in texts}
        first, last = days.get("in_force_from"), days.get("withdrawn_from")
        if first is not None and last is not None and last < first:
            faults.append(_("It would be withdrawn before it comes into force."))
        others = {
            name: _other(texts[name], code, faults) for name in ("replaced_by", "replaces") if name in texts
        }
        if faults or code is None or status is None:
            return None
        return ListRow(
            row,
            code,
            texts.get("title", ""),
            status,
            published_on=days.get("published_on"),
            in_force_from=first,
            withdrawn_from=last,
            replaced_by=others.get("replaced_by"),
            replaces=others.get("replaces"),
        )

    def _code(self, row: int, texts: Mapping[str, str], faults: list[str]) -> Code | None:
        text = texts.get("code", "")
        if not text:
            faults.append(_("The number of the standard is missing."))
            return None
        code = read_code(text)
        if code is None:
            faults.append(_("“%(text)s” is not the number of a standard.", text=text[:60]))
        elif code.lacks_year:
            faults.append(_("“%(text)s” does not name its year.", text=text[:60]))
        elif code.text in self._seen:
            faults.append(_("%(code)s stands in row %(n)s already.", code=code.text, n=self._seen[code.text]))
        else:
            self._seen[code.text] = row
        return code


def _status(texts: Mapping[str, str], faults: list[str]) -> ListStatus | None:
    text = texts.get("status", "")
    status = _STATES.get(_key(text))
    if not text:
        faults.append(_("The status is missing."))
    elif status is None:
        faults.append(
            _(
                "The status “%(text)s” is not known: in force, upcoming, withdrawn or replaced.",
                text=text[:40],
            )
        )
    return status


def _day(text: str, faults: list[str]) -> date | None:
    day = read_date(text)
    if day is None or not 1949 <= day.year <= 2200:
        faults.append(_("“%(text)s” is not a date; write it as 2026-11-22.", text=text[:40]))
        return None
    return day


def _other(text: str, own: Code | None, faults: list[str]) -> Code | None:
    code = read_code(text)
    if code is None:
        faults.append(_("“%(text)s” is not the number of a standard.", text=text[:60]))
    elif code == own:
        faults.append(_("A standard cannot replace itself."))
    return code
