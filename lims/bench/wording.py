"""Names in the reader's language, for sentences of use cases."""

from flask_babel import get_locale


def named(row: object, stem: str = "name") -> str:
    """``name_zh`` or ``name_en`` (or ``label_...``) of a row; Chinese outside a request."""
    locale = get_locale()
    english = locale is not None and locale.language == "en"
    zh, en = str(getattr(row, f"{stem}_zh", "")), str(getattr(row, f"{stem}_en", ""))
    return (en or zh) if english else (zh or en)
