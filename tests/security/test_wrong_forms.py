"""Whatever is typed into a page or its address, the answer is a page: never a fault, and nothing typed is lost."""

import html
import io
import re
from collections.abc import Callable, Iterator

import pytest
from flask.testing import FlaskClient
from marshmallow import fields
from marshmallow.validate import OneOf
from werkzeug.datastructures import MultiDict
from werkzeug.routing import Rule as Route

from lims.core.permissions import Role
from lims.ui.shapes import Load, storable
from tests.support.accounts import make_account, sign_in
from tests.support.backends import ON_POSTGRESQL
from tests.support.reports import make_house

STAFF = [role for role in Role if role is not Role.CUSTOMER]
ENDS_THE_VISIT = {"people.sign_out", "people.abandon"}
# A text that is too long, holds what HTML must escape, and can be found again.
LONG = "龙井<茶>&\"'" * 1250
FAULTS = {
    "blank": "",
    "words": "not a number, not a day",
    "long": LONG,
    "NUL": "a\x00b",
    "surrogate": "a\ud800b",
    "huge": "9" * 400,
    "negative": "-1",
    "exponent": "1e999999999",
    "full width": "12.5",
    "infinite": "NaN",
    "markup": "<script>alert(1)</script>",
}
ALL = tuple(FAULTS.values())
# A page cannot show half a character or NUL; everything else comes back.
KEPT = {text for name, text in FAULTS.items() if name not in {"blank", "NUL", "surrogate"}}
# Each field meets another fault in each round.
ROUNDS = 3
JUNK_QUERY = (
    "cursor=xyz&size=-1&q=%00&page=1e99&sort=%F0%9F%92%A3",
    "q="
    + "9" * 400
    + "&from=9999-99-99&to=0000-00-00&state=nothing&section=99999999999999999999&on=yesterday",
)
INPUT = re.compile(r"<(?:input|select|textarea)\b[^>]*\bname=\"([^\"]+)\"[^>]*>")
FORM = re.compile(r"<form\b([^>]*)>(.*?)</form>", re.S)
NOT_TYPED = {"csrf_token", "request_key", "next"}


def address(route: Route, number: int) -> str:
    filled = re.sub(r"<(int|big|row_id)[^>]*>", str(number), route.rule)
    filled = re.sub(r"<any\((\w+)[^>]*>", r"\1", filled)
    return re.sub(r"<[^>]*>", "nothing", filled)


def pages(app, method: str) -> Iterator[Route]:
    for route in app.url_map.iter_rules():
        if method in route.methods and not route.rule.startswith("/api/") and "static" not in route.endpoint:
            yield route


@pytest.fixture
def browser(app, uow, database) -> Callable[[], FlaskClient]:
    """Signs somebody with every role of the staff in, in a laboratory where row 1 of everything exists."""
    house = make_house(uow)
    house.issued(house.order("moisture"), database.data / "files")
    house.draft(house.order("moisture"))
    house.order(verified=False)
    return lambda: sign_in(app.test_client(), make_account(uow, *STAFF))


def signed_out(answer) -> bool:
    return answer.status_code == 401 or "/sign-in" in answer.headers.get("Location", "")


def fields_by_action(app, enter) -> dict[str, dict[str, str]]:
    """Address of a form -> its fields and the tags that draw them, as all pages show them."""
    found: dict[str, dict[str, str]] = {}
    browser = enter()
    for route in pages(app, "GET"):
        if route.endpoint in ENDS_THE_VISIT:
            continue
        here = address(route, 1)
        answer = browser.get(here, buffered=True)
        if answer.mimetype != "text/html" or answer.status_code != 200:
            continue
        for attributes, inside in FORM.findall(answer.text):
            if 'method="post"' not in attributes:
                continue
            action = re.search(r'\baction="([^"]*)"', attributes)
            target = (html.unescape(action[1]) if action else here).split("?")[0] or here
            fields = found.setdefault(target, {})
            fields.update({m[1]: m[0] for m in INPUT.finditer(inside) if m[1] not in NOT_TYPED})
    return found


def tags_that_keep(fields: dict[str, str]) -> list[str]:
    """Names of the inputs in which a person types a plain text."""
    return [
        name
        for name, tag in fields.items()
        if tag.startswith("<textarea") or (tag.startswith("<input") and 'type="text"' in tag)
    ]


