"""The page of a new order, without script: what is typed, pasted, uploaded; what is refused; that nothing is lost."""

import csv
import io

import pytest
from openpyxl import Workbook
from sqlalchemy import func, select

from lims.core.permissions import Role
from lims.intake.models import Contact, Customer, Order, RequestedTest, ReviewFinding, Sample, SamplingForm
from tests.intake.desk import counted, desk, order_form
from tests.intake.makers import make_house
from tests.intake.test_paste import PASTRIES


@pytest.fixture
def house(uow):
    return make_house(uow)


@pytest.fixture
def reception(app, uow, house):
    return desk(app, uow)


def saved(session) -> list[Order]:
    session.rollback()
    return list(session.scalars(select(Order).order_by(Order.id)).unique())


def look(browser, form):
    return browser.post("/orders/new/look", data=form)


def test_an_order_typed_on_the_page_is_saved_reviewed_and_shown(reception, house, session):
    answer = reception.post(
        "/orders/new",
        data=order_form(
            house,
            {"name": "绿豆糕", "batch": "B1", "produced_on": "2026/11/1", "expires_on": "60天"},
            {"name": "同上", "batch": "B2", "produced_on": "同上", "expires_on": "同上", "items": "三聚氰胺"},
        ),
    )
    (order,) = saved(session)
    assert (answer.status_code, answer.location) == (302, f"/orders/{order.id}")
    samples = session.scalars(select(Sample).order_by(Sample.id)).all()
    assert [(s.name, s.batch) for s in samples] == [("绿豆糕", "B1"), ("绿豆糕", "B2")]
    assert {str(s.produced_on) for s in samples} == {"2026-11-01"}
    assert {str(s.expires_on) for s in samples} == {"2026-12-31"}
    tests = session.execute(select(RequestedTest.sample_id, func.count()).group_by(RequestedTest.sample_id))
    assert [number for _sample, number in sorted(tests.all())] == [3, 4]
    assert order.contact_id == house.contact
    page = reception.get(answer.location).text
    assert "Nobody is authorised for “Moisture”" in page
    assert session.scalar(select(func.count(ReviewFinding.id))) > 0


def test_the_page_opens_with_a_customer_picked(reception, house):
    page = reception.get(f"/orders/new?customer={house.customer}").text
    assert "好味糕点厂" in page
    assert "王芳" in page


@pytest.mark.parametrize(
    "query", ["customer=0", "customer=x", "customer=99999999999999999999", "customer=987654"]
)
def test_the_page_opens_whatever_stands_in_its_address(reception, query):
    assert reception.get(f"/orders/new?{query}").status_code == 200


def test_the_twelve_pastries_are_previewed_with_their_two_faults_before_anything_is_saved(
    reception, house, session
):
    form = order_form(house, {}, asks=[], pasted=PASTRIES)
    page = look(reception, form)
    assert page.status_code == 200
    assert "The production date 2026-12-10 lies in the future." in page.text
    assert "Unknown test item “水份”" in page.text
    assert page.text.count('class="line-faults"') == 2
    assert 'value="蛋黄酥12"' in page.text
    assert "<dd data-lines>12</dd>" in page.text
    assert saved(session) == []


def test_pasted_text_is_shown_before_it_is_saved_also_when_save_was_pressed(reception, house, session):
    page = reception.post(
        "/orders/new", data=order_form(house, {"name": "旧行"}, pasted="样品名称\t批号\n新行\tB9")
    )
    assert page.status_code == 200
    assert 'name="samples-0-name" value="旧行"' in page.text
    assert 'name="samples-1-name" value="新行"' in page.text
    assert saved(session) == []


def test_faults_at_saving_stand_at_their_rows_and_everything_typed_stays(reception, house, session):
    form = order_form(
        house,
        {"name": "蛋糕", "produced_on": "2027-01-01", "quantity": "-1"},
        {"batch": "ohne Namen"},
        {"name": "面包", "items": "水份"},
        {"name": "饼", "category": "没有的类"},
        purpose="内控",
        note="请先做第一个",
        return_samples="true",
        report_language="both",
    )
    page = reception.post("/orders/new", data=form)
    assert page.status_code == 422
    for sentence in (
        "The production date 2027-01-01 lies in the future.",
        "The quantity must be more than zero.",
        "The sample has no name.",
        "Unknown test item “水份”; do you mean “水分”?",
        "Unknown category “没有的类”.",
    ):
        assert sentence in page.text
    for typed in ("蛋糕", "2027-01-01", "ohne Namen", "水份", "没有的类", "内控", "请先做第一个"):
        assert typed in page.text
    assert f'<option value="p{house.package}" selected>' in page.text
    assert f'<option value="{house.contact}" selected>' in page.text
    assert '<option value="both" selected>' in page.text
    assert 'value="one"' in page.text, "the request key stays, so that a repeat is one order"
    assert saved(session) == []


