"""Hand over, take back, verify, return, reject, retest: two persons stand behind every result."""

from collections.abc import Mapping, Sequence

from flask_babel import gettext as _
from sqlalchemy import select

from lims.bench import compute
from lims.bench.calculation import Incomplete
from lims.bench.control.holds import (
    follow_controls,
    follow_controls_elsewhere,
    refuse_held,
    refuse_without_controls,
)
from lims.bench.inputs import sheets_of_tests
from lims.bench.models import InputValue, Result, Worksheet
from lims.bench.outcomes import find_outcome
from lims.bench.retesting import refuse_dependents, retest_here
from lims.bench.sample_bench import Benches, SampleBench
from lims.bench.wording import named
from lims.bench.worksheets import follow_rows
from lims.catalogue.models import MethodVersion
from lims.core.errors import (
    Conflict,
    InvalidInput,
    NotFound,
    PermissionDenied,
    TransitionRefused,
)
from lims.core.permissions import Actor, Permission
from lims.core.uow import UnitOfWork, stale
from lims.intake.models import RequestedTest
from lims.intake.progress import advance_test
from lims.intake.states import TestState

MOST_AT_ONCE = 500


def submit_results(uow: UnitOfWork, *, actor: Actor, test_ids: Sequence[int]) -> list[Result]:
    """Hand results over for verification, all or none. Each needs a value; what it needs is handed over first."""
    actor.require(Permission.RESULT_ENTER)
    with uow:
        tests = _locked(uow, test_ids)
        # What is handed over is what the inputs give today: a limit may have changed since they were entered.
        benches = Benches(uow.session, sorted({t.sample_id for t in tests}))
        compute.recompute(uow, actor, tests, benches)
        handed = {t.id for t in tests}
        sheets = sheets_of_tests(uow.session, handed)
        here = {sheet.id: sheet for sheet in sheets.values()}.values()
        controls = {sheet.id: refuse_without_controls(uow.session, sheet, handed) for sheet in here}
        done = [_submit(uow, actor, benches, test, handed, sheets.get(test.id)) for test in tests]
        _follow_sheets(uow, actor, tests)
        moved = handed | _computed_from(benches, tests)
        for sheet in here:
            follow_controls(uow, actor, sheet, controls[sheet.id], moved)
        follow_controls_elsewhere(uow, actor, moved, controls.keys())
        uow.commit()
    return done


def _computed_from(benches: Benches, tests: Sequence[RequestedTest]) -> set[int]:
    """Tests that were handed over before, and whose results move with these."""
    others = (one for test in tests for one in benches.of(test.sample_id).dependents_of(test))
    return {one.id for one in others if one.state in (TestState.SUBMITTED, TestState.VERIFIED)}


def _submit(
    uow: UnitOfWork,
    actor: Actor,
    benches: Benches,
    test: RequestedTest,
    together: set[int],
    sheet: Worksheet | None,
) -> Result:
    if test.assignee_id != actor.id:
        raise PermissionDenied(_("This test belongs to another analyst."))
    result = benches.results.get(test.id)
    version = benches.newest.get(result.id) if result else None
    if result is None or version is None or not version.reported:
        raise Conflict(_("“%(item)s” has no value yet.", item=named(test.test_item)), code="no_value")
    _check_conditions(sheet, benches.versions[test.method_version_id])
    for needed in benches.of(test.sample_id).needed_by(test):
        if needed.id not in together and needed.state not in (TestState.SUBMITTED, TestState.VERIFIED):
            raise Conflict(
                _(
                    "“%(item)s” is computed from “%(other)s”: hand that over first.",
                    item=named(test.test_item),
                    other=named(needed.test_item),
                ),
                code="needs_other_item",
            )
    advance_test(uow, test, "submit", actor=actor)
    result.submitted_by, result.submitted_at = actor.id, uow.now
    result.returned_by = result.return_reason = None
    uow.audit("result.submit", actor, result)
    return result


def _check_conditions(sheet: Worksheet | None, version: MethodVersion) -> None:
    if sheet is None:
        raise Conflict(_("The test is on no worksheet."), code="no_worksheet")
    if version.conditions_required and (sheet.temperature is None or sheet.humidity is None):
        raise Conflict(
            _("The method asks for temperature and humidity: note them on the worksheet."),
            code="conditions_missing",
        )


