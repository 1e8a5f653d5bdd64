"""Pages of samples in a browser: list, receive check, timeline, custody by scan, storage, retention, labels."""

import re
from io import BytesIO

import pytest
from sqlalchemy import select

from lims.core.audit import AuditEvent
from lims.core.files import FileStore
from lims.core.permissions import SYSTEM
from lims.intake.letters import write_refusal_letter
from lims.intake.models import CustodyEvent, LabelPrinter, Sample, StoragePlace
from lims.intake.printers import create_printer
from lims.intake.receiving import refuse_sample
from lims.intake.states import SampleState
from tests.intake.makers import ADMINISTRATOR, ANALYST, BAKER, CLERK, HEAD, REVIEWER, make_house
from tests.intake.sample_makers import browser_of, chain, check, make_samples, picture, put_in, received
from tests.intake.test_receiving import enter_laboratory
from tests.reports.reading import codes_on, reader
from tests.reports.reading import picture as page_picture
from tests.support.queries import statements_of


@pytest.fixture
def house(uow):
    return make_house(uow)


@pytest.fixture
def store(database):
    return FileStore(database.data / "files")


@pytest.fixture
def desk(app, uow, house):
    """Reception's browser."""
    return browser_of(app, uow, CLERK)


@pytest.fixture
def bench(app, uow, house):
    return browser_of(app, uow, ANALYST)


def fresh(uow, sample):
    uow.session.rollback()
    return uow.session.get(Sample, sample.id, populate_existing=True)


def text_of(answer):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", answer.text))


def check_form(sample, **more):
    usual = {
        "version": sample.version,
        "seal": "intact",
        "temperature": "4.0",
        "amount": "500 g",
        "condition": "完好",
        "verdict": "accept",
    }
    return usual | more


# -- the list ------------------------------------------------------------------------


def test_the_list_shows_samples_with_links_and_answers_its_filters(uow, house, desk):
    samples = make_samples(uow, house, 3)
    page = desk.get("/samples?lang=en")
    assert page.status_code == 200
    assert f"/samples/{samples[0].id}" in page.text
    found = text_of(desk.get(f"/samples?q={samples[1].number}&lang=en"))
    assert samples[1].number in found
    assert samples[0].number not in found
    assert "Nothing matches" in text_of(desk.get("/samples?state=disposed&lang=en"))
    assert "Nothing matches" in text_of(desk.get("/samples?holder=me&due=late&lang=en"))


@pytest.mark.parametrize(
    "query",
    [
        "state=nothing",
        "holder=999999999999999999999",
        "place=x",
        "customer=99999999999999999999",
        "order=-1",
        "category=1%27",
        "since=2026-13-01",
        "due=never",
        "cursor=abc",
    ],
)
def test_a_filter_that_cannot_be_gets_its_sentence(uow, house, desk, query):
    assert desk.get(f"/samples?{query}").status_code == 422


@pytest.mark.parametrize("q", ["%00", "'", '"', "*", "NEAR(", "x" * 500, "%F0%9F%98%80", "a AND", "\u202e"])
def test_any_words_may_be_searched(uow, house, desk, q):
    assert desk.get(f"/samples?q={q}").status_code == 200


def test_a_page_of_fifty_asks_as_often_as_a_page_of_five(uow, house, desk, database):
    make_samples(uow, house, 5)
    counts = []
    for _round in range(2):
        with statements_of(database.engine) as seen:
            assert desk.get("/samples").status_code == 200
        counts.append(len(seen))
        make_samples(uow, house, 50, number="WT2026-90002") if not counts[1:] else None
    assert counts[0] == counts[1]
    assert counts[0] <= 24


def test_the_list_is_exported_as_it_is_filtered(uow, house, desk):
    samples = make_samples(uow, house, 2)
    table = desk.get(f"/samples?export=csv&q={samples[0].number}").text
    assert samples[0].number in table
    assert samples[1].number not in table


def test_ticked_rows_are_handed_over_stored_and_labelled(uow, house, store, desk):
    samples = received(uow, house, store, 2)
    ids = [s.id for s in samples]
    done = desk.post("/samples/hand-over", data={"ids": ids, "holder_id": ANALYST.id, "next": "/samples"})
    assert done.status_code == 302
    assert [fresh(uow, s).holder_id for s in samples] == [ANALYST.id] * 2
    desk.post("/samples/store", data={"ids": ids, "place_id": house.shelf, "next": "/samples?state=to_test"})
    assert [fresh(uow, s).place_id for s in samples] == [house.shelf] * 2
    labels = desk.post("/labels/choose", data={"ids": ids})
    assert labels.location.endswith(f"/labels?ids={ids[0]},{ids[1]}")


