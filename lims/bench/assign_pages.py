"""The section head's pages: give tests to people, see what is late or not moving."""

from typing import Any

from flask import flash, g, redirect, render_template, request, url_for
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext
from werkzeug.wrappers import Response as Answer

from lims.bench import assignments, list_face, worklist
from lims.bench.face import blueprint
from lims.bench.labels import today
from lims.bench.schemas import AssignForm
from lims.bench.wording import named
from lims.core.database import db
from lims.core.paging import Key
from lims.core.permissions import Permission
from lims.core.web import clock, current_actor, unit_of_work
from lims.intake.models import RequestedTest
from lims.intake.states import TestState
from lims.people.models import Account
from lims.ui import lists
from lims.ui.forms import read_form
from lims.ui.labels import choices
from lims.ui.lists import Bulk, Filter, Listing

KEYS = (Key(RequestedTest.due_on), Key(RequestedTest.id))
UNASSIGNED = Listing(
    caption=_l("Tests without a person"),
    empty=_l("Every test has a person. New ones appear here when an order is accepted."),
    statement=lambda _actor: worklist.tests_listed().where(RequestedTest.state == TestState.TO_DO),
    keys=KEYS,
    columns=(
        list_face.SAMPLE,
        list_face.SAMPLE_NAME,
        list_face.ITEM,
        list_face.METHOD,
        list_face.SAMPLE_STATE,
        list_face.DUE,
        list_face.MAY_DO,
    ),
    filters=(
        list_face.SEARCH,
        list_face.SECTION,
        list_face.BY_ITEM,
        list_face.BY_METHOD,
        list_face.RECEIVED,
        list_face.LATE,
    ),
    bulk=(Bulk("bench.assign_tests", _l("Assign"), Permission.TEST_ASSIGN),),
    is_late=list_face.is_late,
)
WALL = Listing(
    caption=_l("Open tests, late ones first"),
    empty=_l("No test is open."),
    statement=lambda _actor: worklist.open_work(),
    keys=KEYS,
    columns=(
        list_face.SAMPLE,
        list_face.SAMPLE_NAME,
        list_face.ITEM,
        list_face.METHOD,
        list_face.STATE,
        list_face.ASSIGNEE,
        list_face.DUE,
    ),
    filters=(
        list_face.SEARCH,
        list_face.SECTION,
        Filter(
            "person",
            _l("Analyst"),
            lambda s, v: s.where(RequestedTest.assignee_id == int(v)),
            options=lambda: [(load.account_id, named(load)) for load in g.people],
        ),
        Filter(
            "state",
            _l("State"),
            lambda s, v: s.where(RequestedTest.state == TestState(v)),
            options=lambda: [c for c in choices(TestState) if c[0] in set(worklist.UNDER_WAY)],
        ),
        list_face.BY_ITEM,
        list_face.LATE,
        list_face.STUCK,
    ),
    bulk=(Bulk("bench.assign_tests", _l("Give to"), Permission.TEST_ASSIGN),),
    is_late=list_face.is_late,
)


def _people(section: str | None) -> list[assignments.Load]:
    wanted = int(section) if section and section.isdecimal() and len(section) < 16 else None
    return assignments.loads(db.session(), section_id=wanted, on=today())


def _own_section(endpoint: str, **more: Any) -> Answer | None:
    """A head's own section first; "all" is one choice away, and the address says which."""
    section = current_actor().section_id
    if section is not None and not request.args:
        return redirect(url_for(endpoint, section=section, **more))
    return None


@blueprint.get("/assign")
def assign() -> str | Answer:
    if (own := _own_section("bench.assign", received="yes")) is not None:
        return own
    g.people = _people(None)
    shown = lists.show(UNASSIGNED, db.session(), current_actor())
    return shown.download() or _render("bench/assign.html", shown)


@blueprint.get("/open-work")
def wall() -> str | Answer:
    if (own := _own_section("bench.wall")) is not None:
        return own
    g.people = _people(None)
    shown = lists.show(WALL, db.session(), current_actor())
    section = request.args.get("section", "")
    standing = worklist.standing(
        db.session(),
        section_id=int(section) if section else None,
        now=clock()(),
        on=today(),
    )
    return shown.download() or _render("bench/wall.html", shown, standing=standing)


def _render(template: str, shown: lists.ShownList, **more: Any) -> str:
    section = request.args.get("section")
    people = _people(section) if section else g.people
    return render_template(
        template,
        list=shown,
        everybody=g.people,
        people=people,
        today=today(),
        section=section or None,
        **more,
    )


@blueprint.post("/assign")
def assign_tests() -> Answer:
    """Ticked tests to one person. What was ticked and chosen stays when it is refused."""
    form = read_form(AssignForm)
    with form.attempt():
        made = assignments.assign_tests(
            unit_of_work(),
            actor=current_actor(),
            test_ids=form.values["ids"],
            assignee_id=form.values["assignee_id"],
            due_on=form.values["due_on"],
        )
        person = db.session.get_one(Account, form.values["assignee_id"])
        flash(
            ngettext(
                "%(num)s test is with %(name)s now.",
                "%(num)s tests are with %(name)s now.",
                len(made),
                name=named(person),
            )
        )
        return list_face.back(form.typed("next"))
    return list_face.refused(form, form.typed("next"))
