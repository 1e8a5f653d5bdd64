"""Forms lose nothing that was typed, and say at each field what is wrong."""

import re
from datetime import UTC, datetime
from decimal import Decimal
from html import unescape

import pytest
from flask import g

from lims.ui.forms import empty_form, read_form
from tests.support.accounts import allow_posts
from tests.ui.gallery import Colour, FormLoad

RIGHT = {"customer": "青岛某油脂有限公司", "kind": "a"}


@pytest.fixture
def send(gallery_app):
    client = browser_of(gallery_app, "en")
    return lambda **typed: client.post("/gallery", data={**RIGHT, **typed})


def browser_of(app, language):
    client = app.test_client()
    client.environ_base["HTTP_ACCEPT_LANGUAGE"] = language
    allow_posts(client)
    return client


def values_of(gallery_app, **typed):
    with gallery_app.test_request_context("/gallery", method="POST", data={**RIGHT, **typed}):
        return read_form(FormLoad)


def shown(page, name):
    found = re.search(rf'name="{name}"[^>]*? value="([^"]*)"', page.text)
    return unescape(found[1]) if found else None


def fault_at(page, name):
    found = re.search(rf'id="f-{name}-error">([^<]*)<', page.text)
    return unescape(found[1]) if found else None


def test_a_right_form_is_saved(send):
    answer = send(mass="100.20", due_on="2026-11-23", colours=["fail", "verified"])
    assert (answer.status_code, answer.location) == (302, "/gallery?saved=1")


def test_every_digit_typed_is_kept(gallery_app):
    assert str(values_of(gallery_app, mass="100.20").values["mass"]) == "100.20"


TYPED = {
    "customer": "  x ",
    "mass": "12,5 g",
    "due_on": "23.11.2026",
    "received_at": "yesterday",
    "note": 'several\nlines & <tags> "quoted"',
    "address-street": "香港中路 1 号",
    "inputs-m1": "abc",
    "samples-0-name": "花生油",
    "samples-0-mass": "x",
    "samples-1-name": "酱油",
}


def test_nothing_typed_is_lost_when_something_is_wrong(send):
    page = send(**TYPED, kind="b", urgent="true", colours=["fail"])
    assert page.status_code == 422
    for name, text in TYPED.items():
        if name != "note":
            assert shown(page, name) == text, name
    area = re.search(r'<textarea[^>]*name="note"[^>]*>\n(.*?)</textarea>', page.text, re.DOTALL)[1]
    assert unescape(area) == TYPED["note"]
    assert 'name="kind" value="b" checked' in page.text
    assert re.search(r'name="urgent" value="true" checked', page.text)
    assert '<option value="fail" selected>' in page.text


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("customer", "", "Please fill this in."),
        ("customer", "x", "Between 2 and 40 characters are needed."),
        ("customer", "x" * 41, "Between 2 and 40 characters are needed."),
        ("mass", "abc", "A number is expected here."),
        ("mass", "-1", "Must be between 0 and 200."),
        ("due_on", "tomorrow", "A date such as 2026-11-22 is expected here."),
        ("kind", "c", "Please choose one of: a, b."),
        ("colours", "blue", "Please choose one of: to_test, in_test, returned, fail, verified, retained."),
        ("samples-0-name", "x" * 21, "At most 20 characters are possible."),
        ("inputs-m1", "x", "A number is expected here."),
    ],
)
def test_each_fault_stands_at_its_field_in_our_words(send, name, text, sentence):
    page = send(**{name: text})
    assert page.status_code == 422
    assert fault_at(page, name) == sentence


def test_faults_speak_the_readers_language(gallery_app):
    page = browser_of(gallery_app, "zh-CN").post("/gallery", data={"kind": "a"})
    assert fault_at(page, "customer") == "请填写此项。"


def test_a_refusal_of_the_use_case_becomes_part_of_the_form(send):
    page = send(customer="conflict", mass="7.0")
    assert page.status_code == 409
    assert 'data-code="same_name"' in page.text
    assert fault_at(page, "customer") == "已有同名单位"
    assert shown(page, "mass") == "7.0"
    assert send(customer="refuse").status_code == 409


