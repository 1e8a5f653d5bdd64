"""Words and places in the navigation of this room."""

from flask_babel import lazy_gettext as _l

from lims.core.calendar import DayKind
from lims.core.permissions import Permission as P
from lims.core.permissions import Role
from lims.ui.labels import register
from lims.ui.navigation import Entry
from lims.ui.navigation import register as register_entry

register(DayKind, {DayKind.OFF: _l("holiday"), DayKind.WORK: _l("worked")})
register(
    P,
    {
        P.ORDER_READ: _l("read orders"),
        P.ORDER_REGISTER: _l("register orders"),
        P.ORDER_ACCEPT: _l("accept orders"),
        P.ORDER_CANCEL: _l("cancel orders"),
        P.CUSTOMER_EDIT: _l("edit customers"),
        P.SAMPLE_READ: _l("read samples"),
        P.SAMPLE_RECEIVE: _l("receive samples"),
        P.SAMPLE_MOVE: _l("move samples"),
        P.SAMPLE_DISPOSE: _l("dispose of samples"),
        P.DISPOSAL_APPROVE: _l("approve disposal"),
        P.LABEL_PRINT: _l("print labels"),
        P.TEST_ASSIGN: _l("assign tests"),
        P.TEST_TAKE: _l("take tests from the pool"),
        P.RESULT_READ: _l("read results"),
        P.RESULT_ENTER: _l("enter results"),
        P.RESULT_VERIFY: _l("verify results"),
        P.RESULT_RETEST: _l("order retests"),
        P.CAPTURE_READ: _l("read captures"),
        P.CAPTURE_CLAIM: _l("claim captures"),
        P.CERTIFICATE_READ: _l("read certificates"),
        P.CERTIFICATE_DRAFT: _l("draft certificates"),
        P.CERTIFICATE_REVIEW: _l("review certificates"),
        P.CERTIFICATE_APPROVE: _l("approve certificates"),
        P.CERTIFICATE_WITHDRAW: _l("withdraw certificates"),
        P.LINK_MANAGE: _l("give and revoke download links"),
        P.CATALOGUE_READ: _l("read the catalogue"),
        P.CATALOGUE_EDIT: _l("edit the catalogue"),
        P.EQUIPMENT_READ: _l("read equipment"),
        P.EQUIPMENT_EDIT: _l("edit equipment"),
        P.SCOPE_READ: _l("read the scope"),
        P.SCOPE_EDIT: _l("edit the scope"),
        P.AUTHORISATION_GRANT: _l("authorise people"),
        P.ACCOUNT_READ: _l("read accounts"),
        P.ACCOUNT_EDIT: _l("edit accounts"),
        P.SETTINGS_EDIT: _l("edit settings"),
        P.GATEWAY_EDIT: _l("edit gateways"),
        P.AUDIT_READ: _l("read the audit trail"),
        P.SELF: _l("one's own account"),
        P.PORTAL_READ: _l("read one's own orders"),
        P.PORTAL_ORDER: _l("place orders"),
    },
)

_ADMINISTRATION = frozenset({Role.ADMINISTRATOR})
_OVERSIGHT = frozenset({Role.ADMINISTRATOR, Role.QUALITY_MANAGER, Role.DIRECTOR})
register_entry(Entry("people.accounts_page", _l("People and roles"), P.ACCOUNT_READ, 700, _ADMINISTRATION))
register_entry(Entry("people.sections_page", _l("Sections"), P.ACCOUNT_EDIT, 710, _ADMINISTRATION))
register_entry(Entry("people.patterns", _l("Numbering"), P.SETTINGS_EDIT, 720, _ADMINISTRATION))
register_entry(Entry("people.calendar_page", _l("Calendar"), P.SETTINGS_EDIT, 730, _ADMINISTRATION))
register_entry(Entry("people.audit_trail", _l("Audit trail"), P.AUDIT_READ, 740, _OVERSIGHT))