@pytest.mark.parametrize(
    "data", [{}, {"holder_id": "x"}, {"holder_id": "9" * 30}, {"holder_id": "3", "ids": "x"}]
)
def test_a_bulk_step_that_cannot_be_comes_back_with_its_ticks_and_a_reason(uow, house, store, desk, data):
    (sample,) = received(uow, house, store)
    sent = {"ids": [sample.id], "next": "/samples"} | data
    answer = desk.post("/samples/hand-over", data=sent)
    assert answer.status_code == 302
    if "ids" not in data:
        assert f"ticked={sample.id}" in answer.location
    assert "toast-line tone-fault" in desk.get("/samples").text
    assert fresh(uow, sample).holder_id == CLERK.id


# -- receiving -----------------------------------------------------------------------


def test_what_is_awaited_stands_by_order(uow, house, desk):
    samples = make_samples(uow, house, 3)
    said = text_of(desk.get("/receive?lang=en"))
    assert "WT2026-90001" in said
    assert "好味糕点厂" in said
    assert desk.get(f"/orders/{samples[0].order_id}/receive").status_code == 200


def test_scanning_an_expected_sample_opens_its_receive_check_and_later_the_sample(uow, house, store, desk):
    (sample,) = make_samples(uow, house)
    accept = {"Accept": "application/json"}
    first = desk.get(f"/scan?code={sample.number}", headers=accept).json
    assert first["href"] == f"/samples/{sample.id}/receive"
    assert sample.number in first["echo"]
    desk.post(f"/samples/{sample.id}/receive", data=check_form(sample))
    assert desk.get(f"/scan?code={sample.number}", headers=accept).json["href"] == f"/samples/{sample.id}"
    assert desk.get("/scan?code=LY-01", headers=accept).json["href"].startswith("/custody?way=store")


def test_accepting_goes_on_with_the_next_sample_of_the_order(uow, house, desk):
    first, second = make_samples(uow, house, 2)
    answer = desk.post(f"/samples/{first.id}/receive", data=check_form(first))
    assert answer.location.endswith(f"/samples/{second.id}/receive")
    assert fresh(uow, first).state is SampleState.TO_TEST
    answer = desk.post(f"/samples/{second.id}/receive", data=check_form(second, place_id=house.shelf))
    assert answer.location.endswith(f"/samples/{second.id}")
    assert fresh(uow, second).place_id == house.shelf


@pytest.mark.parametrize(
    "name",
    [
        "../../etc/passwd.jpg",
        "a\u202egpj.exe",
        "照片 一.jpg",
        "x" * 4000 + ".jpg",
        "a/b\\c:d.jpg",
        "photo.svg",
        "CON",
    ],
)
def test_a_photo_is_kept_by_its_bytes_whatever_it_is_called(uow, house, store, desk, name):
    (sample,) = make_samples(uow, house)
    data = check_form(sample, photo=(BytesIO(picture()), name))
    assert desk.post(f"/samples/{sample.id}/receive", data=data).status_code == 302
    kept = desk.get(f"/samples/{sample.id}/photo")
    assert kept.data == picture()
    assert kept.mimetype == "image/jpeg"
    assert kept.headers["Content-Disposition"] == f"attachment; filename=sample-{sample.id}.jpg"
    assert "sandbox" in kept.headers["Content-Security-Policy"]
    assert {p.name for p in database_files(store)} == {fresh(uow, sample).photo_sha256[2:]}


def database_files(store):
    return [p for p in store.root.rglob("*") if p.is_file()]


