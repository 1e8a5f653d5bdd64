"""Currency checks in the browser and by program: nothing typed is lost, nobody decides without the right."""

import base64
import io

from sqlalchemy import select

from lims.catalogue.check_models import StandardFinding, StandardsCheck
from tests.catalogue.test_currency_checks import written

NEW = "/catalogue/standards/checks/new"
GONE = ("GB 1-2010", "甲", "废止", "", "", "2026-12-01", "")
WRONG = ("GB 2-2010", "乙", "或许", "", "", "", "")


def send(browser, *rows, **more):
    file = written(*rows)
    return browser.post(
        NEW,
        data={"source": "SAMR", "file": (io.BytesIO(file.content), "清单.csv"), **more},
        content_type="multipart/form-data",
    )


def test_faulty_rows_are_shown_and_the_file_is_kept_until_they_are_left_out(browser, catalogue, session):
    catalogue.standard("GB 1-2010")
    refused = send(browser, GONE, WRONG)
    page = refused.get_data(as_text=True)
    assert refused.status_code == 422
    assert "或许" in page
    assert "SAMR" in page
    content = base64.b64encode(written(GONE, WRONG).content).decode()
    assert f'name="content" value="{content}"' in page
    taken = browser.post(
        NEW,
        data={"source": "SAMR", "file_name": "清单.csv", "content": content, "leave_out_faulty": "true"},
    )
    row = session.scalars(select(StandardsCheck)).one()
    assert taken.status_code == 302
    assert (row.list_rows, row.left_out, row.file_name) == (1, 1, "清单.csv")
    assert browser.get(f"/catalogue/standards/checks/{row.id}/list").data == written(GONE, WRONG).content


def test_a_check_is_decided_and_closed_on_its_page(browser, catalogue, session):
    standard = catalogue.standard("GB 1-2010")
    catalogue.limit(catalogue.item("lead"), standard=standard.id)
    where = send(browser, GONE).headers["Location"]
    finding = session.scalars(select(StandardFinding)).one()
    decide = f"{where}/findings/{finding.id}/decide"
    assert "0 / 1" in browser.get(where).get_data(as_text=True)
    refused = browser.post(decide, data={"decision": "keep_until", "reason": "客户需要", "version": "1"})
    assert refused.status_code == 422
    assert "客户需要" in refused.get_data(as_text=True)
    done = browser.post(decide, data={"decision": "withdraw", "reason": "公告 2026-9", "version": "1"})
    assert done.status_code == 302
    page = browser.get(where).get_data(as_text=True)
    assert "1 / 1" in page
    assert "公告 2026-9" in page
    assert f"{where}#finding-{finding.id}" in browser.get(f"/catalogue/standards/{standard.id}").get_data(
        as_text=True
    )
    closing = browser.post(f"{where}/close", data={"version": "1"})
    assert closing.status_code == 409  # the laboratory's own name is not entered


def test_a_reader_sees_a_check_and_changes_nothing(browser, reader, catalogue, session):
    catalogue.standard("GB 1-2010")
    where = send(browser, GONE).headers["Location"]
    finding = session.scalars(select(StandardFinding)).one()
    page = reader.get(where)
    assert page.status_code == 200
    assert "/decide" not in page.get_data(as_text=True)
    for address, data in (
        (NEW, {"source": "x"}),
        (f"{where}/findings/{finding.id}/decide", {"decision": "withdraw", "reason": "x", "version": "1"}),
        (f"{where}/close", {"version": "1"}),
    ):
        assert reader.post(address, data=data).status_code == 403


def test_a_firms_limit_is_compared_on_the_limits_page(browser, catalogue):
    limit = catalogue.limit(catalogue.item())
    page = browser.post(
        f"/catalogue/limits/{limit.id}/compare", data={"kind": "max", "unit": "g/kg", "high": "0.0004"}
    )
    assert "stricter" in page.get_data(as_text=True)
    wrong = browser.post(f"/catalogue/limits/{limit.id}/compare", data={"kind": "max", "unit": "g/kg"})
    assert wrong.status_code == 422
