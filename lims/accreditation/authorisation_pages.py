"""Pages of authorisations: the matrix of a section, grants, signing fields, one person's rights."""

from datetime import date, timedelta

from flask import flash, redirect, render_template, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response as Answer

from lims.accreditation import grants, matrix
from lims.accreditation.face import blueprint, method_choices, person_choices, today
from lims.accreditation.labels import field_words
from lims.accreditation.schemas import (
    AuthorisationLoad,
    DayQuery,
    GrantPageQuery,
    SectionDayQuery,
    SigningLoad,
    SuspendLoad,
)
from lims.core.database import db
from lims.core.permissions import Permission
from lims.core.web import current_actor, request_key, unit_of_work
from lims.people.sections import list_sections
from lims.ui.faces import ID, asked
from lims.ui.forms import Form, empty_form, read_form
from lims.ui.labels import bilingual
from lims.ui.panels import panels_of

USUAL_LENGTH = timedelta(days=3 * 365)


def _may_grant() -> bool:
    return current_actor().can(Permission.AUTHORISATION_GRANT)


@blueprint.get("/authorisations", endpoint="authorisations")
def matrix_page() -> str:
    """``?section_id=``, ``?on=``; without a section: the reader's own, or the first."""
    wanted = asked(SectionDayQuery)
    on = wanted["on"] or today()
    sections = list_sections(db.session())
    known = {section.id for section in sections}
    chosen = next((i for i in (wanted["section_id"], current_actor().section_id) if i in known), None)
    if chosen is None and sections:
        chosen = sections[0].id
    shown = matrix.authorisation_matrix(db.session(), chosen, on) if chosen else None
    return render_template(
        "accreditation/authorisations.html",
        matrix=shown,
        on=on,
        section_id=chosen,
        sections=[(section.id, bilingual(section)) for section in sections],
        may_grant=_may_grant(),
    )


@blueprint.get("/authorisations/new")
def new_authorisation() -> str:
    """``?account_id=``, ``?method_id=``, ``?section_id=`` prefill the form."""
    wanted = asked(GrantPageQuery)
    first = today()
    return _grant_form(
        empty_form(
            AuthorisationLoad,
            account_id=wanted["account_id"],
            method_ids=[wanted["method_id"]] if wanted["method_id"] else [],
            valid_from=first,
            valid_to=first + USUAL_LENGTH,
        )
    )


@blueprint.post("/authorisations/new")
def create_authorisation() -> Answer | tuple[str, int]:
    form = read_form(AuthorisationLoad)
    with form.attempt():
        rows = grants.grant_authorisations(
            unit_of_work(), actor=current_actor(), request_key=request_key(), **form.values
        )
        flash(_("Authorised for %(n)s method(s).", n=len(rows)))
        return redirect(url_for("accreditation.person", account_id=rows[0].account_id))
    return _grant_form(form), form.status


def _grant_form(form: Form) -> str:
    return render_template(
        "accreditation/grant_form.html", form=form, people=person_choices(), methods=method_choices()
    )


PAIR = f"/authorisations/{ID.format('account_id')}/{ID.format('method_id')}"


@blueprint.get(PAIR)
def authorisation(account_id: int, method_id: int) -> str:
    """Every grant of one person for one method."""
    return _pair(account_id, method_id)


def _pair(account_id: int, method_id: int, form: Form | None = None, open_for: int | None = None) -> str:
    held = matrix.authorisations_of(db.session(), account_id, method_id, today())
    return render_template(
        "accreditation/authorisation.html",
        held=held,
        person=matrix.person(db.session(), account_id),
        method=matrix.method_line(db.session(), method_id),
        form=form or empty_form(SuspendLoad),
        open_for=open_for,
        may_grant=_may_grant(),
    )


@blueprint.post(f"{PAIR}/{ID.format('authorisation_id')}/suspend")
def suspend_authorisation(account_id: int, method_id: int, authorisation_id: int) -> Answer | tuple[str, int]:
    form = read_form(SuspendLoad)
    with form.attempt():
        grants.suspend_authorisation(
            unit_of_work(), actor=current_actor(), authorisation_id=authorisation_id, **form.values
        )
        flash(_("Suspended from now on."))
        return redirect(url_for("accreditation.authorisation", account_id=account_id, method_id=method_id))
    return _pair(account_id, method_id, form, authorisation_id), form.status


# -- signing -------------------------------------------------------------------------


@blueprint.get("/signing-fields")
def signing() -> str:
    return _signing(empty_form(SigningLoad, valid_from=today(), valid_to=today() + USUAL_LENGTH))


def _signing(form: Form) -> str:
    on: date = asked(DayQuery)["on"] or today()
    shown = matrix.signing_matrix(db.session(), on)
    return render_template(
        "accreditation/signing.html",
        matrix=shown,
        on=on,
        form=form,
        people=person_choices() if _may_grant() else [],
        fields=[(code, field_words(code)) for code in shown.fields],
        may_grant=_may_grant(),
    )


@blueprint.post("/signing-fields")
def create_signing() -> Answer | tuple[str, int]:
    form = read_form(SigningLoad)
    with form.attempt():
        grants.grant_signing(unit_of_work(), actor=current_actor(), request_key=request_key(), **form.values)
        flash(_("Saved."))
        return redirect(url_for("accreditation.signing"))
    return _signing(form), form.status


@blueprint.post(f"/people/{ID.format('account_id')}/rights/signing/{ID.format('grant_id')}/suspend")
def suspend_signing(account_id: int, grant_id: int) -> Answer | tuple[str, int]:
    form = read_form(SuspendLoad)
    with form.attempt():
        grants.suspend_signing(unit_of_work(), actor=current_actor(), grant_id=grant_id, **form.values)
        flash(_("Suspended from now on."))
        return redirect(url_for("accreditation.person", account_id=account_id))
    return _person(account_id, form, grant_id), form.status


# -- one person ----------------------------------------------------------------------


@blueprint.get(f"/people/{ID.format('account_id')}/rights")
def person(account_id: int) -> str:
    """What may this person do, on a day (``?on=``)?"""
    return _person(account_id)


def _person(account_id: int, form: Form | None = None, open_for: int | None = None) -> str:
    on = asked(DayQuery)["on"] or today()
    return render_template(
        "accreditation/person.html",
        rights=matrix.rights_of(db.session(), account_id, on),
        on=on,
        form=form or empty_form(SuspendLoad),
        open_for=open_for,
        may_grant=_may_grant() and current_actor().id != account_id,
        panels=panels_of("accreditation.person", db.session(), current_actor(), account_id),
    )
