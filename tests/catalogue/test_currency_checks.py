"""标准查新: a published list against the library; what hangs on each standard; what a person decided."""

import csv
import io
from datetime import date, timedelta

import pytest
from sqlalchemy import text

from lims.accreditation.models import Scheme
from lims.accreditation.scope import ScopeText, add_scope
from lims.catalogue.check_models import CheckOutcome, StandardDecision, StandardsCheck
from lims.catalogue.checks import ListFile, close_check, findings_of, start_check
from lims.catalogue.currency_list import read_list
from lims.catalogue.decisions import DecisionText, decide_finding
from lims.catalogue.evidence import evidence_pdf, write_evidence
from lims.catalogue.models import StandardEdition, StandardStatus
from lims.catalogue.packages import PackageText, create_package
from lims.catalogue.standard_codes import read_code
from lims.catalogue.touched import TouchedKind, by_kind, touched_by
from lims.certificates.models import LaboratoryDetails
from lims.core.clock import local_date
from lims.core.errors import Conflict, InvalidInput, PermissionDenied, TransitionRefused
from lims.core.files import FileStore
from lims.core.permissions import SYSTEM
from tests.catalogue.making import plain
from tests.support.reports import DETAILS

TODAY = date(2026, 11, 22)
HEADINGS = ("标准号", "标准名称", "状态", "发布日期", "实施日期", "废止日期", "被代替标准")


def written(*rows: tuple[str, ...], headings: tuple[str, ...] = HEADINGS) -> ListFile:
    out = io.StringIO()
    csv.writer(out).writerows([headings, *rows])
    return ListFile("list.csv", out.getvalue().encode("gb18030"))


@pytest.fixture
def store(tmp_path) -> FileStore:
    return FileStore(tmp_path)


@pytest.fixture
def check(uow, catalogue, store):
    """Start a check by the keeper from rows of a list."""

    def start(*rows: tuple[str, ...], **more: object) -> StandardsCheck:
        return start_check(
            uow, actor=catalogue.keeper, store=store, file=written(*rows), source="SAMR", **more
        )

    return start


@pytest.fixture
def outcomes(session):
    def read(check_id: int) -> dict[str, str]:
        return {one.code: one.outcome.value for one in findings_of(session, check_id)}

    return read


@pytest.fixture
def decide(uow, session, catalogue):
    def decided(
        check_id: int, code: str, decision: StandardDecision, on: date | None = None, why: str = "公告"
    ):
        one = next(f for f in findings_of(session, check_id) if f.code == code)
        return decide_finding(
            uow,
            actor=catalogue.keeper,
            check_id=check_id,
            finding_id=one.id,
            version=one.version,
            text=DecisionText(decision, why, on),
        )

    return decided


@pytest.mark.parametrize(
    ("written_as", "family", "year"),
    [
        ("GB 5009.3-2016", "GB 5009.3", 2016),
        ("gb5009.3—2016", "GB 5009.3", 2016),
        ("ＧＢ／Ｔ 22388－2008", "GB/T 22388", 2008),
        ("GB 2760 - 2024", "GB 2760", 2024),
        ("GB/T 5009.3-85", "GB/T 5009.3", 1985),
        ("IEC 60335-1:2020", "IEC 60335-1", 2020),
        ("ISO 6888-1", "ISO 6888-1", None),
        ("DB53/T 123-2020", "DB53/T 123", 2020),
        ("农业部1025号公告-23-2008", "农业部1025号公告-23-2008", None),
    ],
)
def test_a_number_is_read_however_it_is_written(written_as, family, year):
    code = read_code(written_as)
    assert code is not None
    assert (code.family, code.year) == (family, year)


@pytest.mark.parametrize("no_number", ["", "标准", "ß" * 40 + "1", "x" * 71 + "1"])
def test_what_is_no_number_or_too_long_to_keep_is_none(no_number):
    assert read_code(no_number) is None


def test_every_fault_of_a_list_is_told_by_row():
    read = read_list(
        [
            ["Standard No.", "Title", "Status", "Effective date", "Withdrawn on", "Replaced by", "Remarks"],
            ["GB 1-2020", "a", "current", "2020.1.1", "", "", ""],
            ["", "b", "current"],
            ["GB 3-2020", "c", "perhaps"],
            ["GB 4", "d", "现行"],
            ["GB 5-2020", "e", "废止", "2020-13-01"],
            ["gb1—2020", "f", "现行"],
            ["GB 6-2020", "g", "被代替", "2020-01-01", "2019-01-01", "GB 6-2020"],
        ]
    )
    assert [row.row for row in read.faulty] == [3, 4, 5, 6, 7, 8]
    assert [len(row.faults) for row in read.faulty] == [1, 1, 1, 1, 1, 2]
    assert read.ignored == ("Remarks",)
    assert [row.code.text for row in read.good] == ["GB 1-2020"]


