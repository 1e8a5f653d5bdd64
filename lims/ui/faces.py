"""What the JSON and HTML faces of all rooms share: numbers in addresses, documented problems, filters, downloads."""

from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from flask import Response, request, stream_with_context
from flask_smorest import Blueprint
from marshmallow import ValidationError

from lims.ui.shapes import Load, ProblemDump

# f"/orders/{ID.format('order_id')}": a number of a row, as both databases can hold it
ID = "<int(min=1, max=9007199254740991):{}>"
View = TypeVar("View", bound=Callable[..., Any])


def refusals_of(blueprint: Blueprint) -> Callable[..., Callable[[View], View]]:
    """``@refusals(404, 409)``: document the problems that a route answers with (401, 403, 429 any may)."""

    def refusals(*statuses: int) -> Callable[[View], View]:
        def decorate(view: View) -> View:
            for status in (400, 401, 403, 429, *statuses):
                view = blueprint.alt_response(
                    status, schema=ProblemDump, content_type="application/problem+json"
                )(view)
            return view

        return decorate

    return refusals


def asked(schema: type[Load]) -> dict[str, Any]:
    """The filters in a page's address; what cannot be read counts as not asked, so that the page still opens."""
    loader = schema(unknown="exclude")
    given = {name: value for name, value in request.args.items() if value}
    try:
        return dict(loader.load(given))
    except ValidationError as error:
        names = error.messages_dict
        return dict(loader.load({n: v for n, v in given.items() if n not in names}))


def download(pieces: Iterator[str], content_type: str, name: str) -> Response:
    """A file that is sent while it is read. ``name``: ASCII."""
    response = Response(stream_with_context(pieces), content_type=content_type)
    response.headers["Content-Disposition"] = f"attachment; filename={name}"
    return response


def attachment(content: bytes, media_type: str, name: str) -> Response:
    """A file that is kept, never shown: whatever is inside it cannot act in our name. ``name``: ASCII."""
    response = Response(content, content_type=media_type)
    response.headers["Content-Disposition"] = f"attachment; filename={name}"
    response.headers["Content-Security-Policy"] = "default-src 'none'; frame-ancestors 'none'; sandbox"
    return response
