"""Device profiles of the laboratory: begun as a copy, tried, saved, released only when they conform, given to gateways."""

import io

import pytest
from sqlalchemy import select

from instruments.conformance import faults_of
from instruments.profiles import load_profile, read_profile
from lims.core.audit import AuditEvent
from lims.core.errors import Conflict, InvalidInput, PermissionDenied, TransitionRefused
from lims.core.permissions import Role
from lims.equipment.profile_form import Exchange, initial_of, plain_facts, row_of, try_row, with_pasted
from lims.equipment.profile_schemas import ProfileFormLoad
from lims.equipment.profiles import (
    create_profile,
    import_profile,
    release_version,
    retire_profile,
    save_version,
    start_row,
    versions_of,
)
from lims.ui.forms import empty_form, read_form
from tests.support.accounts import actor_of, make_account
from tests.support.bench_gateway import BenchGateway

PATTERN = r"(?P<status>ST|US) (?P<value>\d+\.\d+) (?P<unit>%)"
ROW = {
    "title": "moisture meter",
    "protocol": "regex",
    "codec": {"pattern": PATTERN, "stable": ["ST"], "dynamic": ["US"]},
    "dialogue": [
        {
            "response": "ST 12.30 %\r\n",
            "expected": {"kind": "reading", "value": "12.30", "unit": "%", "stability": "stable"},
            "source": "the meter on bench 3",
        }
    ],
}


@pytest.fixture
def manager(manager_account):
    return actor_of(manager_account)


@pytest.fixture
def profile(uow, manager):
    return create_profile(uow, actor=manager, key="moisture", row=ROW)


@pytest.fixture
def gateway(app, uow, clock):
    return BenchGateway(app.test_client(), clock.now, "bench-1").enrol(uow)


def sent(row, based_on, **changed):
    """The editor's form of a row as a browser sends it."""
    form = empty_form(ProfileFormLoad, **initial_of(row), based_on=based_on)
    return {**{name: form.typed(name) for name in form._typed}, **changed}


# -- versions -------------------------------------------------------------------------


def test_every_save_is_a_version_of_its_own_and_none_ever_changes(uow, session, manager, profile):
    save_version(uow, actor=manager, profile_id=profile.id, row={**ROW, "title": "mended"}, based_on=1)
    with pytest.raises(Conflict) as stale:
        save_version(uow, actor=manager, profile_id=profile.id, row=ROW, based_on=1)
    assert stale.value.code == "profile_changed"
    second, first = versions_of(session, profile.id)
    assert (second.number, second.title, first.number, first.title) == (2, "mended", 1, "moisture meter")
    assert read_profile("moisture", second.text).stated == "moisture/2"
    verbs = session.scalars(select(AuditEvent.verb).where(AuditEvent.object_type == "device_profile_version"))
    assert list(verbs) == ["device_profile.save", "device_profile.save"]


def test_what_cannot_be_used_is_not_even_saved(uow, manager):
    for changed, sentence in (
        ({"codec": {"pattern": r"\d+"}}, "value"),
        ({"protocol": "morse"}, "no protocol"),
        ({"title": "x" * 300}, "title"),
    ):
        with pytest.raises(InvalidInput, match=sentence) as refused:
            create_profile(uow, actor=manager, key="moisture", row={**ROW, **changed})
        assert refused.value.code == "profile_wrong"


def test_a_name_is_the_name_of_a_file_and_of_one_profile_only(uow, manager, profile):
    for key in ("../etc", "Moisture", "a" * 61, ""):
        with pytest.raises(InvalidInput):
            create_profile(uow, actor=manager, key=key, row=ROW)
    for key in ("moisture", "mtsics"):
        with pytest.raises(Conflict):
            create_profile(uow, actor=manager, key=key, row=ROW)


