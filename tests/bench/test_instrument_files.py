"""Files of instruments: read by a released mapping, every figure shown first, taken once, refused with a reason."""

import base64
import hashlib
import io
from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import func, select

from lims.bench.files.instrument_files import content_of
from lims.bench.files.layout import Analyte, DecimalMark, FileLayout, Repeats, TableShape
from lims.bench.files.mappings import (
    draft_again,
    draft_mapping,
    edit_mapping,
    release_mapping,
    retire_mapping,
)
from lims.bench.files.models import FileImport, FileValue, InstrumentFile
from lims.bench.models import InputValue, WorksheetEquipment
from lims.bench.states import InputSource
from lims.core.clock import local_date
from lims.core.errors import TransitionRefused
from lims.core.files import FileStore, StoredFile
from lims.core.permissions import SYSTEM
from lims.equipment.models import CalibrationRecord, Device, Equipment, EquipmentClass
from lims.intake.models import RequestedTest, Sample
from tests.support.accounts import Role, actor_of, make_account, sign_in
from tests.support.bench_gateway import BenchGateway

ICP = FileLayout(
    header_text="Sample Name",
    skip=1,
    sample_column="Sample Name",
    leave_out=("Blank", "STD"),
    analytes=(Analyte("27Al", "aluminium", unit="µg/kg"), Analyte("S", "sulfur_dioxide", unit="mg/kg")),
)


class Instruments:
    """An ICP of the laboratory, its mapping, and files that it writes."""

    def __init__(self, bench, database):
        self.bench, self.uow, self.store = bench, bench.uow, FileStore(database.data / "files")
        with self.uow:
            self.uow.add(EquipmentClass(code="icp_ms", name_zh="质谱仪", name_en="ICP-MS"))
            row = self.uow.add(
                Equipment(code="LH-020", name_zh="质谱仪", name_en="ICP-MS", equipment_class="icp_ms")
            )
            self.icp = row.id
            self.uow.audit("test.icp", SYSTEM, row)
            self.uow.commit()
        self.calibrate(200)
        self.manager = actor_of(make_account(self.uow, Role.EQUIPMENT_MANAGER))
        self.tests = bench.tests("moisture", "aluminium", samples=3)
        self.al = [one["aluminium"] for one in self.tests]
        self.sheet = bench.sheet(*self.al)
        self.numbers = [self.number(test) for test in self.al]

    def calibrate(self, due_in_days):
        due = local_date(self.uow.now) + timedelta(days=due_in_days)
        with self.uow:
            row = self.uow.add(
                CalibrationRecord(
                    equipment_id=self.icp,
                    certificate_number=f"C{due_in_days}",
                    laboratory="省院",
                    calibrated_on=due - timedelta(days=364),
                    due_on=due,
                    accepted=True,
                    recorded_at=self.uow.now,
                )
            )
            self.uow.audit("test.calibrated", SYSTEM, row)
            self.uow.commit()

    def number(self, test):
        session = self.bench.session
        return session.get_one(Sample, session.get_one(RequestedTest, test).sample_id).number

    def mapping(self, layout=ICP, name="ICP", **more):
        made = draft_mapping(
            self.uow,
            actor=self.manager,
            name=name,
            equipment_class="icp_ms",
            layout=layout,
            store=self.store,
            **more,
        )
        return release_mapping(self.uow, actor=self.manager, mapping_id=made.id, store=self.store).id

    def report(self, *rows, head="Quantitative report\n\nSample Name,27Al,S\n,[ppb],[ppm]\n"):
        return (head + "".join(f"{row}\n" for row in rows)).encode()

    def entries(self, test):
        rows = select(InputValue).where(InputValue.requested_test_id == test).order_by(InputValue.id)
        return list(self.bench.session.scalars(rows))

    def count(self, model):
        return self.bench.session.scalar(select(func.count()).select_from(model))


@pytest.fixture
def lab(bench, database):
    return Instruments(bench, database)


