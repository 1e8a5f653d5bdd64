"""Words for the search index of both databases.

Neither FTS5's trigram nor pg_trgm finds two-character Chinese words. So a text is indexed as its
overlapping pairs of characters, and a query asks for the pairs in order: a phrase of pairs is the
substring itself. Single characters are indexed too.
"""

import unicodedata


def normalised(text: str) -> str:
    """Width- and case-folded text, blanks folded to one."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def _word(characters: str) -> str:
    # Any character becomes letters: neither tokenizer may drop or split a token.
    return "x" + "".join(f"{ord(c):x}q" for c in characters)


def pairs(text: str) -> list[str]:
    """Index words of ``text``: every pair of neighbours (also across blanks), the last one alone."""
    folded = normalised(text)
    return [_word(folded[n : n + 2]) for n in range(len(folded))]


def index_text(*texts: str | None) -> str:
    """What the index stores of a row's texts; a gap keeps phrases inside one text."""
    return " xgap ".join(" ".join(pairs(t)) for t in texts if t)


def query_words(text: str) -> list[str]:
    """Words that must follow each other; for one character a prefix: its word starts every pair."""
    folded = normalised(text)
    if len(folded) == 1:
        return [_word(folded) + "*"]
    return [_word(folded[n : n + 2]) for n in range(len(folded) - 1)]