def test_what_no_reader_can_answer_passes_through(send):
    assert send(customer="missing").status_code == 404


def test_rows_nobody_filled_in_are_left_out_and_the_others_close_up(gallery_app):
    form = values_of(
        gallery_app,
        **{"samples-0-name": "", "samples-3-name": "a", "samples-7-name": "b", "samples-7-mass": "1"},
    )
    assert [row["name"] for row in form.values["samples"]] == ["a", "b"]
    assert form.typed("samples-1-name") == "b"
    assert form.count("samples", 1) == 2


def test_values_arrive_as_what_they_are(gallery_app):
    form = values_of(
        gallery_app,
        mass=" 1.50 ",
        received_at="2026-11-22T14:05",
        urgent="true",
        colours=["fail"],
        **{"address-street": "x", "inputs-m1": "2.0", "inputs-m2": ""},
    )
    values = form.values
    assert values["mass"] == Decimal("1.50")
    assert values["received_at"].astimezone(UTC) == datetime(2026, 11, 22, 6, 5, tzinfo=UTC), (
        "a page's clock is Shanghai's"
    )
    assert values["urgent"] is True
    assert values["colours"] == [Colour.FAIL]
    assert values["address"] == {"street": "x"}
    assert values["inputs"] == {"m1": Decimal("2.0")}


def test_an_unticked_box_and_an_empty_date_are_values(gallery_app):
    values = values_of(gallery_app, urgent="false", due_on="", mass="").values
    assert (values["urgent"], values["due_on"], values["mass"]) == (False, None, None)


def test_a_stored_row_fills_the_form_as_it_was_typed(gallery_app):
    with gallery_app.test_request_context("/"):
        form = empty_form(
            FormLoad,
            {"ignored": 1},
            customer="x",
            mass=Decimal("100.20"),
            received_at=datetime(2026, 11, 22, 6, 5, tzinfo=UTC),
            colours=[Colour.FAIL],
            samples=[{"name": "a", "mass": Decimal("1.0")}],
            urgent=True,
        )
    assert form.typed("mass") == "100.20"
    assert form.typed("received_at") == "2026-11-22T14:05"
    assert form.typed_list("colours") == ["fail"]
    assert form.typed("samples-0-mass") == "1.0"
    assert form.typed("urgent") == "true"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("customer", "\x00" * 3),
        ("customer", "\ud800" * 3),
        ("mass", "1e400000000"),
        ("mass", "NaN"),
        ("mass", "９" * 50),
        ("samples-999999-name", "x"),
        ("samples-99999999999-name", "x"),
        ("samples--1-name", "x"),
        ("inputs-" + "x" * 5000, "1"),
        ("due_on", "0000-00-00"),
        ("due_on", "9" * 400),
        ("urgent", "perhaps"),
    ],
)
def test_no_input_whatsoever_is_a_fault_of_ours(gallery_app, name, text):
    typed = {name.encode("utf-8", "surrogatepass"): text.encode("utf-8", "surrogatepass")}
    body = b"&".join(k + b"=" + b"".join(b"%%%02x" % c for c in v) for k, v in typed.items())
    answer = browser_of(gallery_app, "en").post(
        "/gallery", data=body + b"&kind=a", content_type="application/x-www-form-urlencoded"
    )
    assert answer.status_code in {302, 400, 409, 422}


def test_each_form_of_a_page_may_have_ids_of_its_own(gallery_app):
    from flask import render_template_string

    page = '{% import "ui/macros.html" as ui %}{{ ui.field(form, "customer", "Customer", help="x") }}{{ ui.ticks(form, "colours", "States", [("fail", "fail")]) }}'
    with gallery_app.test_request_context("/"):
        g.csp_nonce = ""
        form = empty_form(FormLoad, customer="x")
        form.prefix = "own"
        drawn = render_template_string(page, form=form)
    assert 'for="own-customer"' in drawn
    assert 'id="own-customer"' in drawn
    assert 'aria-describedby="own-customer-help"' in drawn
    assert 'id="f-' not in drawn


def test_the_key_of_a_form_stays_the_same_while_it_is_corrected(send):
    page = send(customer="", request_key="k-1")
    assert 'name="request_key" value="k-1"' in page.text
