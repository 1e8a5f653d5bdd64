"""The translated sentences are found."""

import pytest
from flask_babel import gettext

from lims.ui.translate import catalogue_path, read_catalogue


@pytest.mark.parametrize("asked", ["zh", "zh-CN", "zh-CN,zh;q=0.9,en;q=0.8"])
def test_chinese_readers_get_the_sentences_of_the_catalogue(app, asked):
    known = read_catalogue("ui").get("Today")
    assert known is not None
    assert known.string
    compiled = catalogue_path("ui").with_suffix(".mo")
    assert compiled.exists(), "run script/setup, or python -m lims.ui.translate ui"
    with app.test_request_context(headers={"Accept-Language": asked}):
        assert gettext("Today") == known.string


def test_english_readers_get_the_source(app):
    with app.test_request_context(headers={"Accept-Language": "en"}):
        assert gettext("Today") == "Today"
