"""Pages of proficiency rounds: from a new round to its scores, on item and person."""

import re

from tests.quality.test_proficiency import CREOSOTE, entered, scored
from tests.support.accounts import sign_in

ENGLISH = {"Accept-Language": "en"}


def version_in(page: str, name: str) -> str:
    form = re.search(rf'action="[^"]*/{name}".*?name="version" value="(\d+)"', page, re.S)
    return form[1]


def test_a_round_goes_its_road_in_the_browser(browser, app, house):
    new = {
        "provider": "中检院",
        "scheme": "食品中水分",
        "round": "2026-1",
        "starts_on": "2026-01-10",
        "report_by": "2026-02-10",
    }
    wrong = browser.post("/proficiency/new", data=new | {"report_by": "2026-01-01"}, headers=ENGLISH)
    assert wrong.status_code == 422
    assert "中检院" in wrong.text
    made = browser.post("/proficiency/new", data=new).location
    item = {
        "test_item_id": str(house.lab.items["moisture"]),
        "person_id": str(house.lab.analyst.id),
        "unit": "g/100 g",
    }
    assert browser.post(f"{made}/entries", data=item).status_code == 302
    here = re.search(r'href="(/proficiency/entries/\d+)"', browser.get(made).text)[1]
    analyst = sign_in(app.test_client(), house.lab.accounts["analyst"])
    page = analyst.get(here, headers=ENGLISH).text
    sent = {"version": version_in(page, "report"), "result": "20.705"}
    assert analyst.post(f"{here}/report", data=sent | {"result": "20,7"}).status_code == 422
    assert analyst.post(f"{here}/report", data=sent).status_code == 302
    assert analyst.post(f"{here}/score", data=sent).status_code == 403
    version = version_in(browser.get(here).text, "score")
    pasted = "\n".join(f"L{n};{value}" for n, value in enumerate(CREOSOTE, 1))
    faulty = browser.post(
        f"{here}/score", data={"version": version, "participants": pasted + "\nL1;x"}, headers=ENGLISH
    )
    assert faulty.status_code == 422
    assert "Line 10" in faulty.text
    assert "L9;21.185" in faulty.text
    assert browser.post(f"{here}/score", data={"version": version, "participants": pasted}).status_code == 302
    assert "20.412" in browser.get(here, headers=ENGLISH).text
    assert "satisfactory" in browser.get("/proficiency?performance=satisfactory", headers=ENGLISH).text


def test_a_score_is_shown_on_its_item_and_its_person(browser, house):
    row = scored(house, "11.6")
    for address in (
        f"/proficiency/items/{row.test_item_id}",
        f"/proficiency/people/{row.person_id}",
        f"/catalogue/items/{row.test_item_id}",
        f"/people/{row.person_id}/rights",
    ):
        page = browser.get(address, headers=ENGLISH).text
        assert f'href="/proficiency/entries/{row.id}"' in page, address
        assert "z = 3.20" in page, address
    opened = browser.get(f"/nonconformities/{row.nonconformity_id}", headers=ENGLISH).text
    assert f'href="/proficiency/entries/{row.id}"' in opened


def test_the_plan_says_what_is_behind(browser, house):
    ids = [str(house.lab.items[code]) for code in ("moisture", "melamine")]
    typed = {"test_item_ids": ids, "every_months": "12", "note": "CNAS-RL02"}
    assert browser.post("/proficiency/plan", data=typed).status_code == 302
    page = browser.get("/proficiency/plan", headers=ENGLISH).text
    assert "2 items are behind their plan." in page
    assert browser.post(f"/proficiency/plan/{ids[0]}/drop", data={"reason": " "}).status_code == 422
    assert browser.post(f"/proficiency/plan/{ids[0]}/drop", data={"reason": "不再开展"}).status_code == 302
    assert "1 items are behind" in browser.get("/proficiency/plan", headers=ENGLISH).text


def test_a_program_scores_an_entry(browser, house):
    row = entered(house)
    here = f"/api/proficiency-entries/{row.id}"
    told = browser.post(f"{here}/report", json={"version": row.version, "result": "10.90"})
    assert told.json["result"] == "10.90"
    body = {"version": told.json["version"], "assigned_value": "10.0", "sigma": "0.5"}
    done = browser.post(f"{here}/score", json=body)
    assert (done.status_code, done.json["z"], done.json["performance"]) == (200, "1.8", "satisfactory")
    found = browser.get(f"/api/people/{row.person_id}/proficiency").json
    assert [one["id"] for one in found] == [row.id]
