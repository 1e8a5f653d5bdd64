"""The page of one certificate: what it says, what was checked, who signed; its steps; its file."""

from flask import Response, flash, make_response, redirect, render_template, request, url_for
from flask_babel import get_locale
from flask_babel import gettext as _
from werkzeug.wrappers import Response as Answer

from lims.certificates import road
from lims.certificates.face import blueprint
from lims.certificates.file_face import pdf_answer
from lims.certificates.issuing import issue_again, set_in_type
from lims.certificates.reading import View, document_of, issued_file, look_at
from lims.certificates.schemas import (
    CertificateApproveLoad,
    CertificateEditLoad,
    CertificateReturnLoad,
    CertificateVersionLoad,
)
from lims.certificates.signing import sign_certificate
from lims.certificates.states import CertificateState, SigningReason
from lims.core.database import db
from lims.core.web import clock, current_actor, file_store, settings, unit_of_work
from lims.ui.faces import ID
from lims.ui.forms import Form, empty_form, read_form
from lims.ui.labels import choices
from lims.ui.panels import panels_of
from lims.ui.shapes import VersionedReasonLoad
from reports.document import Language

ONE = f"/certificates/{ID.format('certificate_id')}"


@blueprint.get(ONE)
def certificate(certificate_id: int) -> str:
    return _page(certificate_id)


def _page(certificate_id: int, **forms: Form) -> str:
    view = _look(certificate_id)
    row = view.certificate
    shown = {
        "edit": empty_form(CertificateEditLoad, row),
        "review": empty_form(CertificateVersionLoad, row),
        "return": empty_form(CertificateReturnLoad, row),
        "drop": empty_form(VersionedReasonLoad, row),
        "withdraw": empty_form(VersionedReasonLoad, row),
        "approve": empty_form(CertificateApproveLoad, row, reason=SigningReason.AGREED.value),
    }
    locale = get_locale()
    return render_template(
        "certificates/certificate.html",
        view=view,
        certificate=row,
        forms={**shown, **forms},
        tried=next(iter(forms), ""),
        panels=panels_of("certificates.certificate", db.session(), current_actor(), certificate_id),
        languages=choices(Language),
        reasons=choices(SigningReason),
        side="en" if locale is not None and locale.language == "en" else "zh",
    )


def _look(certificate_id: int) -> View:
    return look_at(db.session(), actor=current_actor(), certificate_id=certificate_id, now=clock()())


def _done(certificate_id: int, sentence: str) -> Answer:
    flash(sentence)
    return redirect(url_for("certificates.certificate", certificate_id=certificate_id))


# -- steps ---------------------------------------------------------------------------


@blueprint.post(f"{ONE}/edit")
def edit(certificate_id: int) -> Answer | tuple[str, int]:
    form = read_form(CertificateEditLoad)
    with form.attempt():
        road.edit_draft(unit_of_work(), actor=current_actor(), certificate_id=certificate_id, **form.values)
        return _done(certificate_id, _("Saved."))
    return _page(certificate_id, edit=form), form.status


@blueprint.post(f"{ONE}/review")
def review(certificate_id: int) -> Answer | tuple[str, int]:
    form = read_form(CertificateVersionLoad)
    with form.attempt():
        road.review_certificate(
            unit_of_work(), actor=current_actor(), certificate_id=certificate_id, **form.values
        )
        return _done(certificate_id, _("Reviewed: it waits for a signatory."))
    return _page(certificate_id, review=form), form.status


@blueprint.post(f"{ONE}/return")
def send_back(certificate_id: int) -> Answer | tuple[str, int]:
    form = read_form(CertificateReturnLoad)
    with form.attempt():
        road.return_certificate(
            unit_of_work(), actor=current_actor(), certificate_id=certificate_id, **form.values
        )
        return _done(certificate_id, _("Returned to whoever prepared it."))
    return _page(certificate_id, **{"return": form}), form.status


@blueprint.post(f"{ONE}/approve")
def approve(certificate_id: int) -> Answer | tuple[str, int]:
    form = read_form(CertificateApproveLoad)
    with form.attempt():
        sign_certificate(
            unit_of_work(),
            actor=current_actor(),
            certificate_id=certificate_id,
            base_url=settings().base_url,
            **form.values,
        )
        return _done(certificate_id, _("Signed. The file is being made."))
    return _page(certificate_id, approve=form), form.status


@blueprint.post(f"{ONE}/drop")
def drop(certificate_id: int) -> Answer | tuple[str, int]:
    form = read_form(VersionedReasonLoad)
    with form.attempt():
        road.drop_draft(unit_of_work(), actor=current_actor(), certificate_id=certificate_id, **form.values)
        return _done(certificate_id, _("The draft is given up; its values can be reported anew."))
    return _page(certificate_id, drop=form), form.status


@blueprint.post(f"{ONE}/withdraw")
def withdraw(certificate_id: int) -> Answer | tuple[str, int]:
    form = read_form(VersionedReasonLoad)
    with form.attempt():
        road.withdraw_certificate(
            unit_of_work(), actor=current_actor(), certificate_id=certificate_id, **form.values
        )
        return _done(certificate_id, _("Withdrawn: whoever verifies it is told so."))
    return _page(certificate_id, withdraw=form), form.status


@blueprint.post(f"{ONE}/again")
def try_again(certificate_id: int) -> Answer:
    issue_again(unit_of_work(), actor=current_actor(), certificate_id=certificate_id)
    return _done(certificate_id, _("The file is being made."))


# -- files ---------------------------------------------------------------------------


@blueprint.get(f"{ONE}/progress")
def progress(certificate_id: int) -> Response:
    """The job's state, asked for every two seconds; when it is over the page loads itself anew."""
    view = _look(certificate_id)
    answer = make_response(render_template("certificates/progress.html", view=view))
    if view.certificate.state is not CertificateState.APPROVED or view.may_try_again:
        answer.headers["HX-Refresh"] = "true"
    return answer


@blueprint.get(f"{ONE}/preview.pdf")
def preview(certificate_id: int) -> Response:
    """The draft as it would be printed now, with a watermark."""
    document = document_of(db.session(), actor=current_actor(), certificate_id=certificate_id)
    return pdf_answer(set_in_type(document, file_store()), name="preview.pdf", inline=True)


@blueprint.get(f"{ONE}/file")
def file(certificate_id: int) -> Response:
    """The issued bytes. ``?show=1`` opens them in the page instead of saving them."""
    row, content = issued_file(
        db.session(), file_store(), actor=current_actor(), certificate_id=certificate_id
    )
    inline = bool(request.args.get("show"))
    return pdf_answer(content, name=f"{row.number}.pdf", inline=inline, sha256=row.pdf_sha256)