@pytest.mark.parametrize(
    "content", [b"GIF89a" + b"\0" * 99, b"<svg onload=alert(1)>", b"%PDF-1.4", b"\xff\xd8\xff", b"PK\x03\x04"]
)
def test_what_is_no_photo_is_refused_and_nothing_typed_is_lost(uow, house, store, desk, content):
    (sample,) = make_samples(uow, house)
    data = check_form(sample, condition="略有压痕", photo=(BytesIO(content), "photo.jpg"))
    answer = desk.post(f"/samples/{sample.id}/receive", data=data)
    assert answer.status_code == 422
    assert 'value="略有压痕"' in answer.text
    assert "f-photo-error" in answer.text
    assert fresh(uow, sample).state is SampleState.EXPECTED
    assert database_files(store) == []


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"seal": "torn"}, "seal"),
        ({"temperature": "warm"}, "temperature"),
        ({"temperature": "999"}, "temperature"),
        ({"amount": ""}, "amount"),
        ({"condition": "x" * 501}, "condition"),
        ({"place_id": "77"}, "place_id"),
        ({"verdict": "refuse"}, "reason"),
    ],
)
def test_a_wrong_field_of_the_check_is_marked(uow, house, desk, wrong, field):
    (sample,) = make_samples(uow, house)
    answer = desk.post(f"/samples/{sample.id}/receive", data=check_form(sample, **wrong))
    assert answer.status_code == 422
    if field == "seal":
        assert "notice tone-fault" in answer.text
    else:
        assert f'id="f-{field}-error"' in answer.text


def test_a_refused_sample_shows_its_letter_when_it_is_written(uow, house, store, desk):
    (sample,) = make_samples(uow, house)
    data = check_form(sample, verdict="refuse", reason="封条破损", seal="broken")
    answer = desk.post(f"/samples/{sample.id}/receive", data=data)
    assert answer.location.endswith(f"/samples/{sample.id}")
    page = desk.get(answer.location).text
    assert "封条破损" in page
    assert f"/samples/{sample.id}/refusal-letter/progress" in page
    assert desk.get(f"/samples/{sample.id}/refusal-letter.pdf").status_code == 404
    uow.session.rollback()
    enter_laboratory(uow)
    write_refusal_letter(uow, actor=SYSTEM, store=store, sample_id=sample.id)
    part = desk.get(f"/samples/{sample.id}/refusal-letter/progress").text
    assert "refusal-letter.pdf" in part
    letter = desk.get(f"/samples/{sample.id}/refusal-letter.pdf")
    assert letter.data.startswith(b"%PDF")
    again = desk.post(f"/samples/{sample.id}/refusal-letter")
    assert again.status_code == 302


def many_form(samples, **more):
    data = {"seal": "intact", "amount": "500 g", "condition": "完好", "temperature": "4"} | more
    for n, sample in enumerate(samples):
        data[f"samples-{n}-sample_id"] = sample.id
        data[f"samples-{n}-version"] = sample.version
        data.setdefault(f"samples-{n}-came", "true")
    return {name: value for name, value in data.items() if value is not None}


def test_an_order_is_received_on_one_screen_with_exceptions(uow, house, desk):
    samples = make_samples(uow, house, 4)
    page = desk.get(f"/orders/{samples[0].order_id}/receive")
    assert page.text.count('name="samples-') >= 4 * 7
    data = many_form(
        samples,
        **{
            "samples-1-temperature": "12.5",
            "samples-2-refused_why": "破损",
            "samples-2-seal": "broken",
            "samples-3-came": None,
        },
    )
    answer = desk.post(f"/orders/{samples[0].order_id}/receive", data=data)
    assert answer.status_code == 302
    rows = [fresh(uow, s) for s in samples]
    assert [r.state.value for r in rows] == ["to_test", "to_test", "refused", "expected"]
    assert str(rows[1].temperature) == "12.5"
    assert str(rows[0].temperature) == "4"


def test_a_fault_among_many_stands_at_its_line_and_the_rest_stays_typed(uow, house, desk):
    samples = make_samples(uow, house, 3)
    data = many_form(
        samples,
        amount="",
        **{"samples-0-came": None, "samples-1-amount": "300 g", "samples-2-condition": "略潮"},
    )
    answer = desk.post(f"/orders/{samples[0].order_id}/receive", data=data)
    assert answer.status_code == 422  # the amount of all is needed where a line has none of its own
    assert 'value="300 g"' in answer.text
    assert 'value="略潮"' in answer.text
    data = many_form(samples, **{"samples-0-came": None, "samples-2-temperature": "500"})
    answer = desk.post(f"/orders/{samples[0].order_id}/receive", data=data)
    assert answer.status_code == 422
    failed = re.findall(r'class="cell-failed"><input data-text name="([^"]+)"', answer.text)
    assert failed == ["samples-2-temperature"]
    assert {fresh(uow, s).state for s in samples} == {SampleState.EXPECTED}


def test_lines_of_another_order_are_not_received(uow, house, desk):
    samples = make_samples(uow, house, 1)
    others = make_samples(uow, house, 1, number="WT2026-90002")
    answer = desk.post(f"/orders/{samples[0].order_id}/receive", data=many_form(others))
    assert answer.status_code == 404
    assert desk.post("/orders/9999/receive", data=many_form(others)).status_code == 404