def test_only_who_may_edit_profiles_saves_and_releases(uow, manager, profile):
    stranger = actor_of(make_account(uow, Role.ANALYST))
    with pytest.raises(PermissionDenied):
        save_version(uow, actor=stranger, profile_id=profile.id, row=ROW, based_on=1)
    with pytest.raises(PermissionDenied):
        release_version(uow, actor=stranger, profile_id=profile.id, number=1)


# -- release --------------------------------------------------------------------------


def test_a_version_is_released_only_when_its_dialogues_give_just_what_they_say(
    uow, session, manager, profile
):
    wrong = {**ROW["dialogue"][0], "expected": {"kind": "reading", "value": "12.3", "unit": "%"}}
    for row in ({**ROW, "dialogue": [wrong]}, {**ROW, "dialogue": []}):
        based_on = versions_of(session, profile.id)[0].number
        made = save_version(uow, actor=manager, profile_id=profile.id, row=row, based_on=based_on)
        with pytest.raises(InvalidInput) as refused:
            release_version(uow, actor=manager, profile_id=profile.id, number=made.number)
        assert refused.value.code == "profile_does_not_conform"
        assert made.released_at is None


def test_a_release_retires_the_version_before_and_happens_once(uow, session, manager, profile):
    release_version(uow, actor=manager, profile_id=profile.id, number=1)
    with pytest.raises(TransitionRefused):
        release_version(uow, actor=manager, profile_id=profile.id, number=1)
    save_version(uow, actor=manager, profile_id=profile.id, row=ROW, based_on=1)
    release_version(uow, actor=manager, profile_id=profile.id, number=2)
    assert [one.state.value for one in versions_of(session, profile.id)] == ["in_use", "retired"]
    retire_profile(uow, actor=manager, profile_id=profile.id, reason="the meter is sold")
    assert versions_of(session, profile.id)[0].state.value == "retired"


def test_copies_of_built_in_profiles_go_through_the_editor_unchanged_and_conform(session, app):
    for name in ("ph-line", "modbus-climate-echo", "scpi-34401a", "astm-e1381", "xk3190-addressed"):
        row = start_row(session, name)
        with app.test_request_context(method="POST", data=sent(row, 1)):
            edited = try_row(name, row_of(read_form(ProfileFormLoad).values, row))
        built_in = load_profile(name)
        assert edited.profile.codec == built_in.codec
        assert (edited.profile.line, edited.profile.controls) == (built_in.line, built_in.controls)
        assert faults_of(edited.profile) == []
    comma = {**ROW, "codec": {**ROW["codec"], "decimal": ","}}
    for typed, mark in (({}, ","), ({"decimal": ""}, None), ({"decimal": "."}, None)):
        with app.test_request_context(method="POST", data=sent(comma, 1, **typed)):
            assert row_of(read_form(ProfileFormLoad).values, comma)["codec"].get("decimal") == mark


# -- pages ----------------------------------------------------------------------------


def test_the_editor_shows_each_byte_and_saves_nothing_by_trying(browser, session, profile):
    typed = sent(ROW, 1, paste="ST 7.05 %\\r\\n\nUS 7.1 %\\r\\n??\\r\\n", paste_as="text")
    tried = browser.post(f"/device-profiles/{profile.id}/try", data=typed)
    assert tried.status_code == 200
    for shown in ("7.05", "part-value", "part-unit", "part-status", "unparsed", 'class="byte-hex">0D<'):
        assert shown in tried.text
    assert len(versions_of(session, profile.id)) == 1
    without = browser.post(f"/device-profiles/{profile.id}/edit", data=typed)
    assert without.status_code == 422
    assert "7.05" in without.text  # nothing typed is lost
    saved = browser.post(
        f"/device-profiles/{profile.id}/edit",
        data={**typed, "paste_source": "bench 3 today", "note": "two more"},
    )
    assert saved.status_code == 302
    session.rollback()
    dialogues = read_profile("moisture", versions_of(session, profile.id)[0].text).dialogues
    assert [one.source for one in dialogues] == ["the meter on bench 3", "bench 3 today", "bench 3 today"]
    assert dialogues[1].expected == {"kind": "reading", "value": "7.05", "unit": "%", "stability": "stable"}
    assert [one["kind"] for one in dialogues[2].expected] == ["reading", "unparsed"]
    page = browser.get(f"/device-profiles/{profile.id}").text
    assert page.count("dissected") >= 4
    released = browser.post(f"/device-profiles/{profile.id}/release", data={"number": "2"})
    assert released.status_code == 302


