"""Words and places in the navigation of this room."""

from flask_babel import lazy_gettext as _l

from lims.accreditation.face import blueprint
from lims.accreditation.models import Scheme
from lims.accreditation.people import FIELD_NAMES, Standing
from lims.accreditation.scope import ScopeStanding
from lims.core.permissions import Permission, Role
from lims.ui.labels import Tone, in_chinese, register
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


@blueprint.app_template_global("signing_field")
def field_words(code: str) -> str:
    return FIELD_NAMES.get(code, (code, code))[0 if in_chinese() else 1]


_QUALITY = frozenset({Role.QUALITY_MANAGER})
_WATCH = frozenset({Role.QUALITY_MANAGER, Role.SECTION_HEAD, Role.DIRECTOR})
_READ = Permission.SCOPE_READ
register_entry(
    Entry("accreditation.scope", _l("Accredited scope"), _READ, 400, _QUALITY, values={"standing": "current"})
)
register_entry(Entry("accreditation.authorisations", _l("Authorisations"), _READ, 410, _WATCH))
register_entry(Entry("accreditation.signing", _l("Signing fields"), _READ, 420, _QUALITY))
register_entry(Entry("accreditation.gate", _l("May we do this?"), _READ, 430, _WATCH | {Role.RECEPTION}))
