"""Words for the history of a certificate: what each audit event was, and what an edit changed."""

import orjson
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from lims.certificates.face import blueprint
from lims.core.audit import AuditEvent
from lims.ui.labels import Text, label

TITLES: dict[str, Text] = {
    "certificate.draft": _l("Prepared"),
    "certificate.edit": _l("Changed"),
    "certificate.review": _l("Reviewed"),
    "certificate.return": _l("Returned"),
    "certificate.approve": _l("Signed; number given"),
    "certificate.issue": _l("Issued"),
    "certificate.issue_again": _l("The file was asked for again"),
    "certificate.drop": _l("Given up"),
    "certificate.withdraw": _l("Withdrawn"),
}
FIELDS: dict[str, Text] = {
    "language": _l("Language"),
    "remarks_zh": _l("Remarks in Chinese"),
    "remarks_en": _l("Remarks in English"),
    "photos": _l("Photographs"),
}


@blueprint.app_template_global()
def event_title(verb: str) -> Text:
    return TITLES.get(verb, verb)


@blueprint.app_template_global()
def event_changes(event: AuditEvent) -> list[str]:
    """What an edit changed, before and after, in words."""
    if event.verb != "certificate.edit":
        return []
    before, after = orjson.loads(event.before), orjson.loads(event.after)
    return [
        _(
            "%(what)s: “%(before)s” → “%(after)s”",
            what=str(FIELDS[name]),
            before=_shown(name, before.get(name)),
            after=_shown(name, after[name]),
        )
        for name in FIELDS
        if name in after
    ]


def _shown(name: str, value: object) -> str:
    if name == "language":
        return str(label(value or "", "Language"))
    if name == "photos":
        return str(_("yes") if value else _("no"))
    return str(value or "")