def is_page(answer) -> bool:
    if 300 <= answer.status_code < 400:
        return True
    return 200 <= answer.status_code < 500 and (answer.mimetype == "text/html" or answer.status_code == 200)


def send(browser: FlaskClient, target: str, values: MultiDict):
    return browser.post(target, data=values, headers={"Accept": "text/html"}, buffered=True)


def test_every_form_refuses_what_is_wrong_with_a_page_and_keeps_what_was_typed(app, browser):
    fields_of = fields_by_action(app, browser)
    assert len(fields_of) > 40
    wrong, refused, kept = [], 0, 0
    somebody = browser()
    for route in pages(app, "POST"):
        target = address(route, 1)
        fields = fields_of.get(target, {})
        for turn in range(ROUNDS if fields else 0):
            texts = {name: ALL[(place + turn * 4) % len(ALL)] for place, name in enumerate(fields)}
            values = MultiDict((name, text.encode("utf-8", "surrogatepass")) for name, text in texts.items())
            answer = send(somebody, target, values)
            if not is_page(answer):
                wrong.append((route.rule, turn, answer.status_code, answer.mimetype))
            if answer.status_code == 422:
                refused += 1
                shown = html.unescape(answer.text)
                for name in tags_that_keep(fields):
                    if texts[name] in KEPT and f'name="{name}"' in answer.text:
                        kept += 1
                        if texts[name] not in shown:
                            wrong.append((route.rule, name, texts[name][:20], "lost"))
            if signed_out(answer):
                somebody = browser()
    assert refused > 40
    assert kept > 20
    assert wrong == []


@ON_POSTGRESQL
def test_every_form_refuses_lists_files_and_unknown_fields_with_a_page(app, browser):
    fields_of = fields_by_action(app, browser)
    wrong = []
    somebody = browser()
    for route in pages(app, "POST"):
        target = address(route, 1)
        fields = fields_of.get(target, {})
        twice = MultiDict((field, value) for field in fields for value in ("1", "x"))
        files = MultiDict((field, (io.BytesIO(b"\x00\xff"), "x.bin")) for field in fields)
        strange = MultiDict(
            {
                "a[b]": "1",
                "samples-99999999-name": "x",
                "samples-0-0-0": "x",
                "inputs-": "1",
                "": "",
                "ids": "x",
            }
        )
        for sent in (MultiDict(), twice, files, strange):
            answer = send(somebody, target, sent)
            if not is_page(answer):
                wrong.append((route.rule, list(sent)[:3], answer.status_code, answer.mimetype))
            if signed_out(answer):
                somebody = browser()
    assert wrong == []


def test_every_page_bears_a_wrong_address(app, browser):
    wrong = []
    somebody = browser()
    for route in pages(app, "GET"):
        if route.endpoint in ENDS_THE_VISIT or route.endpoint == "healthz":
            continue
        for number, query in [(1, junk) for junk in JUNK_QUERY] + [(2**63, "")]:
            answer = somebody.get(f"{address(route, number)}?{query}", buffered=True)
            if answer.status_code >= 500:
                wrong.append((route.rule, query or number, answer.status_code))
    assert wrong == []


# Texts that are taken apart before anything of them is stored, and looked through then.
TAKEN_APART = {
    "PasteLoad.text",
    "OrderFormLoad.pasted",
    "CalibrationJsonLoad.scan",
    "SignSelectedLoad.chosen",
}


def texts_of(field, path):
    if isinstance(field, fields.List):
        yield from texts_of(field.inner, path)
    elif isinstance(field, fields.Dict):
        for part in (field.key_field, field.value_field):
            yield from texts_of(part, path)
    elif isinstance(field, fields.String):
        yield path, field


def every_load(kind=Load):
    for schema in kind.__subclasses__():
        yield schema
        yield from every_load(schema)


def test_no_field_takes_a_text_that_a_database_refuses(app):
    """NUL and halves of surrogate pairs: SQLite would keep some of them, PostgreSQL answers with a fault."""
    open_doors = {
        path
        for schema in every_load()
        if schema.__module__.startswith("lims.")
        for name, field in schema._declared_fields.items()
        for path, text in texts_of(field, f"{schema.__name__}.{name}")
        if storable not in text.validators and not any(isinstance(v, OneOf) for v in text.validators)
    }
    assert open_doors == TAKEN_APART