@pytest.mark.parametrize(
    ("table", "code"),
    [
        ([["a", "b"], ["GB 1-2020", "现行"]], "list_without_headings"),
        ([["标准号", "状态"]], "list_empty"),
        ([], "list_without_headings"),
        ([["标准号", "Standard number", "状态"], ["GB 1-2020"]], "list_column_twice"),
    ],
)
def test_what_is_no_list_of_standards_is_refused(table, code):
    with pytest.raises(InvalidInput) as refused:
        read_list(table)
    assert refused.value.code == code


def test_each_standard_of_ours_is_compared_with_the_list(catalogue, check, outcomes):
    for number in ("1-2010", "2-2010", "3-2010", "4-2010", "5-2010", "7-2010"):
        catalogue.standard(f"GB {number}")
    catalogue.standard("GB 6-2010", in_force_from=date(2010, 6, 1))
    catalogue.standard("GB 8-2000", withdrawn_from=date(2010, 1, 1))
    made = check(
        ("GB 1—2010", "", "现行", "", "", "", ""),
        ("GB 2-2010", "", "被代替", "", "", "2027-01-01", "GB/T 22-2026"),
        ("GB 3-2010", "", "废止", "", "", "2026-01-01", ""),
        ("GB 4-2026", "四", "即将实施", "2026-08-01", "2027-02-01", "", ""),
        ("GB 5-2010", "", "现行", "", "", "", ""),
        ("GB 5-2026", "五", "即将实施", "", "2027-03-01", "", ""),
        ("GB 6-2010", "", "现行", "", "2010-07-01", "", ""),
        ("GB 99-2020", "", "现行", "", "", "", ""),
    )
    assert outcomes(made.id) == {
        "GB 1-2010": "unchanged",
        "GB 2-2010": "replaced",
        "GB 3-2010": "withdrawn",
        "GB 4-2010": "new_edition",
        "GB 5-2010": "new_edition",
        "GB 6-2010": "different",
        "GB 7-2010": "not_mentioned",
        "GB 99-2020": "unknown",
    }


def test_three_withdrawn_standards_name_all_that_hangs_on_them(uow, session, catalogue, check):
    today = local_date(uow.now)
    for n in (1, 2, 3):
        standard = catalogue.standard(f"GB {n}-2010")
        item = catalogue.item(f"item{n}")
        method = catalogue.method(item, standard)
        catalogue.release(catalogue.draft(method, plain()))
        catalogue.limit(item, standard=standard.id)
        catalogue.limit(item, standard=standard.id, valid_from=date(2010, 1, 1), valid_to=date(2011, 1, 1))
        create_package(uow, actor=catalogue.keeper, text=PackageText(f"p{n}", "套", "Set", [item.id]))
        for scheme, until in ((Scheme.CMA, 30), (Scheme.CNAS, -1)):
            add_scope(
                uow,
                actor=catalogue.keeper,
                text=ScopeText(scheme, method.id, date(2020, 1, 1), today + timedelta(days=until)),
            )
    made = check(*((f"GB {n}-2010", "", "废止", "", "", "2026-12-01", "") for n in (1, 2, 3)))
    found = findings_of(session, made.id)
    assert [one.outcome for one in found] == [CheckOutcome.WITHDRAWN] * 3
    touched = touched_by(session, [one.standard_id for one in found], today)
    for one in found:
        counts = {kind: len(rows) for kind, rows in by_kind(touched[one.standard_id]).items()}
        # The old limit and the grant that ended hang on nothing any more.
        assert counts == {
            TouchedKind.METHOD: 1,
            TouchedKind.LIMIT: 1,
            TouchedKind.PACKAGE: 1,
            TouchedKind.SCOPE: 1,
        }


def test_adopting_a_new_edition_writes_both_editions(session, catalogue, check, decide):
    old = catalogue.standard("GB 5-2010")
    made = check(
        ("GB 5-2010", "", "被代替", "", "", "2027-03-01", "GB 5-2026"),
        ("GB 5-2026", "新版", "即将实施", "2026-09-01", "2027-03-01", "", ""),
    )
    decide(made.id, "GB 5-2010", StandardDecision.ADOPT, date(2027, 3, 1))
    session.rollback()
    row = session.get_one(StandardEdition, old.id)
    new = session.get_one(StandardEdition, row.replaced_by_id)
    assert (new.code, new.title_zh, new.in_force_from) == ("GB 5-2026", "新版", date(2027, 3, 1))
    assert (row.withdrawn_from, row.transition_until) == (date(2027, 3, 1), None)


def test_in_a_transition_both_editions_live_and_after_it_the_new_one_alone(session, catalogue, check, decide):
    old = catalogue.standard("GB 5-2010")
    made = check(
        ("GB 5-2010", "", "被代替", "", "", "2027-03-01", "GB 5-2026"),
        ("GB 5-2026", "新版", "即将实施", "", "2027-03-01", "", ""),
    )
    decide(made.id, "GB 5-2010", StandardDecision.KEEP_UNTIL, date(2027, 5, 31))
    session.rollback()
    row = session.get_one(StandardEdition, old.id)
    new = session.get_one(StandardEdition, row.replaced_by_id)
    states = {
        day: (row.status_on(day).value, new.status_on(day).value)
        for day in (date(2027, 2, 28), date(2027, 3, 1), date(2027, 5, 31), date(2027, 6, 1))
    }
    assert list(states.values()) == [
        ("in_force", "upcoming"),
        ("in_transition", "in_force"),
        ("in_transition", "in_force"),
        ("withdrawn", "in_force"),
    ]


