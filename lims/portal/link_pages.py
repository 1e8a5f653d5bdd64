"""For the laboratory: give a customer without an account a link to one report, and take it back."""

from flask import flash, redirect, render_template, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from werkzeug.wrappers import Response as Answer

from lims.core.database import db
from lims.core.paging import Key
from lims.core.permissions import Actor
from lims.core.web import clock, current_actor, request_key, settings, unit_of_work
from lims.portal import links as use
from lims.portal.face import blueprint
from lims.portal.labels import LinkState
from lims.portal.models import CustomerLink
from lims.portal.schemas import LinkLoad
from lims.ui import lists
from lims.ui.faces import ID
from lims.ui.forms import read_form
from lims.ui.lists import Column, Filter, Listing, Row, Statement


def _state(row: Row) -> LinkState:
    if row.revoked_at is not None:
        return LinkState.REVOKED
    if row.expires_at <= clock()():
        return LinkState.EXPIRED
    return LinkState.USED_UP if row.used >= row.max_downloads else LinkState.OPEN


def _lines(_actor: Actor) -> Statement:
    return use.link_lines()


LINKS = Listing(
    caption=_l("Download links"),
    empty=_l("Links appear here when somebody gives one on the page of an issued report."),
    statement=_lines,
    keys=(Key(CustomerLink.id, descending=True),),
    columns=(
        Column(
            "number",
            _l("Report"),
            href=lambda row: url_for("certificates.certificate", certificate_id=row.certificate_id),
        ),
        Column("customer", _l("Customer")),
        Column("state", _l("State"), kind="state", value=_state),
        Column("created_at", _l("Given"), kind="instant"),
        Column("expires_at", _l("Ends"), kind="instant"),
        Column("used", _l("Downloads"), kind="figure"),
        Column("max_downloads", _l("At most"), kind="figure"),
    ),
    filters=(Filter("q", _l("Report or customer"), use.with_words),),
)


@blueprint.get("/links")
def links() -> Answer | str:
    shown = lists.show(LINKS, db.session(), current_actor())
    return shown.download() or render_template("portal/links.html", list=shown)


@blueprint.post(f"/reports/{ID.format('certificate_id')}/links")
def create_link(certificate_id: int) -> Answer | str | tuple[str, int]:
    form = read_form(LinkLoad)
    with form.attempt():
        made = use.create_link(
            unit_of_work(),
            actor=current_actor(),
            certificate_id=certificate_id,
            request_key=request_key(),
            **form.values,
        )
        address = f"{settings().base_url}{url_for('portal.link', token=made.token)}" if made.token else None
        return render_template(
            "portal/new_link.html", made=made, address=address, certificate_id=certificate_id
        )
    return render_template("portal/link_form.html", form=form, certificate_id=certificate_id), form.status


@blueprint.post(f"/links/{ID.format('link_id')}/revoke")
def revoke_link(link_id: int) -> Answer:
    row = use.revoke_link(unit_of_work(), actor=current_actor(), link_id=link_id)
    flash(_("The link opens nothing any more."))
    return redirect(url_for("certificates.certificate", certificate_id=row.certificate_id))