def retract_result(uow: UnitOfWork, *, actor: Actor, test_id: int, reason: str) -> Result:
    """Take a result back that nobody has verified yet; what was entered stays."""
    return retract_results(uow, actor=actor, test_ids=[test_id], reason=reason)[0]


def retract_results(
    uow: UnitOfWork, *, actor: Actor, test_ids: Sequence[int], reason: str = ""
) -> list[Result]:
    """``retract_result`` for several tests, all or none."""
    actor.require(Permission.RESULT_ENTER)
    with uow:
        tests = _locked(uow, test_ids)
        done = [_retract(uow, actor, test, reason) for test in tests]
        _follow_sheets(uow, actor, tests)
        uow.commit()
    return done


def _retract(uow: UnitOfWork, actor: Actor, test: RequestedTest, reason: str) -> Result:
    result = _current(uow, test)
    if test.state is TestState.SUBMITTED and result.submitted_by != actor.id:
        raise PermissionDenied(_("Only who handed it over can take it back."))
    advance_test(uow, test, "take_back", actor=actor, reason=reason)
    result.submitted_by = result.submitted_at = None
    uow.audit("result.retract", actor, result, reason=reason)
    return result


def verify_result(uow: UnitOfWork, *, actor: Actor, test_id: int, version_number: int) -> Result:
    """Agree as a second person to the version that was looked at (ISO/IEC 17025 7.8.1.1).

    Recomputes it from the stored inputs and refuses (code ``recomputed_differs``) when it comes out
    otherwise. Raises StaleVersion when a newer version exists.
    """
    return verify_results(uow, actor=actor, seen={test_id: version_number})[0]


def verify_results(uow: UnitOfWork, *, actor: Actor, seen: Mapping[int, int]) -> list[Result]:
    """``verify_result`` for several tests (test -> version looked at), all or none."""
    actor.require(Permission.RESULT_VERIFY)
    with uow:
        tests = {t.id: t for t in _locked(uow, list(seen))}
        refuse_held(uow.session, list(tests.values()))
        benches = Benches(uow.session, sorted({t.sample_id for t in tests.values()}))
        done = []
        for sample_id in benches.samples:
            bench = benches.of(sample_id)
            for test in bench.in_order(tests):  # what an item needs is verified before it
                if test.id in tests:
                    done.append(_verify(uow, actor, bench, test, seen[test.id]))
        uow.commit()
    return done


def _verify(uow: UnitOfWork, actor: Actor, bench: SampleBench, test: RequestedTest, seen: int) -> Result:
    result = uow.get(Result, _given(bench.result(test)).id)
    if result.current_version != seen:
        raise stale()
    _check_same(bench, test, result)
    for needed in bench.needed_by(test):
        if needed.state is not TestState.VERIFIED:
            raise Conflict(
                _(
                    "“%(other)s”, from which it is computed, is not verified yet.",
                    other=named(needed.test_item),
                ),
                code="needs_other_item",
            )
    advance_test(uow, test, "verify", actor=actor, others=hands_on(uow, test, result))
    result.verified_by, result.verified_at = actor.id, uow.now
    uow.audit("result.verify", actor, result)
    return result


def _check_same(bench: SampleBench, test: RequestedTest, result: Result) -> None:
    stored = bench.benches.newest.get(result.id)
    again = find_outcome(bench, test)
    if stored is None or isinstance(again, Incomplete) or again.explanation != stored.explanation:
        raise Conflict(
            _("Computed again, this result comes out differently: return it."), code="recomputed_differs"
        )


def return_result(uow: UnitOfWork, *, actor: Actor, test_id: int, reason: str) -> Result:
    """Back to the analyst with a reason."""
    return return_results(uow, actor=actor, test_ids=[test_id], reason=reason)[0]