# -- one sample ----------------------------------------------------------------------


def test_the_sample_opens_with_state_holder_next_step_and_its_timeline(uow, house, store, desk, bench):
    (sample,) = received(uow, house, store)
    desk.post(f"/samples/{sample.id}/move", data={"holder_id": ANALYST.id})
    bench.post(f"/samples/{sample.id}/move", data={"place_id": house.shelf})
    said = text_of(desk.get(f"/samples/{sample.id}?lang=en"))
    head = said[: said.index("What happened")]
    for words in ("to test", "Assign its tests", "LY-01", "2026-12-07", "WT2026-90001", "好味糕点厂"):
        assert words in head
    line = said[said.index("What happened") :]
    places = [line.index(words) for words in ("Order registered", "Sample received", "Handed over", "Stored")]
    assert places == sorted(places)
    assert "to Person 3" in line
    assert "at LY-01" in line


def test_the_sample_page_stays_quick_to_ask_for(uow, house, store, desk, database):
    (sample,) = received(uow, house, store, tests=5)
    with statements_of(database.engine) as seen:
        page = desk.get(f"/samples/{sample.id}")
    assert len(seen) <= 40
    own = re.findall(r'(?:src|href)="(/static[^"]+|/bootstrap[^"]+)"', page.text)
    assert len(set(own)) + 1 <= 12


def test_moves_from_the_page_are_taken_back_by_who_did_them(uow, house, store, desk, bench):
    (sample,) = received(uow, house, store)
    desk.post(f"/samples/{sample.id}/move", data={"holder_id": ANALYST.id})
    uow.session.rollback()
    event = uow.session.scalars(select(CustodyEvent.id).order_by(CustodyEvent.id.desc())).first()
    back = {"next": f"/samples/{sample.id}"}
    bench.post(f"/custody/{event}/undo", data=back)
    assert fresh(uow, sample).holder_id == ANALYST.id
    desk.post(f"/custody/{event}/undo", data=back)
    assert fresh(uow, sample).holder_id == CLERK.id
    assert "tone-fault" in bench.get(f"/samples/{sample.id}").text


def test_retaining_returning_and_disposal_through_the_pages(app, uow, house, store, desk, clock):
    head = browser_of(app, uow, HEAD)
    (sample,) = received(uow, house, store)
    row = put_in(uow, sample, SampleState.TESTED)
    at = f"/samples/{sample.id}"
    wrong = desk.post(
        f"{at}/retain", data={"version": row.version, "place_id": house.shelf, "retain_until": "2020-01-01"}
    )
    assert wrong.status_code == 422
    assert 'value="2020-01-01"' in wrong.text
    assert (
        desk.post(f"{at}/retain", data={"version": row.version, "place_id": house.shelf}).status_code == 302
    )
    row = fresh(uow, sample)
    longer = {"version": row.version, "retain_until": "2027-06-01", "reason": "复检"}
    assert desk.post(f"{at}/keep-longer", data=longer).status_code == 302
    row = fresh(uow, sample)
    early = desk.post(f"{at}/ask-disposal", data={"version": row.version, "reason": "占地方"})
    assert early.status_code == 409
    assert "占地方" in early.text
    clock.advance(days=200)
    desk, head = browser_of(app, uow, CLERK), browser_of(app, uow, HEAD)  # the sessions ended meanwhile
    assert sample.number in desk.get("/retention").text
    asked = desk.post(
        "/retention/ask-disposal", data={"ids": [sample.id], "reason": "到期", "next": "/retention"}
    )
    assert asked.status_code == 302
    listed = head.get("/retention/disposals").text
    assert "到期" in listed
    assert "前台" in listed
    row = fresh(uow, sample)
    assert head.post(f"{at}/refuse-disposal", data={"version": row.version, "reason": ""}).status_code == 422
    assert (
        head.post(f"{at}/refuse-disposal", data={"version": row.version, "reason": "等结论"}).status_code
        == 302
    )
    row = fresh(uow, sample)
    assert desk.post(f"{at}/ask-disposal", data={"version": row.version, "reason": "到期"}).status_code == 302
    assert head.post("/retention/approve", data={"ids": [sample.id], "next": "/retention"}).status_code == 302
    assert fresh(uow, sample).state is SampleState.DISPOSED
    assert chain(uow, sample.id)[-1] == "disposed"