def drop(browser, content, name="run.csv", **fields):
    return browser.post(
        "/instrument-files",
        data={"file": (io.BytesIO(content), name), **fields},
        content_type="multipart/form-data",
    )


def take(browser, where, **fields):
    return browser.post(f"{where.split('?')[0]}/import", data=fields)


def test_a_file_is_shown_row_by_row_taken_by_cell_and_its_failures_wait_for_mending(lab, browser_of):
    mapping, analyst = lab.mapping(), browser_of("analyst")
    content = lab.report(
        "Blank,0.01,",
        f"{lab.numbers[0]},80400.0,",
        f"{lab.numbers[1]},OVER,",
        "YP-NONE,5,",
        f"{lab.numbers[2]},OVER,",
        f"{lab.numbers[2]},ND,3.1",  # measured again
        f"{lab.numbers[0]},5,",
    )
    where = drop(analyst, content, equipment_id=lab.icp).location
    page = analyst.get(where).text
    assert 'data-code="cell_twice"' in page
    assert lab.entries(lab.al[0]) == []  # nothing before it is confirmed
    assert 'data-code="instrument_failed"' in page
    assert 'data-code="sample_unknown"' in page
    assert 'data-code="item_not_here"' in page
    assert "Blank" not in page.split('id="rows"')[1]
    assert take(analyst, where, mapping_id=mapping, equipment_id=lab.icp).status_code == 302
    (value,) = lab.entries(lab.al[0])
    assert (value.text, value.value, value.unit) == ("80.4", Decimal("80.4"), "mg/kg")
    digest = hashlib.sha256(content).hexdigest()
    assert (value.source, value.equipment_id) == (InputSource.IMPORT, lab.icp)
    assert value.origin == f"sha256:{digest} row 6 run.csv"
    assert lab.entries(lab.al[1]) == []
    assert [v.text for v in lab.entries(lab.al[2])] == ["ND"]
    assert lab.bench.session.get(StoredFile, digest) is not None
    assert lab.count(WorksheetEquipment) == 1
    # The cause is mended: the sulfur test gets its worksheet. Only that figure is taken, nothing twice.
    extra = lab.bench.tests("sulfur_dioxide")[0]["sulfur_dioxide"]
    lab.bench.sheet(extra)
    content2 = lab.report(f"{lab.number(extra)},,3.1", f"{lab.numbers[0]},80400.0,")
    again = drop(analyst, content2, "later.csv", equipment_id=lab.icp).location
    assert take(analyst, again, mapping_id=mapping, equipment_id=lab.icp).status_code == 302
    assert [v.text for v in lab.entries(extra)] == ["3.1"]
    assert len(lab.entries(lab.al[0])) == 1  # the same figure in a later file of the run stands already


def test_what_was_refused_is_taken_later_from_the_same_file_without_doubling_the_rest(lab, browser_of):
    mapping, analyst = lab.mapping(), browser_of("analyst")
    late = lab.bench.tests("aluminium", "moisture")[0]["aluminium"]
    content = lab.report(f"{lab.numbers[0]},100,", f"{lab.number(late)},200,")
    where = drop(analyst, content, equipment_id=lab.icp).location
    take(analyst, where, mapping_id=mapping, equipment_id=lab.icp)
    assert (len(lab.entries(lab.al[0])), len(lab.entries(late))) == (1, 0)
    lab.bench.sheet(late)
    page = analyst.get(where).text  # proposed again as it was read last
    assert "outcome-stands" in page
    take(analyst, where, mapping_id=mapping, equipment_id=lab.icp)
    assert (len(lab.entries(lab.al[0])), len(lab.entries(late))) == (1, 1)
    assert (lab.count(FileImport), lab.count(FileValue)) == (2, 2)
    nothing = take(analyst, where, mapping_id=mapping, equipment_id=lab.icp)
    assert nothing.status_code == 409
    assert 'data-code="nothing_new"' in nothing.text


