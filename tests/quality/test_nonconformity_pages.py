"""Pages of nonconformities: the road in a browser, and the links from what they are about."""

import re

import pytest

from lims.bench.worksheets import open_worksheet
from lims.core.permissions import Role
from lims.intake.models import RequestedTest
from lims.quality.covers import Cover
from lims.quality.models import Nonconformity
from lims.quality.states import CoverKind
from tests.support.accounts import make_account, sign_in
from tests.support.orders import make_tests

ENGLISH = {"Accept-Language": "en"}
NEW = {
    "source": "complaint",
    "title": "报告日期有误",
    "what": "客户来电: 检测日期晚于签发日期。",
    "reference": "TS-12",
    "covers-0-kind": "equipment",
    "covers-0-number": "no such device",
}


def version_in(page: str) -> str:
    return re.search(r'name="version" value="(\d+)"', page)[1]


def test_a_record_goes_its_road_in_the_browser(browser, house):
    refused = browser.post("/nonconformities/new", data=NEW, headers=ENGLISH)
    assert refused.status_code == 422
    assert "There is no such record: no such device." in refused.text
    assert "报告日期有误" in refused.text
    made = browser.post("/nonconformities/new", data=NEW | {"covers-0-number": "lh-001"})
    assert made.status_code == 302
    here = made.location
    steps = (
        ("evaluate", {"significance": "major", "evaluation": "两份报告", "immediate_action": ""}),
        ("decide", {"decision": "recall", "customer_told": "to_tell", "reason": "日期是必填项"}),
        ("tell", {"note": "电话"}),
        (
            "plan",
            {
                "cause": "手工填写",
                "corrective_action": "由系统取日期",
                "responsible_id": str(house.lab.analyst.id),
                "due_on": "2099-01-01",
            },
        ),
        ("done", {"done": "已上线"}),
        ("close", {"effect": "抽查 20 份无误"}),
    )
    for name, typed in steps:
        page = browser.get(here, headers=ENGLISH).text
        assert f'action="{here}/{name}"' in page
        sent = browser.post(f"{here}/{name}", data=typed | {"version": version_in(page)})
        assert sent.status_code == 302, (name, sent.text)
    closed = browser.get(here, headers=ENGLISH).text
    assert "Xu Hui" in closed
    assert 'action="' + here not in closed  # nothing is left to do
    listed = browser.get("/nonconformities?q=报告日期&state=closed", headers=ENGLISH)
    assert "recall the report" in listed.text


def test_what_was_typed_into_a_step_stays_when_it_is_refused(browser, house):
    row = house.evaluated()
    here = f"/nonconformities/{row.id}"
    typed = {"decision": "recall", "customer_told": "not_concerned", "reason": "写得很长的理由"}
    sent = browser.post(f"{here}/decide", data=typed | {"version": str(row.version)}, headers=ENGLISH)
    assert sent.status_code == 422
    assert "写得很长的理由" in sent.text
    assert "must be told" in sent.text


def test_the_pages_of_what_it_is_about_lead_to_it(browser, house):
    tests = make_tests(house.uow, house.lab, "moisture", assignee="analyst")[0]
    sheet = open_worksheet(house.uow, actor=house.lab.analyst, test_ids=[tests["moisture"]])
    row = house.opened(Cover(CoverKind.WORKSHEET, sheet.id), Cover(CoverKind.EQUIPMENT, house.lab.balance))
    sample = house.uow.session.get_one(RequestedTest, tests["moisture"]).sample
    for address in (f"/samples/{sample.id}", f"/equipment/{house.lab.balance}"):
        assert f'href="/nonconformities/{row.id}"' in browser.get(address).text, address
    link = f"/nonconformities/new?kind=sample&amp;object_id={sample.id}"
    assert link in browser.get(f"/samples/{sample.id}").text
    prefilled = browser.get(link.replace("&amp;", "&")).text
    assert f'value="{sample.number}"' in prefilled


def test_a_program_opens_one_once_and_reads_it_by_what_it_covers(browser, house):
    body = {
        "source": "audit",
        "title": "t",
        "what": "w",
        "covers": [{"kind": "equipment", "id": house.lab.oven}],
    }
    made = [browser.post("/api/nonconformities", json=body, headers={"Idempotency-Key": "k"}) for _ in "12"]
    assert [one.status_code for one in made] == [201, 201]
    assert made[0].json["id"] == made[1].json["id"]
    found = browser.get(f"/api/nonconformities?kind=equipment&object_id={house.lab.oven}").json["items"]
    assert [one["number"] for one in found] == [made[0].json["number"]]
    unknown = browser.post("/api/nonconformities", json=body | {"covers": [{"kind": "sample", "id": 9876}]})
    assert (unknown.status_code, unknown.json["code"]) == (422, "unknown_cover")


@pytest.mark.parametrize("role", [Role.CUSTOMER, Role.ADMINISTRATOR])
def test_who_does_not_work_on_results_sees_nothing_of_it(app, house, uow, role):
    row = house.opened()
    stranger = sign_in(app.test_client(), make_account(uow, role))
    assert stranger.get(f"/nonconformities/{row.id}").status_code == 403
    assert uow.session.get(Nonconformity, row.id) is not None
