"""An application with the gallery on it: every part of a page, without a laboratory behind it."""

import pytest

from lims.access import ACCESS
from lims.app import create_app
from lims.ui import labels
from tests.support.backends import settings_for
from tests.ui import gallery


@pytest.fixture(scope="module")
def gallery_app(tmp_path_factory):
    data = tmp_path_factory.mktemp("gallery")
    settings = settings_for(f"sqlite:///{data / 'none.sqlite'}", data)
    app = create_app(settings, TESTING=True)
    app.config["PROPAGATE_EXCEPTIONS"] = False  # a fault is answered as in real life
    gallery.install(app)
    yield app
    for endpoint in [name for name in ACCESS if name.startswith("gallery.")]:
        del ACCESS[endpoint]
    labels._labels.pop("Colour")
    labels._tones.pop("Colour")
