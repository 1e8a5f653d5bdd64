"""Sentences that are kept with an order in both languages, so they cannot follow the reader's language."""

from dataclasses import dataclass

from flask_babel import get_locale


@dataclass(frozen=True, slots=True)
class Sentence:
    """A stable code and what it says, in Chinese and English."""

    code: str
    zh: str
    en: str

    @property
    def text(self) -> str:
        """In the language of the request; Chinese outside one."""
        return in_language(self.zh, self.en)

    def __str__(self) -> str:
        return self.text


def in_language(zh: str, en: str) -> str:
    """The one of the request; Chinese outside one."""
    locale = get_locale()
    return en if locale is not None and locale.language == "en" else zh


def say(templates: dict[str, tuple[str, str]], code: str, /, **facts: object) -> Sentence:
    """The sentence of ``code`` with ``{name}`` places filled; facts of two languages: ``name_zh, name_en``."""
    zh, en = templates[code]
    return Sentence(code, zh.format(**facts), en.format(**facts))