@pytest.mark.parametrize(
    ("decision", "on", "code"),
    [
        (StandardDecision.ADOPT, date(2027, 2, 28), "adopted_too_early"),
        (StandardDecision.ADOPT, date(2027, 3, 2), "adopted_too_late"),
        (StandardDecision.KEEP_UNTIL, date(2027, 2, 28), "kept_too_short"),
        (StandardDecision.KEEP_UNTIL, None, "day_missing"),
        (StandardDecision.TAKE_DATES, None, "decision_not_possible"),
    ],
)
def test_a_decision_that_contradicts_the_list_changes_nothing(
    session, catalogue, check, decide, decision, on, code
):
    old = catalogue.standard("GB 5-2010")
    made = check(
        ("GB 5-2010", "", "被代替", "", "", "2027-03-01", "GB 5-2026"),
        ("GB 5-2026", "新版", "即将实施", "", "2027-03-01", "", ""),
    )
    with pytest.raises(InvalidInput) as refused:
        decide(made.id, "GB 5-2010", decision, on)
    assert refused.value.code == code
    session.rollback()
    assert session.get_one(StandardEdition, old.id).withdrawn_from is None


def test_a_person_decides_once_and_says_why(uow, session, catalogue, check, decide):
    catalogue.standard("GB 5-2010")
    made = check(("GB 5-2010", "", "废止", "", "", "2026-12-01", ""))
    with pytest.raises(InvalidInput) as refused:
        decide(made.id, "GB 5-2010", StandardDecision.WITHDRAW, why=" ")
    assert refused.value.code == "reason_missing"
    one = findings_of(session, made.id)[0]
    text_ = DecisionText(StandardDecision.WITHDRAW, "why")
    for actor in (SYSTEM,):
        with pytest.raises(PermissionDenied):
            decide_finding(uow, actor=actor, check_id=made.id, finding_id=one.id, version=1, text=text_)
    done = decide(made.id, "GB 5-2010", StandardDecision.WITHDRAW)
    assert (done.decided_by, done.effective_on) == (catalogue.keeper.id, date(2026, 12, 1))
    with pytest.raises(Conflict) as twice:
        decide(made.id, "GB 5-2010", StandardDecision.NOT_RELEVANT)
    assert twice.value.code == "already_decided"


def test_the_dates_of_the_list_correct_the_library(session, catalogue, check, decide):
    wrong = catalogue.standard("GB 6-2010", in_force_from=date(2010, 6, 1), withdrawn_from=date(2020, 1, 1))
    made = check(("GB 6-2010", "", "现行", "", "2010-07-01", "", ""))
    decide(made.id, "GB 6-2010", StandardDecision.TAKE_DATES)
    session.rollback()
    row = session.get_one(StandardEdition, wrong.id)
    assert (row.in_force_from, row.withdrawn_from) == (date(2010, 7, 1), None)
    assert row.status_on(TODAY) is StandardStatus.IN_FORCE


def test_a_check_closes_when_all_is_decided_and_its_evidence_stays(
    uow, session, catalogue, check, decide, store, database
):
    for n in (1, 2):
        catalogue.standard(f"GB {n}-2010")
    made = check(*((f"GB {n}-2010", "", "废止", "", "", "2026-12-01", "") for n in (1, 2)))
    decide(made.id, "GB 1-2010", StandardDecision.WITHDRAW)

    def close():
        row = session.get_one(StandardsCheck, made.id, populate_existing=True)
        return close_check(uow, actor=catalogue.keeper, store=store, check_id=made.id, version=row.version)

    with pytest.raises(Conflict, match="1") as undecided:
        close()
    assert undecided.value.code == "check_undecided"
    decide(made.id, "GB 2-2010", StandardDecision.NOT_RELEVANT)
    with pytest.raises(Conflict) as unnamed:
        close()
    assert unnamed.value.code == "laboratory_details_missing"
    with uow:
        uow.add(LaboratoryDetails(**DETAILS))
        uow.audit("test.details", SYSTEM, ("laboratory", 1))
        uow.commit()
    closed = close()
    first = write_evidence(uow, actor=SYSTEM, store=store, check_id=made.id)
    assert write_evidence(uow, actor=SYSTEM, store=store, check_id=made.id) == first
    assert evidence_pdf(store, closed).startswith(b"%PDF")
    with pytest.raises(TransitionRefused):
        close()
    for statement in (
        "UPDATE standards_check SET source = 'other'",
        "UPDATE standard_finding SET reason = 'other'",
        "UPDATE standards_check SET evidence_sha256 = NULL",
    ):
        with database.engine.connect() as connection, pytest.raises(Exception, match="never changed"):
            connection.execute(text(statement))