def test_faulty_rows_come_as_a_file_that_runs_nothing(reception, house):
    form = order_form(
        house, {"name": "好", "items": "水分"}, {"name": "=1+1", "produced_on": "2027-01-01"}, asks=[]
    )
    answer = reception.post("/orders/new/faulty-rows.csv", data=form)
    table = list(csv.reader(io.StringIO(answer.data.decode("utf-8-sig"))))
    assert len(table) == 2
    assert table[1][0] == "'=1+1"
    assert "lies in the future" in table[1][-1]


def test_an_uploaded_workbook_is_read_into_the_lines(reception, house):
    book = Workbook()
    for row in (["样品名称", "批号", "检测项目"], ["糕一", "B1", "水分"], ["糕二", "B2", "水份"]):
        book.active.append(row)
    out = io.BytesIO()
    book.save(out)
    form = order_form(house, {}, asks=[], file=(io.BytesIO(out.getvalue()), "样品.xlsx"))
    page = reception.post("/orders/new/look", data=form, content_type="multipart/form-data")
    assert 'value="糕二"' in page.text
    assert "do you mean “水分”" in page.text


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1rest", "Files with a password and the old .xls are not read"),
        (b"PKnothing", "This file cannot be read"),
        (b"\x00\x01\x02", "This is not an Excel workbook"),
    ],
)
def test_an_unreadable_file_is_refused_and_what_was_typed_stays(reception, house, content, sentence):
    form = order_form(house, {"name": "手打的"}, file=(io.BytesIO(content), "x.xlsx"))
    page = reception.post("/orders/new/look", data=form, content_type="multipart/form-data")
    assert page.status_code == 422
    assert sentence in page.text
    assert "手打的" in page.text


def test_the_price_is_shown_without_script(reception, house):
    page = look(reception, order_form(house, {"name": "一"}, {"name": "二"})).text
    assert "860.00" in page
    assert "2026-12-07 (10 working days)" in page
    free = look(reception, order_form(house, {"name": "一"}, business_type_id=str(house.supervision))).text
    assert "paid by the state" in free


def test_the_customer_is_found_by_name_or_number_and_ambiguity_is_asked_about(reception, house, session, uow):
    by_name = order_form(house, customer_id="", customer="好味 糕点厂", contact_id="")
    assert reception.post("/orders/new", data=by_name).status_code == 302
    by_code = order_form(house, customer_id="", customer="C002", contact_id="", request_key="two")
    assert reception.post("/orders/new", data=by_code).status_code == 302
    assert [o.customer_id for o in saved(session)] == [house.customer, house.other_customer]
    part = reception.post(
        "/orders/new", data=order_form(house, customer_id="", customer="米粉", contact_id="")
    )
    assert part.status_code == 422
    assert "No customer has exactly this name" in part.text
    assert f'name="customer_id" value="{house.other_customer}"> 香米米粉有限公司' in part.text
    nobody = reception.post("/orders/new", data=order_form(house, customer_id="", customer="", contact_id=""))
    assert "Pick a customer or describe a new one." in nobody.text


def test_customer_and_contact_are_made_with_the_order(reception, house, session):
    new = {
        "customer_id": "",
        "customer": "",
        "contact_id": "",
        "new_customer-name": "新味食品厂",
        "new_customer-credit_code": "91330100ma2abc",
        "new_contact-name": "林晨",
        "new_contact-phone": "0571-1",
    }
    assert reception.post("/orders/new", data=order_form(house, **new)).status_code == 302
    session.rollback()
    made = session.scalars(select(Customer).where(Customer.name == "新味食品厂")).one()
    assert made.credit_code == "91330100MA2ABC"
    assert [c.name for c in made.contacts] == ["林晨"]


def test_a_known_name_is_asked_about_and_may_be_meant(reception, house, session):
    new = {"customer_id": "", "customer": "", "contact_id": "", "new_customer-name": "好味糕点厂"}
    asked = reception.post("/orders/new", data=order_form(house, **new))
    assert asked.status_code == 409
    assert "A customer of this name exists: C001." in asked.text
    assert 'name="same_name"' in asked.text
    assert reception.post("/orders/new", data=order_form(house, **new, same_name="true")).status_code == 302
    assert session.scalar(select(func.count(Customer.id)).where(Customer.name == "好味糕点厂")) == 2


def test_a_contact_without_a_name_is_refused_and_nothing_is_saved(reception, house, session):
    page = reception.post("/orders/new", data=order_form(house, **{"new_contact-phone": "123"}))
    assert page.status_code == 422
    assert "The contact has no name." in page.text
    assert saved(session) == []
    assert session.scalar(select(func.count(Contact.id))) == 1


def test_the_same_form_sent_twice_is_one_order(reception, house, session):
    form = order_form(house)
    first, second = reception.post("/orders/new", data=form), reception.post("/orders/new", data=form)
    assert first.location == second.location
    assert len(saved(session)) == 1