def return_results(uow: UnitOfWork, *, actor: Actor, test_ids: Sequence[int], reason: str) -> list[Result]:
    """``return_result`` for several tests with one reason, all or none."""
    actor.require(Permission.RESULT_VERIFY)
    with uow:
        tests = _locked(uow, test_ids)
        done = [_return(uow, actor, test, _reason(reason)) for test in tests]
        _follow_sheets(uow, actor, tests)
        uow.commit()
    return done


def _return(uow: UnitOfWork, actor: Actor, test: RequestedTest, reason: str) -> Result:
    result = _current(uow, test)
    advance_test(uow, test, "return", actor=actor, others=hands_on(uow, test, result), reason=reason)
    result.returned_by, result.return_reason = actor.id, reason
    result.submitted_by = result.submitted_at = None
    uow.audit("result.return", actor, result, reason=reason)
    return result


def reject_result(uow: UnitOfWork, *, actor: Actor, test_id: int, reason: str) -> Result:
    """No valid result will come of it (sample spoilt, method failed); it is never reported."""
    return reject_results(uow, actor=actor, test_ids=[test_id], reason=reason)[0]


def reject_results(uow: UnitOfWork, *, actor: Actor, test_ids: Sequence[int], reason: str) -> list[Result]:
    """``reject_result`` for several tests with one reason, all or none."""
    actor.require(Permission.RESULT_VERIFY)
    with uow:
        done = []
        for test in _locked(uow, test_ids):
            result = _current(uow, test)
            hands = hands_on(uow, test, result)
            advance_test(uow, test, "reject", actor=actor, others=hands, reason=_reason(reason))
            uow.audit("result.reject", actor, result, reason=reason)
            done.append(result)
        uow.commit()
    return done


def retest_result(
    uow: UnitOfWork, *, actor: Actor, test_id: int, reason: str, assignee_id: int | None = None
) -> Result:
    """Measure again and keep both: a new attempt becomes the reported one, the old one stays readable.

    Refused (code ``others_depend``) while a verified item of the sample was computed from this one.
    """
    actor.require(Permission.RESULT_RETEST)
    with uow:
        test = uow.get(RequestedTest, test_id)
        refuse_dependents(uow, test)
        fresh = retest_here(uow, actor, test, _current(uow, test), _reason(reason), assignee_id)
        _follow_sheets(uow, actor, [test])
        uow.commit()
    return fresh


def _reason(reason: str) -> str:
    if not reason.strip():
        sentence = _("Say why.")
        raise InvalidInput(sentence, code="reason_needed", fields={"reason": [sentence]})
    return reason.strip()


def _locked(uow: UnitOfWork, test_ids: Sequence[int]) -> list[RequestedTest]:
    wanted = sorted(set(test_ids))
    if not wanted or len(wanted) > MOST_AT_ONCE:
        raise InvalidInput(_("Choose between 1 and %(n)s tests.", n=MOST_AT_ONCE))
    statement = select(RequestedTest).where(RequestedTest.id.in_(wanted)).order_by(RequestedTest.id)
    found = list(uow.session.scalars(statement.with_for_update(of=RequestedTest)).unique())
    if len(found) != len(wanted):
        raise NotFound(_("A test does not exist (any more)."))
    return found


def _current(uow: UnitOfWork, test: RequestedTest) -> Result:
    found = select(Result).where(Result.requested_test_id == test.id, Result.current.is_(True))
    return _given(uow.session.scalars(found).first())


def _given(result: Result | None) -> Result:
    if result is None:
        raise TransitionRefused(_("Nothing was entered for this test yet."), code="no_value")
    return result


def hands_on(uow: UnitOfWork, test: RequestedTest, result: Result) -> list[int | None]:
    """Everybody who had a hand in this attempt: who handed it over and who entered a value."""
    entered = select(InputValue.entered_by).where(
        InputValue.requested_test_id == test.id, InputValue.attempt == result.attempt
    )
    return [result.submitted_by, test.assignee_id, *uow.session.scalars(entered.distinct())]


def _follow_sheets(uow: UnitOfWork, actor: Actor, tests: Sequence[RequestedTest]) -> None:
    uow.flush()
    sheets = sheets_of_tests(uow.session, {test.id for test in tests})
    for sheet in {sheet.id: sheet for sheet in sheets.values()}.values():
        follow_rows(uow, actor, sheet)
