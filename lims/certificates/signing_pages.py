"""What waits for this signatory, and signing several with one proof."""

from flask import render_template
from werkzeug.wrappers import Response as Answer

from lims.certificates.face import blueprint
from lims.certificates.schemas import SignSelectedLoad
from lims.certificates.search import sign_list
from lims.certificates.signing import MOST_AT_ONCE, sign_certificates
from lims.certificates.states import SigningReason
from lims.core.clock import local_date
from lims.core.database import db
from lims.core.web import clock, current_actor, settings, unit_of_work
from lims.ui.forms import Form, empty_form, read_form
from lims.ui.labels import choices


@blueprint.get("/certificates/to-sign")
def to_sign() -> str:
    return _page(empty_form(SignSelectedLoad, reason=SigningReason.AGREED.value))


def _page(form: Form) -> str:
    found = sign_list(db.session(), actor=current_actor(), on=local_date(clock()()), most=MOST_AT_ONCE)
    return render_template(
        "certificates/to_sign.html",
        found=found,
        form=form,
        reasons=choices(SigningReason),
        most=MOST_AT_ONCE,
    )


@blueprint.post("/certificates/to-sign")
def sign_selected() -> Answer | str | tuple[str, int]:
    form = read_form(SignSelectedLoad)
    with form.attempt():
        outcomes = sign_certificates(
            unit_of_work(), actor=current_actor(), base_url=settings().base_url, **form.values
        )
        return render_template("certificates/signed.html", outcomes=outcomes)
    return _page(form), form.status