def test_the_same_order_by_another_request_asks_again(reception, house, session):
    reception.post("/orders/new", data=order_form(house))
    asked = reception.post("/orders/new", data=order_form(house, request_key="two"))
    assert asked.status_code == 409
    assert "The same order was saved today already as WT2026-00001." in asked.text
    assert 'name="again"' in asked.text
    assert (
        reception.post("/orders/new", data=order_form(house, request_key="two", again="true")).status_code
        == 302
    )
    assert len(saved(session)) == 2


SAMPLING = {
    "sampling_form-sampled_firm": "香米米粉有限公司",
    "sampling_form-sampled_on": "2026-11-20",
    "sampling_form-sampler_one": "张三",
    "sampling_form-sampler_two": "李四",
    "sampling_form-seal_numbers": "F001-F002",
    "sampling_form-base_quantity": "50 kg",
}


def test_sampling_under_seal_is_typed_on_the_same_page(app, uow, house, session):
    sampler = desk(app, uow, Role.SAMPLER)
    form = order_form(house, business_type_id=str(house.supervision), **SAMPLING)
    answer = sampler.post("/orders/new", data=form)
    assert answer.status_code == 302
    session.rollback()
    row = session.scalars(select(SamplingForm)).one()
    assert (row.seal_numbers, row.base_quantity) == ("F001-F002", "50 kg")
    samples = session.scalars(select(Sample).order_by(Sample.id)).all()
    assert [s.backup_of_id for s in samples] == [None, samples[0].id]
    page = sampler.get(answer.location).text
    assert "sealed backup" in page
    assert "F001-F002" in page


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"sampling_form-sampled_on": ""}, "Say on which day the sample was taken."),
        ({"sampling_form-sampled_on": "2026-12-24"}, "The sampling date lies in the future."),
        ({"sampling_form-sampler_two": "张 三"}, "The two samplers must be different people."),
        ({"sampling_form-sampled_firm": ""}, "Name the firm that was sampled."),
        ({"sampling_form-sampled_on": "gestern"}, "A date such as 2026-11-22 is expected here."),
    ],
)
def test_a_wrong_sampling_form_is_told_at_its_field(reception, house, session, change, sentence):
    form = order_form(house, business_type_id=str(house.supervision), **{**SAMPLING, **change})
    page = reception.post("/orders/new", data=form)
    assert page.status_code == 422
    assert sentence in page.text
    assert "F001-F002" in page.text
    assert saved(session) == []


@pytest.mark.parametrize(
    "change",
    [
        {"business_type_id": "987654"},
        {"business_type_id": ""},
        {"business_type_id": "x"},
        {"asks": ["p987654"]},
        {"asks": ["zzz"]},
        {"asks": ["p99999999999999999"]},
        {"contact_id": "987654"},
        {"customer_id": "987654"},
        {"category_id": "987654"},
        {"report_language": "fr"},
        {"samples-0-name": ""},
        {"samples-0-name": "x" * 501},
        {"samples-0-batch": "\x01"},
        {"samples-0-batch": "\x00"},
        {"customer": "\x00", "customer_id": ""},
        {"purpose": "x" * 301},
        {"new_customer-name": "x" * 161, "customer_id": ""},
        {"backup": "perhaps"},
        {"pasted": "\x00"},
        {"pasted": "样品名称\t批号"},
    ],
)
@pytest.mark.parametrize("path", ["/orders/new", "/orders/new/look"])
def test_whatever_is_wrong_is_answered_with_the_page_and_what_was_typed(
    reception, house, session, change, path
):
    form = order_form(house, {"name": "绿豆糕", "batch": "KEEP-ME"}, **change)
    page = reception.post(path, data=form)
    assert page.status_code in ({422} if path == "/orders/new" and "pasted" not in change else {200, 422})
    assert "KEEP-ME" in page.text or "samples-0-batch" in change
    assert saved(session) == []


def test_five_hundred_lines_are_read_with_as_many_queries_as_one(app, reception, house):
    def asked(lines: int) -> int:
        rows = "样品名称\t批号\t检测项目\n" + "\n".join(f"糕\tB{n}\t水分、错{n}" for n in range(lines))
        with counted(app) as sent:
            page = look(reception, order_form(house, {}, pasted=rows))
        assert page.text.count('class="line-faults"') == lines
        return len(sent)

    assert asked(500) == asked(1)
    too_many = look(reception, order_form(house, {}, pasted="\n".join(f"糕{n}\tB" for n in range(501))))
    assert too_many.status_code == 422
    assert "At most 500 samples go into one order." in too_many.text


def test_who_may_not_register_does_not_see_the_page(app, uow, house):
    analyst = desk(app, uow, Role.ANALYST)
    assert analyst.get("/orders/new").status_code == 403
    assert analyst.post("/orders/new", data=order_form(house)).status_code == 403