def test_a_changed_pattern_shows_which_dialogue_it_breaks(browser, profile):
    typed = sent(ROW, 1, pattern=PATTERN.replace("%", "g"))
    tried = browser.post(f"/device-profiles/{profile.id}/try", data=typed)
    assert "结果不符" in tried.text
    assert browser.post(f"/device-profiles/{profile.id}/edit", data=typed).status_code == 302
    refused = browser.post(f"/device-profiles/{profile.id}/release", data={"number": "2"})
    assert refused.status_code == 422


def test_what_is_typed_wrong_comes_back_with_a_sentence(browser, profile):
    for changed in (
        {"pattern": "(?P<value>"},
        {"pattern": r"(?P<value>\d*)(?=(\d*)*x)"},
        {"terminator": ""},
        {"terminator": "\\q"},
        {"dialogues-0-expected": "[1.5]"},
        {"dialogues-0-expected": "[" * 3000},
        {"dialogues-0-response": "zz"},
        {"paste": "53 2", "paste_as": "hex"},
        {"paste": "\n".join(["x"] * 60)},
        {"seconds": "0"},
        {"baud": "77"},
        {"stable": "x" * 300},
    ):
        answer = browser.post(f"/device-profiles/{profile.id}/edit", data=sent(ROW, 1, **changed))
        assert answer.status_code == 422, changed
        assert 'role="alert"' in answer.text, changed


def test_a_profile_begins_as_a_copy_with_the_bytes_of_a_capture_at_hand(browser, session):
    page = browser.get("/device-profiles?paste=5354").text
    assert 'value="5354"' in page
    data = {"start": "ph-line", "key": "our-ph", "title": "pH of bench 2", "paste": "5354"}
    made = browser.post("/device-profiles", data=data)
    assert made.status_code == 302
    assert made.location.endswith("/edit?paste=5354")
    assert "5354</textarea>" in browser.get(made.location).text


def test_a_file_goes_out_and_comes_in_again_as_the_next_version(browser, session, uow, manager, profile):
    content = browser.get(f"/device-profiles/{profile.id}/versions/1/file").data
    assert read_profile("moisture", content.decode()).stated == "moisture/1"
    for name, status in (("moisture.toml", 302), ("Wrong name.toml", 422)):
        back = browser.post("/device-profiles/import", data={"file": (io.BytesIO(content), name)})
        assert back.status_code == status, back.text
    session.rollback()
    assert [one.number for one in versions_of(session, profile.id)] == [2, 1]
    for bad in (b"\xff\xfe", b"protocol = [", b"protocol = 1979-05-27"):
        back = browser.post("/device-profiles/import", data={"file": (io.BytesIO(bad), "moisture.toml")})
        assert back.status_code == 422
    import_profile(uow, actor=manager, key="fresh", text=content.decode())


def test_a_reader_sees_profiles_and_no_way_to_change_them(reader, profile):
    page = reader.get(f"/device-profiles/{profile.id}").text
    assert "12.30" in page
    assert "/edit" not in page
    assert reader.get(f"/device-profiles/{profile.id}/edit").status_code == 403


# -- programs and gateways ---------------------------------------------------------------


