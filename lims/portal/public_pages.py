"""Open to anyone: the start page, verification by number and code, by QR, by file; a customer's link."""

import hashlib

from flask import make_response, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response as Answer

from lims.certificates.file_face import pdf_answer
from lims.core.database import db
from lims.core.errors import InvalidInput, NotFound
from lims.core.web import clock, file_store, unit_of_work
from lims.portal import links
from lims.portal.face import blueprint
from lims.portal.public_face import limit_guesses, traceless, visitor
from lims.portal.schemas import VerifyPageQuery, VerifyQuery
from lims.portal.verifying import Verified, verify_file, verify_number
from lims.ui.faces import asked
from lims.ui.forms import empty_form, read_form


@blueprint.get("/welcome")
def home() -> str:
    return render_template("portal/home.html", form=empty_form(VerifyQuery))


@blueprint.get("/verify")
def verify() -> Answer | str:
    """The form; with number and code in the address it goes to the answer."""
    typed = asked(VerifyPageQuery)
    number, code = typed["number"].strip(), typed["code"].strip()
    if number and code:
        return redirect(url_for("portal.verified", number=number, code=code))
    return render_template("portal/verify.html", form=empty_form(VerifyQuery, number=number, code=code))


@blueprint.get("/v/<path:number>/<code>")
def verified(number: str, code: str) -> Answer:
    """What the QR code on a report opens."""
    limit_guesses("verify")
    found = verify_number(db.session(), number[:60], code[:40])
    if found is None:
        form = empty_form(VerifyQuery, number=number[:60], code=code[:40])
        return traceless(make_response(render_template("portal/verify.html", form=form, unknown=True), 404))
    return _shown(found)


def _shown(found: Verified, *, same_file: bool | None = None) -> Answer:
    return traceless(make_response(render_template("portal/verified.html", found=found, same_file=same_file)))


@blueprint.post("/verify/file")
def verify_sent_file() -> Answer:
    """Without script: the file is hashed here and forgotten. With script the browser sends its hash only."""
    limit_guesses("verify")
    form = read_form(VerifyPageQuery)
    sent = request.files.get("file")
    with form.attempt():
        if sent is None or not sent.filename:
            fault = _("Choose the PDF file of the report.")
            raise InvalidInput(fault, code="file_missing", fields={"file": [fault]})
        sha256 = hashlib.sha256(sent.stream.read()).hexdigest()  # bounded by MAX_CONTENT_LENGTH
        number, code = form.values["number"].strip(), form.values["code"].strip()
        if number and code:
            named = verify_number(db.session(), number, code)
            if named is not None:
                return _shown(named, same_file=named.sha256 == sha256)
        elif (found := verify_file(db.session(), sha256)) is not None:
            return _shown(found, same_file=True)
        return traceless(
            make_response(render_template("portal/verify.html", form=form, unknown_file=True), 404)
        )
    return traceless(make_response(render_template("portal/verify.html", form=form), form.status))


@blueprint.get("/d/<token>")
def link(token: str) -> Answer:
    """Where a link leads: a button, because mail scanners open every address they see."""
    limit_guesses("link")
    try:
        opened = links.open_link(db.session(), token[:100], clock()())
    except NotFound as gone:
        return traceless(make_response(render_template("portal/link_gone.html", sentence=gone.message), 404))
    return traceless(make_response(render_template("portal/link.html", opened=opened, token=token)))


@blueprint.post("/d/<token>")
def download_link(token: str) -> Answer:
    limit_guesses("link")
    try:
        certificate, content = links.download_by_link(
            unit_of_work(), file_store(), actor=visitor(), token=token[:100]
        )
    except NotFound as gone:
        return traceless(make_response(render_template("portal/link_gone.html", sentence=gone.message), 404))
    return traceless(pdf_answer(content, name=f"{certificate.number}.pdf", inline=False))