def test_a_stale_form_is_answered_on_the_page(uow, house, store, desk):
    (sample,) = received(uow, house, store)
    row = put_in(uow, sample, SampleState.TESTED)
    stale = desk.post(
        f"/samples/{sample.id}/return", data={"version": row.version - 1, "received_by": "王芳"}
    )
    assert stale.status_code == 409
    assert 'value="王芳"' in stale.text


# -- custody by scan -----------------------------------------------------------------


def test_scan_after_scan_moves_each_sample_at_once_without_script(uow, house, store, desk):
    samples = received(uow, house, store, 2)
    for sample in samples:
        answer = desk.post(
            "/custody", data={"way": "hand_over", "holder_id": ANALYST.id, "code": sample.number}
        )
        assert answer.status_code == 302
        page = desk.get(answer.location)
        assert sample.number in page.text
        assert f'<option value="{ANALYST.id}" selected>' in page.text
    assert [fresh(uow, s).holder_id for s in samples] == [ANALYST.id] * 2


def test_the_code_of_a_shelf_chooses_the_shelf_and_an_unknown_code_says_so(uow, house, store, desk):
    (sample,) = received(uow, house, store)
    to_shelf = desk.post("/custody", data={"way": "take", "holder_id": CLERK.id, "code": "LY-01"})
    assert to_shelf.location.endswith(f"/custody?way=store&place_id={house.shelf}")
    stored = desk.post(
        "/custody", data={"way": "store", "place_id": house.shelf, "code": f" {sample.number}\x1d"}
    )
    assert stored.status_code == 302
    assert fresh(uow, sample).place_id == house.shelf
    unknown = desk.post("/custody", data={"way": "store", "place_id": house.shelf, "code": "NOPE-1"})
    assert unknown.status_code == 404
    nobody = desk.post("/custody", data={"way": "hand_over", "holder_id": "", "code": sample.number})
    assert nobody.status_code == 422


def test_a_scan_by_script_answers_with_words_and_a_way_back(uow, house, store, desk):
    (sample,) = received(uow, house, store)
    said = desk.post("/api/custody/scan", json={"code": sample.number, "place_id": house.shelf}).json
    assert said["echo"] == f"{sample.number} 蛋糕 1 → LY-01"
    assert said["event"]["kind"] == "stored"
    twice = desk.post("/api/custody/scan", json={"code": sample.number, "place_id": house.shelf})
    assert (twice.status_code, twice.json["code"]) == (409, "lies_there_already")
    assert desk.post(said["undo"], data={"next": "/custody"}).status_code == 302
    assert fresh(uow, sample).holder_id == CLERK.id
    shelf = desk.post("/api/custody/scan", json={"code": "LY-01", "holder_id": CLERK.id}).json
    assert shelf == {"open": f"/custody?way=store&place_id={house.shelf}"}


# -- storage, labels, printers -------------------------------------------------------


def test_places_are_entered_and_changed_with_their_faults_at_the_fields(uow, house, desk, bench):
    made = desk.post(
        "/storage", data={"code": "BX-1", "name_zh": "一号冰箱", "name_en": "", "conditions": "2–8 °C"}
    )
    assert made.status_code == 302
    assert "BX-1" in desk.get("/storage").text
    twice = desk.post("/storage", data={"code": "BX-1", "name_zh": "又一个"})
    assert twice.status_code == 409
    assert 'value="又一个"' in twice.text
    uow.session.rollback()
    place = uow.session.scalars(select(StoragePlace).where(StoragePlace.code == "BX-1")).one()
    change = {"version": place.version, "code": "BX-1", "name_zh": "冰箱", "active": "false"}
    assert desk.post(f"/storage/{place.id}", data=change).status_code == 302
    assert desk.post(f"/storage/{place.id}", data=change).status_code == 409
    assert bench.get(f"/storage/{place.id}").status_code == 200
    assert bench.post("/storage", data={"code": "X", "name_zh": "x"}).status_code == 403


