"""The analyst's pages: own tests by due date, the pool, opening worksheets, scanning samples onto them."""

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext
from werkzeug.wrappers import Response as Answer

from lims.bench import assignments, list_face, worklist, worksheets
from lims.bench.face import blueprint
from lims.bench.labels import today
from lims.bench.schemas import CodeLoad, TestsLoad, TickedForm
from lims.core.database import db
from lims.core.paging import Key
from lims.core.permissions import Permission
from lims.core.web import current_actor, request_key, unit_of_work
from lims.intake.models import RequestedTest
from lims.ui import lists
from lims.ui.faces import ID
from lims.ui.forms import Form, empty_form, read_form
from lims.ui.lists import Bulk, Listing
from lims.ui.shapes import ReasonLoad

WHICH = ("all", "today", "late", "returned")
POOL = Listing(
    caption=_l("Tests you can take"),
    empty=_l("No test that you are authorised for waits for a person."),
    statement=lambda actor: worklist.pool(db.session(), actor, today()),
    keys=(Key(RequestedTest.due_on), Key(RequestedTest.id)),
    columns=(
        list_face.SAMPLE,
        list_face.SAMPLE_NAME,
        list_face.ITEM,
        list_face.METHOD,
        list_face.SAMPLE_STATE,
        list_face.DUE,
    ),
    filters=(list_face.SEARCH, list_face.BY_ITEM, list_face.BY_METHOD, list_face.LATE),
    bulk=(Bulk("bench.take_tests", _l("Take these"), Permission.TEST_TAKE),),
    is_late=list_face.is_late,
)


@blueprint.get("/my-tests")
def queue() -> str:
    return _queue(empty_form(CodeLoad))


def _queue(scan: Form, **shown: object) -> str:
    """``shown``: a refused form of one row, by the row's number."""
    actor, session = current_actor(), db.session()
    which = request.args.get("which", "all")
    which = which if which in WHICH else "all"
    groups = worklist.queue(session, actor, which, today())
    counts = {w: worklist.count_queue(session, actor, w, today(), worklist.MOST_IN_QUEUE) for w in WHICH}
    return render_template(
        "bench/queue.html",
        groups=groups,
        which=which,
        counts=counts,
        today=today(),
        scan=scan,
        most=worklist.MOST_IN_QUEUE,
        sheets=worklist.my_sheets(session, actor),
        **shown,
    )


@blueprint.post("/my-tests/open")
def open_worksheet() -> Answer:
    form = read_form(TestsLoad)
    with form.attempt():
        sheet = worksheets.open_worksheet(
            unit_of_work(), actor=current_actor(), request_key=request_key(), **form.values
        )
        return redirect(url_for("bench.worksheet", worksheet_id=sheet.id))
    ticked = form.typed_list("test_ids")
    flash(form.message or "" if ticked else _("Tick at least one test."), "error")
    return redirect(url_for("bench.queue"))


@blueprint.post("/my-tests/scan")
def scan_to_worksheet() -> Answer | tuple[str, int]:
    """A scanned sample goes onto the open worksheet of its method, or onto a new one."""
    form = read_form(CodeLoad)
    with form.attempt():
        sheets = worksheets.begin_sample(unit_of_work(), actor=current_actor(), **form.values)
        if len(sheets) == 1:
            return redirect(url_for("bench.worksheet", worksheet_id=sheets[0].id))
        flash(_("On worksheets now: %(numbers)s.", numbers=", ".join(s.number for s in sheets)))
        return redirect(url_for("bench.queue"))
    return _queue(form), form.status


@blueprint.get("/pool")
def pool() -> str | Answer:
    shown = lists.show(POOL, db.session(), current_actor())
    return shown.download() or render_template("bench/pool.html", list=shown)


@blueprint.post("/pool/take")
def take_tests() -> Answer:
    form = read_form(TickedForm)
    with form.attempt():
        made = assignments.take_tests(unit_of_work(), actor=current_actor(), test_ids=form.values["ids"])
        flash(ngettext("%(num)s test is yours now.", "%(num)s tests are yours now.", len(made)))
        return list_face.back(form.typed("next"))
    return list_face.refused(form, form.typed("next"))


@blueprint.post(f"/tests/{ID.format('test_id')}/return")
def return_to_pool(test_id: int) -> Answer | tuple[str, int]:
    form = read_form(ReasonLoad)
    with form.attempt():
        assignments.return_to_pool(unit_of_work(), actor=current_actor(), test_id=test_id, **form.values)
        flash(_("The test is in the pool again."))
        return redirect(url_for("bench.queue"))
    return _queue(empty_form(CodeLoad), refused_test=test_id, refused=form), form.status
