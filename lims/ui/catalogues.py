"""Where the translated sentences are found."""

from babel.support import NullTranslations, Translations
from flask_babel import Domain, get_locale


class HouseDomain(Domain):
    """Looks in ``zh_CN`` for the locale that Babel, resolving what is likely, calls ``zh_Hans_CN``."""

    def get_translations(self) -> NullTranslations:
        locale = get_locale()
        if locale is None:
            return NullTranslations()
        folder = f"{locale.language}_{locale.territory}" if locale.territory else locale.language
        if folder not in self.cache:
            merged = Translations()
            for directory in self.translation_directories:
                found = Translations.load(directory, [folder], self.domain[0])
                if isinstance(found, Translations):
                    merged.merge(found)
                    merged.plural = found.plural  # merge() leaves it out
            self.cache[folder] = merged
        words: NullTranslations = self.cache[folder]
        return words
