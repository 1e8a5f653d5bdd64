"""Pages of the catalogue's exchange: take it out as a file, look at a file, bring it in."""

import base64
import binascii

from flask import flash, render_template
from flask_babel import gettext as _
from werkzeug.datastructures import FileStorage
from werkzeug.wrappers import Response as Answer

from lims.catalogue import exchange
from lims.catalogue.exchange_book import as_workbook
from lims.catalogue.exchange_plan import Effect, Plan
from lims.catalogue.exchange_schemas import (
    MOST_BYTES,
    ExchangeImportForm,
    ExchangeLookForm,
    as_json,
    read_file,
)
from lims.catalogue.face import blueprint, may_edit, today
from lims.core.database import db
from lims.core.errors import InvalidInput
from lims.core.web import current_actor, unit_of_work
from lims.ui.faces import attachment
from lims.ui.forms import Form, empty_form, read_form
from lims.ui.spreadsheet import XLSX

SHOWN = 300


@blueprint.get("/catalogue/exchange", endpoint="exchange")
def exchange_page() -> str:
    return _page(empty_form(ExchangeLookForm))


@blueprint.get("/catalogue/exchange/catalogue.json")
def export_json() -> Answer:
    document = exchange.export_catalogue(db.session())
    return attachment(as_json(document), "application/json", f"catalogue-{today()}.json")


@blueprint.get("/catalogue/exchange/catalogue.xlsx")
def export_workbook() -> Answer:
    document = exchange.export_catalogue(db.session())
    return attachment(as_workbook(document), XLSX, f"catalogue-{today()}.xlsx")


@blueprint.post("/catalogue/exchange/look")
def look_at_file() -> str | tuple[str, int]:
    form = read_form(ExchangeLookForm)
    with form.attempt():
        content = _given(form)
        plan = exchange.preview_catalogue(db.session(), actor=current_actor(), given=read_file(content))
        return _page(form, plan, content)
    return _page(form), form.status


@blueprint.post("/catalogue/exchange")
def import_file() -> str | tuple[str, int]:
    form = read_form(ExchangeImportForm)
    with form.attempt():
        plan = exchange.import_catalogue(
            unit_of_work(),
            actor=current_actor(),
            given=read_file(_bytes(form.values["content"])),
            seen=form.values["seen"],
            leave_out_refused=form.values["leave_out_refused"],
        )
        made, changed = plan.count(Effect.NEW), plan.count(Effect.CHANGED)
        flash(_("Imported: %(new)s new rows, %(changed)s changed.", new=made, changed=changed))
        return _page(empty_form(ExchangeLookForm))
    return _again(form), form.status


def _again(form: Form) -> str:
    """Refused: the file is looked at once more, and stays."""
    shown = empty_form(ExchangeLookForm)
    shown.message, shown.code = form.message, form.code
    plan, content = None, b""
    if form.is_valid and form.code in {"import_refused", "stale_version"}:
        content = _bytes(form.values["content"])
        plan = exchange.preview_catalogue(db.session(), actor=current_actor(), given=read_file(content))
    return _page(shown, plan, content)


def _page(form: Form, plan: Plan | None = None, content: bytes = b"") -> str:
    lines = [] if plan is None else [one for one in plan.lines if one.effect is not Effect.SAME]
    return render_template(
        "catalogue/exchange.html",
        form=form,
        plan=plan,
        lines=sorted(lines, key=lambda one: one.effect is not Effect.REFUSED)[:SHOWN],
        more=max(0, len(lines) - SHOWN),
        effects=list(Effect),
        refused=plan.count(Effect.REFUSED) if plan else 0,
        content=base64.b64encode(content).decode(),
        may_edit=may_edit(),
    )


def _given(form: Form) -> bytes:
    file: FileStorage | None = form.values["file"]
    if file is None:
        sentence = _("Choose a file.")
        raise InvalidInput(sentence, code="nothing_given", fields={"file": [sentence]})
    return bytes(file.stream.read(MOST_BYTES + 1))


def _bytes(content: str) -> bytes:
    try:
        return base64.b64decode(content, validate=True)
    except (binascii.Error, ValueError) as error:
        sentence = _("The file did not arrive whole; choose it again.")
        raise InvalidInput(sentence, code="bad_content") from error
