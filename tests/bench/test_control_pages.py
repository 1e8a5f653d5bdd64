"""The pages and the JSON face of quality control, by whom they are for."""

from decimal import Decimal as D

from sqlalchemy import select

from lims.bench.control.lines import LineText, add_line
from lims.catalogue.models import MethodVersion
from lims.core.jobs import Job
from lims.intake.models import RequestedTest, Sample
from lims.metrology.control_samples import ControlKind
from tests.bench.test_controls import Controls
from tests.support.accounts import sign_in


def test_from_the_template_to_the_decision_through_the_pages(app, bench, laboratory):
    """Section head draws a control; the analyst's sheet shows it; it fails; the head decides."""
    controls = Controls(bench)
    head, analyst = app.test_client(), app.test_client()
    sign_in(head, laboratory.accounts["head"])
    sign_in(analyst, laboratory.accounts["analyst"])
    method = bench.session.get_one(MethodVersion, laboratory.versions["sulfur_dioxide"]).method_id
    assert f"/quality-control/methods/{method}/new" in head.get(f"/catalogue/methods/{method}").text
    typed = {
        "kind": "control",
        "material": "质控样 SO2-01",
        "at_start": "true",
        "rule_set": "Westgard",
        "own_points": "20",
    }
    refused = head.post(f"/quality-control/methods/{method}/new", data={**typed, "target": "100"})
    assert refused.status_code == 422
    assert 'value="质控样 SO2-01"' in refused.text
    made = head.post(
        f"/quality-control/methods/{method}/new", data={**typed, "target": "100", "deviation": "2"}
    )
    chart = made.headers["Location"]
    assert "质控样 SO2-01" in head.get(chart).text
    assert analyst.post(f"/quality-control/methods/{method}/new", data=typed).status_code == 403
    sheet, (test,) = controls.sheet()
    (control,) = controls.controls(sheet)
    bench.enter(sheet, control, {"found": "107"})
    row = analyst.get(f"/worksheets/{sheet}").text
    assert "1-3s" in row
    controls.measure(sheet, {test: "12"} | {control: "107"})
    assert "/quality-control/holds/" not in row
    assert f"/quality-control/holds/{controls.holds()[0].id}" in analyst.get(f"/worksheets/{sheet}").text
    hold = f"/quality-control/holds/{controls.holds()[0].id}"
    assert "decide" not in analyst.get(hold).text.split("<main", 1)[1]
    assert (
        head.post(f"{hold}/decide", data={"version": "1", "decision": "accept", "reason": " "}).status_code
        == 422
    )
    assert (
        analyst.post(f"{hold}/decide", data={"version": "1", "decision": "accept", "reason": "x"}).status_code
        == 403
    )
    answer = head.post(f"{hold}/decide", data={"version": "1", "decision": "accept", "reason": "仪器已核查"})
    assert answer.status_code == 302
    assert "仪器已核查" in head.get(hold).text
    for kind in ("shewhart", "cusum", "ewma", "other"):
        page = head.get(f"{chart}?chart={kind}")
        assert page.status_code == 200
        assert "<circle" in page.text
    number = chart.rsplit("/", 1)[1]
    assert 'value="质控样 SO2-01"' in head.get(f"/quality-control/methods/{method}/new?like={number}").text
    for path in ("/quality-control", "/quality-control/holds?state=decided"):
        assert "质控样 SO2-01" in head.get(path).text


def test_a_blind_control_is_for_those_who_decide_alone(app, bench, laboratory):
    method = bench.session.get_one(MethodVersion, laboratory.versions["sulfur_dioxide"]).method_id
    line = add_line(
        bench.uow,
        actor=laboratory.head,
        method_id=method,
        text=LineText(ControlKind.BLIND, "盲样 9", target=D(5), deviation=D(1), rule_set="Nelson"),
    ).id
    head, analyst = app.test_client(), app.test_client()
    sign_in(head, laboratory.accounts["head"])
    sign_in(analyst, laboratory.accounts["analyst"])
    assert "盲样 9" in head.get("/quality-control").text
    assert "盲样 9" not in analyst.get("/quality-control").text
    assert analyst.get(f"/quality-control/charts/{line}").status_code == 403
    assert analyst.get(f"/api/controls/{line}/points").status_code == 403
    assert analyst.get(f"/api/methods/{method}/controls").json == []
    unknown = head.post(f"/quality-control/charts/{line}/hide", data={"number": "YP-none"})
    assert (unknown.status_code, 'value="YP-none"' in unknown.text) == (409, True)
    # it fails: that results are held everybody sees, and by what nobody who may not decide
    controls = Controls(bench)
    test, blind = (row["sulfur_dioxide"] for row in bench.tests("sulfur_dioxide", samples=2))
    number = bench.session.get_one(Sample, bench.session.get_one(RequestedTest, blind).sample_id).number
    done = head.post(f"/quality-control/charts/{line}/hide", data={"number": number})
    assert done.status_code == 302
    sheet = bench.sheet(test, blind)
    controls.measure(sheet, {test: "12", blind: "90"})
    hold = f"/quality-control/holds/{controls.holds()[0].id}"
    page = analyst.get(f"/worksheets/{sheet}").text
    assert "暂扣" in page
    assert "盲样" not in page
    assert analyst.get(hold).status_code == 403
    assert analyst.get("/api/control-holds").json["items"] == []
    assert "盲样 9" in head.get(f"/worksheets/{sheet}").text
    assert "盲样 9" in head.get(hold).text
    job = bench.session.scalars(select(Job).where(Job.kind == "nonconformity.open")).one()
    assert "盲样 9" not in job.payload
