"""Handing over, verification, explanation: JSON face."""

from typing import Any

from lims.bench import explain, review, review_view, worklist
from lims.bench.dump_schemas import (
    ResultDump,
    ReviewDump,
    SubmittedPageDump,
    WalkDump,
)
from lims.bench.face import api_blueprint, refusals
from lims.bench.models import Result
from lims.bench.schemas import (
    RetestLoad,
    TakeBackLoad,
    TestsLoad,
    TestsReasonLoad,
    VerifyLoad,
)
from lims.bench.work_api import BY_DUE, SHEET, TEST
from lims.core.database import db
from lims.core.paging import Page, read_page
from lims.core.web import clock, current_actor, unit_of_work
from lims.ui.faces import ID
from lims.ui.shapes import PageQuery

# -- handing over, verification ------------------------------------------------------


@api_blueprint.route("/results/submit", methods=["POST"])
@api_blueprint.arguments(TestsLoad, as_kwargs=True)
@api_blueprint.response(200, ResultDump(many=True))
@refusals(404, 409, 422)
def submit_results(test_ids: list[int]) -> list[Result]:
    """Hand results over for verification, all or none."""
    return review.submit_results(unit_of_work(), actor=current_actor(), test_ids=test_ids)


@api_blueprint.route("/results/retract", methods=["POST"])
@api_blueprint.arguments(TakeBackLoad, as_kwargs=True)
@api_blueprint.response(200, ResultDump(many=True))
@refusals(404, 409, 422)
def retract_results(**values: Any) -> list[Result]:
    """Take own results back that nobody has verified yet."""
    return review.retract_results(unit_of_work(), actor=current_actor(), **values)


@api_blueprint.route("/results/submitted")
@api_blueprint.arguments(PageQuery, location="query", as_kwargs=True)
@api_blueprint.response(200, SubmittedPageDump)
@refusals(422)
def list_submitted(cursor: str | None, size: int) -> Page[Any]:
    """Results that wait for a second person, yours left out."""
    statement = worklist.submitted(current_actor())
    return read_page(db.session(), statement, BY_DUE, cursor=cursor, size=size)


@api_blueprint.route(f"{SHEET}/review")
@api_blueprint.response(200, ReviewDump)
@refusals(404)
def show_review(worksheet_id: int) -> review_view.ReviewPage:
    """A worksheet for its reviewer: record, result, computed again, flags."""
    return review_view.review_of_sheet(
        db.session(), actor=current_actor(), worksheet_id=worksheet_id, now=clock()()
    )


@api_blueprint.route("/results/verify", methods=["POST"])
@api_blueprint.arguments(VerifyLoad, as_kwargs=True)
@api_blueprint.response(200, ResultDump(many=True))
@refusals(404, 409, 422)
def verify_results(results: list[dict[str, int]]) -> list[Result]:
    """Agree as a second person to the versions that were looked at; all or none."""
    seen = {one["test_id"]: one["version_number"] for one in results}
    return review.verify_results(unit_of_work(), actor=current_actor(), seen=seen)


@api_blueprint.route("/results/return", methods=["POST"])
@api_blueprint.arguments(TestsReasonLoad, as_kwargs=True)
@api_blueprint.response(200, ResultDump(many=True))
@refusals(404, 409, 422)
def return_results(**values: Any) -> list[Result]:
    return review.return_results(unit_of_work(), actor=current_actor(), **values)


@api_blueprint.route("/results/reject", methods=["POST"])
@api_blueprint.arguments(TestsReasonLoad, as_kwargs=True)
@api_blueprint.response(200, ResultDump(many=True))
@refusals(404, 409, 422)
def reject_results(**values: Any) -> list[Result]:
    """No valid result will come of them; they are never reported."""
    return review.reject_results(unit_of_work(), actor=current_actor(), **values)


@api_blueprint.route(f"{TEST}/retest", methods=["POST"])
@api_blueprint.arguments(RetestLoad, as_kwargs=True)
@api_blueprint.response(201, ResultDump)
@refusals(404, 409, 422)
def retest_result(test_id: int, **values: Any) -> Result:
    """Measure again; both values stay."""
    return review.retest_result(unit_of_work(), actor=current_actor(), test_id=test_id, **values)


@api_blueprint.route(f"/result-versions/{ID.format('version_id')}/explain")
@api_blueprint.response(200, WalkDump)
@refusals(404)
def explain_version(version_id: int) -> explain.Walk:
    """From a value back to formula, inputs, captures and raw bytes, computed again now."""
    return explain.explain(db.session(), actor=current_actor(), result_version_id=version_id)
