"""Words and places in the navigation of this room."""

from flask_babel import lazy_gettext as _l

from lims.accreditation.face import blueprint
from lims.accreditation.models import Scheme
from lims.accreditation.people import Standing
from lims.accreditation.scope import ScopeStanding
from lims.core.permissions import Permission, Role
from lims.ui.labels import Text, Tone, register
from lims.ui.navigation import Entry
from lims.ui.navigation import register as register_entry

register(Scheme, {Scheme.CMA: "CMA", Scheme.CNAS: "CNAS"})
register(
    ScopeStanding,
    {
        ScopeStanding.CURRENT: _l("grant in force"),
        ScopeStanding.ENDED: _l("has ended"),
        ScopeStanding.UPCOMING: _l("from later on"),
    },
    {ScopeStanding.CURRENT: Tone.DONE, ScopeStanding.UPCOMING: Tone.WAITING},
)
register(
    Standing,
    {
        Standing.GRANTED: _l("authorised"),
        Standing.UPCOMING: _l("from later on"),
        Standing.ENDED: _l("has ended"),
        Standing.SUSPENDED: _l("now suspended"),
    },
    {Standing.GRANTED: Tone.DONE, Standing.UPCOMING: Tone.WAITING, Standing.SUSPENDED: Tone.FAULT},
    {Standing.SUSPENDED: "✕"},
)
# Fields that laboratories of this kind commonly have; another one shows as its code.
FIELDS: dict[str, Text] = {
    "food_chemistry": _l("food chemistry"),
    "food_microbiology": _l("food microbiology"),
    "food_contact": _l("food contact materials"),
    "electrical": _l("electrical products"),
    "materials": _l("materials"),
}


@blueprint.app_template_global("signing_field")
def field_words(code: str) -> Text:
    return FIELDS.get(code, code)


_QUALITY = frozenset({Role.QUALITY_MANAGER})
_WATCH = frozenset({Role.QUALITY_MANAGER, Role.SECTION_HEAD, Role.DIRECTOR})
_READ = Permission.SCOPE_READ
register_entry(
    Entry("accreditation.scope", _l("Accredited scope"), _READ, 400, _QUALITY, values={"standing": "current"})
)
register_entry(Entry("accreditation.authorisations", _l("Authorisations"), _READ, 410, _WATCH))
register_entry(Entry("accreditation.signing", _l("Signing fields"), _READ, 420, _QUALITY))
register_entry(Entry("accreditation.gate", _l("May we do this?"), _READ, 430, _WATCH | {Role.RECEPTION}))