def test_the_same_file_is_refused_under_another_name_too_with_who_and_when(lab, browser_of):
    mapping, analyst = lab.mapping(), browser_of("analyst")
    content = lab.report(f"{lab.numbers[0]},100,")
    where = drop(analyst, content, equipment_id=lab.icp).location
    seen = drop(analyst, content, "other.csv", equipment_id=lab.icp)
    assert seen.location == where  # only looked at so far
    take(analyst, where, mapping_id=mapping, equipment_id=lab.icp)
    again = drop(browser_of("second_analyst"), content, "third.csv", equipment_id=lab.icp)
    assert again.status_code == 409
    assert 'data-code="file_imported"' in again.text
    assert "李理化" in again.text
    assert "2026-11-23 10:00" in again.text
    assert f'href="{where.split("?")[0]}"' in again.text
    assert lab.count(InstrumentFile) == 1


def test_an_instrument_out_of_calibration_blocks_every_figure(lab, browser_of, clock):
    mapping, analyst = lab.mapping(), browser_of("analyst")
    content = lab.report(f"{lab.numbers[0]},100,")
    where = drop(analyst, content, equipment_id=lab.icp).location
    clock.advance(timedelta(days=250))
    with lab.uow:
        lab.uow.audit("test.wait", SYSTEM, ("wait", 1))
    analyst = browser_of("analyst")
    page = analyst.get(where).text
    assert 'data-code="calibration_overdue"' in page
    assert take(analyst, where, mapping_id=mapping, equipment_id=lab.icp).status_code == 422
    assert lab.entries(lab.al[0]) == []


def test_a_figure_without_a_unit_or_with_the_other_decimal_mark_is_never_guessed(lab, browser_of):
    layout = FileLayout(
        header_row=1,
        sample_column="id",
        decimal=DecimalMark.COMMA,
        analytes=(Analyte("Al", "aluminium"),),
    )
    lab.mapping(layout)
    analyst = browser_of("analyst")
    rows = f"id;Al\n{lab.numbers[0]};1,5\n{lab.numbers[1]};1.500\n{lab.numbers[2]};12\n"
    page = analyst.get(drop(analyst, rows.encode("utf-16"), equipment_id=lab.icp).location).text
    assert page.count('data-code="unit_missing"') == 2
    assert page.count('data-code="decimal_mark"') == 1


def test_one_row_a_sample_and_analyte_with_repeats_as_replicates(lab, browser_of):
    layout = FileLayout(
        header_row=1,
        shape=TableShape.LONG,
        sample_column="#1",
        name_column="Compound",
        value_column="Amount",
        unit_column="Unit",
        repeats=Repeats.COUNT,
        analytes=(Analyte("TVC", "plate_count"),),
    )
    mapping, analyst = lab.mapping(layout), browser_of("analyst")
    test = lab.bench.tests("plate_count")[0]["plate_count"]
    sheet, number = lab.bench.sheet(test), lab.number(test)
    lines = [f"{number}\tTVC\t{n}00\tCFU/g" for n in range(1, 7)] + [f"{number}\tYeast\t5\tCFU/g"]
    text = "Sample\tCompound\tAmount\tUnit\n" + "\n".join(lines)
    where = drop(analyst, text.encode(), "lc.txt", equipment_id=lab.icp).location
    page = analyst.get(f"{where.split('?')[0]}?mapping_id={mapping}&worksheet_id={sheet}").text
    assert "Yeast" in page
    take(analyst, where, mapping_id=mapping, equipment_id=lab.icp, worksheet_id=sheet)
    assert [(v.replicate, v.text) for v in lab.entries(test)] == [(n, f"{n}00") for n in range(1, 6)]


