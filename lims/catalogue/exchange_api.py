"""JSON face of the catalogue's exchange."""

from typing import Any

from lims.catalogue import exchange
from lims.catalogue.exchange_plan import Plan
from lims.catalogue.exchange_schemas import (
    CatalogueFileDump,
    ExchangeLoad,
    ExchangePlanDump,
    dumped,
    read_body,
)
from lims.catalogue.json_face import blueprint, refusals
from lims.core.database import db
from lims.core.web import current_actor, unit_of_work


@blueprint.route("/catalogue/export")
@blueprint.response(200, CatalogueFileDump)
@refusals()
def export_catalogue() -> dict[str, Any]:
    """The whole catalogue: product classes, standards, test items, methods, budgets, limits, packages."""
    return dumped(exchange.export_catalogue(db.session()))


@blueprint.route("/catalogue/import/preview", methods=["POST"])
@blueprint.arguments(ExchangeLoad, as_kwargs=True)
@blueprint.response(200, ExchangePlanDump)
@refusals(422)
def preview_import(catalogue: dict[str, Any], **_more: Any) -> Plan:
    """What an import would do, row by row. Changes nothing."""
    return exchange.preview_catalogue(db.session(), actor=current_actor(), given=read_body(catalogue))


@blueprint.route("/catalogue/import", methods=["POST"])
@blueprint.arguments(ExchangeLoad, as_kwargs=True)
@blueprint.response(200, ExchangePlanDump)
@refusals(409, 422)
def post_import(catalogue: dict[str, Any], **how: Any) -> Plan:
    """All or nothing. Methods and budgets become drafts; the same file a second time changes nothing."""
    return exchange.import_catalogue(unit_of_work(), actor=current_actor(), given=read_body(catalogue), **how)