def test_a_program_tries_saves_and_releases(browser, profile):
    toml = browser.get(f"/api/device-profiles/{profile.id}/versions/1").json["text"]
    tried = browser.post("/api/device-profiles/try", json={"text": toml, "response": b"US 1.5 %\r\n".hex()})
    (frame,) = tried.json["frames"]
    assert (frame["event"]["stability"], frame["parts"][3]) == ("dynamic", ["value"])
    assert tried.json["faults"] == []
    saved = browser.post(f"/api/device-profiles/{profile.id}/versions", json={"text": toml, "based_on": 1})
    assert (saved.status_code, saved.json["number"], saved.json["state"]) == (201, 2, "draft")
    assert (
        browser.post(f"/api/device-profiles/{profile.id}/release", json={"number": 2}).json["state"]
        == "in_use"
    )
    assert browser.post("/api/device-profiles/try", json={"text": "x ="}).status_code == 422


def test_a_gateway_gets_what_is_in_use_once_and_the_page_shows_who_holds_it(
    uow, manager, gateway, browser, profile
):
    held = {"held": {}, "refused": {}}
    assert gateway.beat(profiles=held).json["profiles"] == []  # a draft is nobody's
    version = release_version(uow, actor=manager, profile_id=profile.id, number=1)
    assert gateway.beat().json["profiles"] == []  # it did not ask
    (offer,) = gateway.beat(profiles=held).json["profiles"]
    assert (offer["key"], offer["version"], offer["sha256"]) == ("moisture", 1, version.sha256)
    assert read_profile("moisture", offer["text"]).stated == "moisture/1"
    holds = {"held": {"moisture": version.sha256}, "refused": {"other": "no good"}}
    assert gateway.beat(profiles=holds).json["profiles"] == []
    gateway.beat()  # says nothing of profiles: what it said before stays
    assert "bench-1" in browser.get(f"/device-profiles/{profile.id}").text
    for wrong in ({"held": []}, {"held": {"a": 1}, "refused": {}}, "all"):
        assert gateway.beat(profiles=wrong).json["code"] == "body_wrong"


def test_expected_events_state_all_and_only_what_is_said():
    row = {**ROW, "dialogue": []}
    (made,) = with_pasted(row, try_row("moisture", row).profile, [Exchange(b"", b"nonsense\r\n")], "x")[
        "dialogue"
    ]
    assert made["expected"] == {"kind": "unparsed"}


def test_a_list_is_no_fact_of_one_field():
    assert [fact.name for fact in plain_facts("SCPI")] == ["query", "unit", "deadline_s", "most_errors"]


def test_a_set_up_is_added_changed_and_left_out_in_the_editor(browser, uow, session, manager):
    row = start_row(session, "scpi-34401a")
    made = create_profile(uow, actor=manager, key="meter", row=row)
    typed = sent(row, 1)
    count = len(row["codec"]["setups"])
    typed |= {f"setups-0-{name}": "" for name in ("key", "en", "zh", "send", "confirms", "unit")}
    typed |= {"setups-1-unit": "mV"}
    new = {
        "key": "volts-100",
        "zh": "直流 100 V",
        "send": "CONF:VOLT:DC 100\n",
        "confirms": "VOLT +1.000000E+02",
    }
    typed |= {f"setups-{count}-{name}": text for name, text in new.items()}
    assert browser.post(f"/device-profiles/{made.id}/edit", data=typed).status_code == 302
    session.rollback()
    setups = read_profile("meter", versions_of(session, made.id)[0].text).codec.setups
    assert [one.key for one in setups] == [one["key"] for one in row["codec"]["setups"][1:]] + ["volts-100"]
    assert (setups[0].unit, setups[-1].send, setups[-1].en) == ("mV", ("CONF:VOLT:DC 100",), "volts-100")
    twice = browser.post(
        f"/device-profiles/{made.id}/edit", data={**typed, "based_on": "2", "setups-1-key": "volts-100"}
    )
    assert twice.status_code == 422
    assert "CONF:VOLT:DC 100" in twice.text  # nothing typed is lost
