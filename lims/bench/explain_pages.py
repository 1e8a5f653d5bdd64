"""Explain this number: one page from a reported value back to the bytes; and having it measured again."""

from flask import flash, redirect, render_template, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response as Answer

from lims.accreditation.people import authorised_people
from lims.bench import explain, review
from lims.bench.face import blueprint
from lims.bench.labels import LIMIT_REASONS, today
from lims.bench.provenance import dump
from lims.bench.schemas import RetestLoad
from lims.bench.wording import flag_words, reported_text
from lims.core.database import db
from lims.core.permissions import Permission
from lims.core.web import current_actor, unit_of_work
from lims.intake.states import TestState
from lims.metrology.method_budgets import RESULT
from lims.ui.faces import ID
from lims.ui.forms import Form, empty_form, read_form

blueprint.add_app_template_filter(dump, "dump")
blueprint.add_app_template_filter(reported_text, "reported")
blueprint.add_app_template_filter(flag_words, "flag_words")


@blueprint.get(f"/explain/{ID.format('version_id')}", endpoint="explain")
def explain_page(version_id: int) -> str:
    return _page(version_id, empty_form(RetestLoad))


def _page(version_id: int, form: Form) -> str:
    actor, session = current_actor(), db.session()
    walk = explain.explain(session, actor=actor, result_version_id=version_id)
    may_retest = (
        actor.can(Permission.RESULT_RETEST)
        and walk.is_newest
        and walk.test.state in (TestState.VERIFIED, TestState.REJECTED)
    )
    people = authorised_people(session, walk.test.method_id, today()) if may_retest else []
    return render_template(
        "bench/explain.html",
        walk=walk,
        notes=walk.notes,
        result_name=RESULT,
        form=form,
        may_retest=may_retest,
        people=people,
        limit_reasons=LIMIT_REASONS,
    )


@blueprint.post(f"/explain/{ID.format('version_id')}/retest")
def retest_result(version_id: int) -> Answer | tuple[str, int]:
    form = read_form(RetestLoad)
    with form.attempt():
        actor = current_actor()
        walk = explain.explain(db.session(), actor=actor, result_version_id=version_id)
        review.retest_result(unit_of_work(), actor=actor, test_id=walk.test.id, **form.values)
        flash(_("It is measured again; both values stay."))
        return redirect(url_for("bench.explain", version_id=version_id))
    return _page(version_id, form), form.status
