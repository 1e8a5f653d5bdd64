"""What a mapping says about the files of an instrument. Pure: text in, text out."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum

import orjson


class Encoding(StrEnum):
    """``auto``: by its mark; else UTF-8 where that fits, else GB 18030."""

    AUTO = "auto"
    UTF8 = "utf-8"
    GB18030 = "gb18030"
    UTF16 = "utf-16"


class Delimiter(StrEnum):
    AUTO = "auto"
    COMMA = "comma"
    SEMICOLON = "semicolon"
    TAB = "tab"
    BAR = "bar"
    BLANKS = "blanks"


class DecimalMark(StrEnum):
    POINT = "point"
    COMMA = "comma"


class TableShape(StrEnum):
    """``wide``: one row a sample, one column an analyte; ``long``: one row a sample and analyte."""

    WIDE = "wide"
    LONG = "long"


class Repeats(StrEnum):
    """What the same sample and analyte once more in a file is."""

    REFUSE = "refuse"
    COUNT = "count"  # the next replicate


class Meaning(StrEnum):
    """What a word in place of a figure means."""

    NOT_DETECTED = "not_detected"
    BELOW_LOQ = "below_loq"
    FAILED = "failed"  # the instrument could not measure: the row is refused
    EMPTY = "empty"


@dataclass(frozen=True, slots=True)
class Analyte:
    """``name``: of the column (wide), or in the column of names (long). ``item``: code of the test item;
    ``input``: of its method, empty where only one can be meant. ``unit``: of the figure, empty where the file
    states it."""

    name: str
    item: str
    input: str = ""
    unit: str = ""
    replicate: int = 1


@dataclass(frozen=True, slots=True)
class Word:
    word: str
    meaning: Meaning


USUAL_WORDS = (
    Word("ND", Meaning.NOT_DETECTED),
    Word("<LOD", Meaning.NOT_DETECTED),
    Word("<LOQ", Meaning.BELOW_LOQ),
    Word("---", Meaning.EMPTY),
    Word("OVER", Meaning.FAILED),
)


@dataclass(frozen=True, slots=True)
class FileLayout:
    """Columns are named by their heading, or by number: ``#3`` is the third.

    ``header_row``: line of the headings from 1, 0: none; ``header_text`` instead: the first line with a cell
    that holds this text. ``skip``: lines between headings and rows (units). ``end_text``: the table ends before
    the line that holds it. ``leave_out``: sample numbers that begin like this are blanks and standards.
    """

    encoding: Encoding = Encoding.AUTO
    delimiter: Delimiter = Delimiter.AUTO
    decimal: DecimalMark = DecimalMark.POINT
    header_row: int = 1
    header_text: str = ""
    skip: int = 0
    end_text: str = ""
    end_at_blank: bool = False
    shape: TableShape = TableShape.WIDE
    sample_column: str = ""
    name_column: str = ""
    value_column: str = ""
    unit_column: str = ""
    flag_column: str = ""
    replicate_column: str = ""
    time_column: str = ""
    repeats: Repeats = Repeats.REFUSE
    leave_out: Sequence[str] = ()
    analytes: Sequence[Analyte] = ()
    words: Sequence[Word] = field(default=USUAL_WORDS)


def write_layout(layout: FileLayout) -> str:
    return orjson.dumps(asdict(layout), option=orjson.OPT_SORT_KEYS).decode()


def read_layout(text: str) -> FileLayout:
    """Of what ``write_layout`` wrote."""
    stored = orjson.loads(text)
    return FileLayout(
        **{
            **stored,
            "encoding": Encoding(stored["encoding"]),
            "delimiter": Delimiter(stored["delimiter"]),
            "decimal": DecimalMark(stored["decimal"]),
            "shape": TableShape(stored["shape"]),
            "repeats": Repeats(stored["repeats"]),
            "leave_out": tuple(stored["leave_out"]),
            "analytes": tuple(Analyte(**one) for one in stored["analytes"]),
            "words": tuple(Word(one["word"], Meaning(one["meaning"])) for one in stored["words"]),
        }
    )


def missing_fields(layout: FileLayout) -> Iterator[str]:
    """Fields without which nothing can be read."""
    if not layout.sample_column:
        yield "sample_column"
    if layout.shape is TableShape.LONG:
        yield from (name for name in ("name_column", "value_column") if not getattr(layout, name))
    if not layout.analytes:
        yield "analytes"