def test_values_of_one_result_come_together_or_not_at_all(lab, browser_of):
    layout = FileLayout(
        header_row=1,
        sample_column="id",
        analytes=tuple(Analyte(f"c{n}", "plate_count", unit="CFU/g", replicate=n) for n in (1, 2)),
    )
    mapping, analyst = lab.mapping(layout), browser_of("analyst")
    test = lab.bench.tests("plate_count")[0]["plate_count"]
    lab.bench.sheet(test)
    where = drop(analyst, f"id,c1,c2\n{lab.number(test)},900,many\n".encode(), equipment_id=lab.icp).location
    page = analyst.get(where).text
    assert 'data-code="result_incomplete"' in page
    assert take(analyst, where, mapping_id=mapping, equipment_id=lab.icp).status_code == 422
    assert lab.entries(test) == []


def test_a_released_mapping_never_changes_and_the_next_version_takes_its_place(lab):
    first = lab.mapping()
    with pytest.raises(TransitionRefused):
        edit_mapping(lab.uow, actor=lab.manager, mapping_id=first, version=2, layout=ICP, store=lab.store)
    second = draft_again(lab.uow, actor=lab.manager, mapping_id=first)
    assert (second.number, second.layout) == (2, lab.uow.session.get(type(second), first).layout)
    release_mapping(lab.uow, actor=lab.manager, mapping_id=second.id, store=lab.store)
    row = lab.uow.session.get(type(second), first)
    assert row.retired_at is not None
    retire_mapping(lab.uow, actor=lab.manager, mapping_id=second.id, why="moved")


def test_a_mapping_is_made_from_a_file_on_its_page_and_released(lab, app, browser_of):
    account = make_account(lab.uow, Role.EQUIPMENT_MANAGER)
    browser = sign_in(app.test_client(), account)
    content = lab.report("S1,1.5,", "S2,OVER,")
    made = browser.post(
        "/file-mappings/new",
        data={"name": "Page", "equipment_class": "icp_ms", "file": (io.BytesIO(content), "run.csv")},
        content_type="multipart/form-data",
    )
    page = browser.get(made.location).text
    assert 'value="Sample Name"' in page  # the headings were found
    form = {
        "version": "1",
        "header_row": "3",
        "skip": "1",
        "sample_column": "Sample Name",
        "analytes-0-name": "27Al",
        "analytes-0-item": "aluminium",
        "analytes-0-unit": "µg/kg",
        "words-0-word": "OVER",
        "words-0-meaning": "failed",
    }
    assert browser.post(f"{made.location}/edit", data=form).status_code == 302
    page = browser.get(made.location).text
    assert "1.5" in page.split('id="preview"')[1]
    wrong = browser.post(f"{made.location}/edit", data={**form, "version": "1", "skip": "-4"})
    assert wrong.status_code == 422
    assert 'value="-4"' in wrong.text
    assert browser.post(f"{made.location}/release", data={"version": "2"}).status_code == 302
    assert (
        sign_in(app.test_client(), make_account(lab.uow, Role.ANALYST))
        .post(f"{made.location}/retire", data={"reason": "x"})
        .status_code
        == 403
    )


