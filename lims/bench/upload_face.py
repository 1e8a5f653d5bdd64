"""A file that came with a form, for the faces."""

from flask_babel import gettext as _
from werkzeug.datastructures import FileStorage

from lims.bench.files.import_shapes import ImportFile, refused


def uploaded(file: FileStorage | None, most: int) -> ImportFile:
    """``most``: bytes that are read, one more than may come. Raises InvalidInput (``nothing_given``)."""
    if file is None:
        raise refused("nothing_given", _("Choose a file."))
    name = "".join(c for c in file.filename or "" if c.isprintable())[:100]
    return ImportFile(name or "file", file.stream.read(most + 1))