def test_labels_come_as_a_pdf_that_a_scanner_reads(uow, house, desk):
    samples = make_samples(uow, house, 2)
    page = desk.get(f"/labels?order_id={samples[0].order_id}")
    assert page.text.count('name="sample_ids"') == 2
    form = {"sample_ids": [s.id for s in samples], "width_mm": "50", "height_mm": "30", "form": "pdf",
            "code_kind": "qr", "dots_per_mm": "8"}  # fmt: skip
    pdf = desk.post("/labels", data=form)
    assert pdf.mimetype == "application/pdf"
    assert len(reader(pdf.data).pages) == 2
    assert ("QR Code", samples[0].number) in codes_on(page_picture(pdf.data, 1, dpi=300))
    zpl = desk.post("/labels", data=form | {"form": "zpl", "code_kind": "code128", "width_mm": "100"})
    assert zpl.data.startswith(b"^XA")
    assert b"^BCN" in zpl.data
    uow.session.rollback()
    told = uow.session.scalars(select(AuditEvent).where(AuditEvent.verb == "label.print")).all()
    assert len(told) == 4
    wrong = desk.post("/labels", data=form | {"width_mm": "5"})
    assert wrong.status_code == 422
    assert 'value="5"' in wrong.text
    assert desk.post("/labels", data=form | {"form": "printer"}).status_code == 422
    assert desk.get("/labels?ids=,,x").status_code == 200


def test_labels_sent_to_a_printer_show_how_the_job_stands(app, uow, house, desk):
    (sample,) = make_samples(uow, house)
    printer = create_printer(uow, actor=ADMINISTRATOR, name="p1", host="127.0.0.1", port=9)
    form = {"sample_ids": [sample.id], "width_mm": "50", "height_mm": "30", "form": "printer",
            "printer_id": printer.id}  # fmt: skip
    sent = desk.post("/labels", data=form)
    assert sent.status_code == 302
    assert 'class="job"' in desk.get(sent.location).text
    assert "<html" not in desk.get(sent.location, headers={"HX-Request": "true"}).text
    assert browser_of(app, uow, ANALYST).get(sent.location).status_code == 404


def test_the_administrator_keeps_the_printers(app, uow, house):
    office = browser_of(app, uow, ADMINISTRATOR)
    form = {
        "name": "前台",
        "host": "10.1.2.3",
        "port": "9100",
        "width_mm": "50",
        "height_mm": "30",
        "dots_per_mm": "8",
    }
    assert office.post("/printers", data=form).status_code == 302
    assert "10.1.2.3:9100" in office.get("/printers").text
    assert office.post("/printers", data=form | {"name": "x", "host": "a b"}).status_code == 422
    uow.session.rollback()
    row = uow.session.scalars(select(LabelPrinter)).one()
    change = form | {"version": row.version, "active": "false", "port": "6101"}
    assert office.post(f"/printers/{row.id}", data=change).status_code == 302
    assert office.get(f"/printers/{row.id}").status_code == 200


# -- who sees what -------------------------------------------------------------------


def test_a_customer_fetches_its_own_papers_and_another_customers_do_not_exist(app, uow, house, store):
    (own,) = make_samples(uow, house)
    (other,) = make_samples(uow, house, customer=house.other_customer, number="WT2026-90002")
    for sample in (own, other):
        refuse_sample(
            uow, actor=CLERK, sample_id=sample.id, version=sample.version, reason="x",
            check=check(photo=picture()), store=store,
        )  # fmt: skip
    baker = browser_of(app, uow, BAKER)
    assert baker.get(f"/api/samples/{own.id}/photo").status_code == 200
    assert baker.get(f"/api/samples/{other.id}/photo").status_code == 404
    assert baker.get(f"/api/samples/{other.id}/refusal-letter").status_code == 404
    listed = baker.get("/api/samples").json["items"]
    assert [row["number"] for row in listed] == [own.number]
    assert listed[0]["holder_zh"] is None
    assert baker.get(f"/samples/{own.id}").status_code == 403
    assert baker.get(f"/samples/{other.id}").status_code == 403


def test_who_may_only_read_samples_is_offered_no_step(app, uow, house, store):
    (sample,) = received(uow, house, store)
    page = browser_of(app, uow, REVIEWER).get(f"/samples/{sample.id}").text
    main = page[page.index("<main") :]
    assert "<form" not in main
    assert "/labels" not in main


def test_cards_count_what_their_lists_show(app, uow, house, store, desk):
    received(uow, house, store)
    make_samples(uow, house, 3, number="WT2026-90002")
    page = desk.get("/?lang=en").text
    cards = dict(re.findall(r'href="([^"]+)"><span class="card-number">([^<]+)<', page))
    cards = {href.replace("&amp;", "&"): count for href, count in cards.items()}
    assert cards["/receive"] == "3"
    assert cards["/samples?holder=me"] == "1"
    for href, count in cards.items():
        if href.startswith("/samples"):
            assert f"{count} in all" in text_of(desk.get(f"{href}&lang=en"))