def test_a_gateways_file_is_in_the_inbox_and_taken_once_however_often_it_is_sent(
    lab, client, browser_of, clock
):
    mapping = lab.mapping()
    gateway = BenchGateway(client, clock.now, "icp-pc").enrol(lab.uow)
    content = lab.report(f"{lab.numbers[0]},80400,")
    digest = hashlib.sha256(content).hexdigest()

    def send(name):
        for n, part in ((1, content[:40]), (2, content[40:])):
            event = {
                **{"kind": "file", "value": None, "unit": None, "stability": None, "code": f"{n}/2"},
                **{"name": name, "sha256": digest, "size": len(content)},
            }
            gateway.keep(None, device="icp", raw=part, event=event, trigger="file", serial=None)

    gateway.keep("1.0000", device="icp")  # the device appears, and is bound
    gateway.deliver([1])
    with lab.uow:
        device = lab.uow.session.scalars(select(Device).where(Device.name == "icp")).one()
        device.equipment_id = lab.icp
        lab.uow.audit("test.bind", SYSTEM, device)
        lab.uow.commit()
    send("run.csv")
    gateway.deliver([2])
    assert lab.count(InstrumentFile) == 0  # half a file is no file
    answer = gateway.deliver([2, 3])
    assert answer.json["stored"] == 1, answer.json
    send("copy.csv")
    gateway.deliver([4, 5])
    file = lab.bench.session.scalars(select(InstrumentFile)).one()
    assert (file.name, file.sha256, file.equipment_id, file.chunks) == ("run.csv", digest, lab.icp, 2)
    assert content_of(lab.bench.session, lab.store, file) == content
    analyst = browser_of("analyst")
    assert "run.csv" in analyst.get("/captures").text
    assert f"/instrument-files/{file.id}" in analyst.get(f"/captures/{file.capture_id}").text
    page = analyst.get(f"/instrument-files/{file.id}").text  # its instrument and mapping are known
    assert "80.4" in page
    take(analyst, f"/instrument-files/{file.id}", mapping_id=mapping, equipment_id=lab.icp)
    assert [v.text for v in lab.entries(lab.al[0])] == ["80.4"]
    assert "run.csv" not in analyst.get("/captures").text
    assert "run.csv" in analyst.get("/instrument-files?imported=yes").text
    assert "run.csv" not in analyst.get("/instrument-files?imported=no").text
    assert drop(analyst, content, "by-hand.csv", equipment_id=lab.icp).status_code == 409


def test_the_api_takes_a_mapped_file_for_a_worksheet(lab, browser_of):
    mapping, analyst = lab.mapping(), browser_of("analyst")
    content = base64.b64encode(lab.report(f"{lab.numbers[0]},80400,")).decode()
    body = {"file_name": "run.csv", "content": content, "mapping_id": mapping, "equipment_id": lab.icp}
    seen = analyst.post(f"/api/worksheets/{lab.sheet}/import/preview", json=body)
    assert seen.json["rows"][0]["faults"] == []
    assert analyst.post(f"/api/worksheets/{lab.sheet}/import", json=body).status_code == 200
    assert [v.text for v in lab.entries(lab.al[0])] == ["80.4"]


def test_a_program_makes_a_mapping_brings_a_file_and_takes_it(lab, app, browser_of):
    manager = sign_in(app.test_client(), make_account(lab.uow, Role.EQUIPMENT_MANAGER))
    layout = {
        **{"sample_column": "id", "analytes": [{"name": "Al", "item": "aluminium", "unit": "mg/kg"}]},
        **{"words": [{"word": "OVER", "meaning": "failed"}]},
    }
    body = {"name": "A", "equipment_class": "icp_ms", "layout": layout}
    made = manager.post("/api/file-mappings", json=body)
    assert (made.status_code, made.json["layout"]["header_row"]) == (201, 1)
    path = f"/api/file-mappings/{made.json['id']}/release"
    assert manager.post(path, json={"version": made.json["version"]}).status_code == 200
    analyst = browser_of("analyst")
    content = base64.b64encode(f"id,Al\n{lab.numbers[0]},7\n{lab.numbers[1]},OVER\n".encode()).decode()
    file = analyst.post("/api/instrument-files", json={"file_name": "a.csv", "content": content})
    plan = {"mapping_id": analyst.get("/api/file-mappings").json[0]["id"], "equipment_id": lab.icp}
    seen = analyst.post(f"/api/instrument-files/{file.json['id']}/preview", json=plan).json["rows"]
    assert [row["codes"] for row in seen] == [[], ["instrument_failed"]]
    assert (seen[0]["outcomes"][0]["fate"], seen[0]["outcomes"][0]["key"]) == ("fills", "as_is-1")
    assert analyst.post(f"/api/instrument-files/{file.json['id']}/import", json=plan).status_code == 200
    again = analyst.post("/api/instrument-files", json={"file_name": "b.csv", "content": content})
    assert (again.status_code, again.json["code"]) == (409, "file_imported")
