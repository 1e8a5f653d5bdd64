"""Who may do what: one readable table. Default deny.

Roles are what a laboratory appoints; permissions are what code asks for. What depends on the object
(own orders, own section, other person) is decided in the use case on the loaded row.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

from flask_babel import gettext as _

from lims.core.errors import PermissionDenied


class Role(StrEnum):
    RECEPTION = "reception"
    SAMPLER = "sampler"
    ANALYST = "analyst"
    SECTION_HEAD = "section_head"
    REVIEWER = "reviewer"
    SIGNATORY = "signatory"
    EQUIPMENT_MANAGER = "equipment_manager"
    QUALITY_MANAGER = "quality_manager"
    DIRECTOR = "director"
    ADMINISTRATOR = "administrator"
    CUSTOMER = "customer"


class Permission(StrEnum):
    # orders and samples
    ORDER_READ = "order.read"
    ORDER_REGISTER = "order.register"
    ORDER_ACCEPT = "order.accept"
    ORDER_CANCEL = "order.cancel"
    CUSTOMER_EDIT = "customer.edit"
    SAMPLE_READ = "sample.read"
    SAMPLE_RECEIVE = "sample.receive"
    SAMPLE_MOVE = "sample.move"
    SAMPLE_DISPOSE = "sample.dispose"
    DISPOSAL_APPROVE = "disposal.approve"
    LABEL_PRINT = "label.print"
    # bench
    TEST_ASSIGN = "test.assign"
    TEST_TAKE = "test.take"
    RESULT_READ = "result.read"
    RESULT_ENTER = "result.enter"
    RESULT_VERIFY = "result.verify"
    RESULT_RETEST = "result.retest"
    CAPTURE_READ = "capture.read"
    CAPTURE_CLAIM = "capture.claim"
    CAPTURE_REREAD = "capture.reread"
    CONTROL_EDIT = "control.edit"
    CONTROL_DECIDE = "control.decide"
    # certificates
    CERTIFICATE_READ = "certificate.read"
    CERTIFICATE_DRAFT = "certificate.draft"
    CERTIFICATE_REVIEW = "certificate.review"
    CERTIFICATE_APPROVE = "certificate.approve"
    CERTIFICATE_WITHDRAW = "certificate.withdraw"
    LINK_MANAGE = "link.manage"
    # catalogue, equipment, accreditation
    CATALOGUE_READ = "catalogue.read"
    CATALOGUE_EDIT = "catalogue.edit"
    EQUIPMENT_READ = "equipment.read"
    EQUIPMENT_EDIT = "equipment.edit"
    PROFILE_EDIT = "profile.edit"
    SCOPE_READ = "scope.read"
    SCOPE_EDIT = "scope.edit"
    AUTHORISATION_GRANT = "authorisation.grant"
    # quality
    NONCONFORMITY_READ = "nonconformity.read"
    NONCONFORMITY_OPEN = "nonconformity.open"
    NONCONFORMITY_HANDLE = "nonconformity.handle"
    NONCONFORMITY_DECIDE = "nonconformity.decide"
    PROFICIENCY_READ = "proficiency.read"
    PROFICIENCY_EDIT = "proficiency.edit"
    # administration
    ACCOUNT_READ = "account.read"
    ACCOUNT_EDIT = "account.edit"
    SETTINGS_EDIT = "settings.edit"
    GATEWAY_EDIT = "gateway.edit"
    AUDIT_READ = "audit.read"
    # everybody with an account
    SELF = "self"
    # customers
    PORTAL_READ = "portal.read"
    PORTAL_ORDER = "portal.order"


P = Permission
# Whoever works here may say that something is wrong.
_SPEAK_UP = {P.NONCONFORMITY_READ, P.NONCONFORMITY_OPEN, P.PROFICIENCY_READ}
_READ_WORK = {
    *{P.SELF, P.ORDER_READ, P.SAMPLE_READ, P.CATALOGUE_READ, P.EQUIPMENT_READ, P.SCOPE_READ},
    *_SPEAK_UP,
}

ROLE_PERMISSIONS: dict[Role, frozenset[Permission]] = {
    Role.RECEPTION: frozenset(
        _READ_WORK
        | {P.ORDER_REGISTER, P.ORDER_ACCEPT, P.ORDER_CANCEL, P.CUSTOMER_EDIT, P.SAMPLE_RECEIVE, P.SAMPLE_MOVE}
        | {P.SAMPLE_DISPOSE, P.LABEL_PRINT, P.CERTIFICATE_READ, P.CERTIFICATE_DRAFT, P.LINK_MANAGE}
    ),
    Role.SAMPLER: frozenset(_READ_WORK | {P.ORDER_REGISTER, P.CUSTOMER_EDIT, P.SAMPLE_MOVE, P.LABEL_PRINT}),
    Role.ANALYST: frozenset(
        _READ_WORK
        | {P.SAMPLE_MOVE, P.TEST_TAKE, P.RESULT_READ, P.RESULT_ENTER, P.CAPTURE_READ, P.CAPTURE_CLAIM}
        | {P.LABEL_PRINT}
    ),
    Role.SECTION_HEAD: frozenset(
        _READ_WORK
        | {P.SAMPLE_MOVE, P.TEST_ASSIGN, P.TEST_TAKE, P.RESULT_READ, P.RESULT_VERIFY, P.RESULT_RETEST}
        | {P.CAPTURE_READ, P.CERTIFICATE_READ, P.DISPOSAL_APPROVE, P.NONCONFORMITY_HANDLE}
        | {P.CONTROL_EDIT, P.CONTROL_DECIDE}
    ),
    Role.REVIEWER: frozenset(
        _READ_WORK
        | {P.RESULT_READ, P.RESULT_VERIFY, P.RESULT_RETEST, P.CAPTURE_READ}
        | {P.CERTIFICATE_READ, P.CERTIFICATE_DRAFT, P.CERTIFICATE_REVIEW}
    ),
    Role.SIGNATORY: frozenset(
        _READ_WORK | {P.RESULT_READ, P.CAPTURE_READ, P.CERTIFICATE_READ, P.CERTIFICATE_APPROVE}
    ),
    Role.EQUIPMENT_MANAGER: frozenset(
        {P.SELF, P.SAMPLE_READ, P.CATALOGUE_READ, P.EQUIPMENT_READ, P.EQUIPMENT_EDIT, P.SCOPE_READ}
        | {P.CAPTURE_READ, P.CAPTURE_REREAD, P.PROFILE_EDIT, *_SPEAK_UP}
    ),
    Role.QUALITY_MANAGER: frozenset(
        _READ_WORK
        | {P.RESULT_READ, P.CAPTURE_READ, P.CERTIFICATE_READ, P.CERTIFICATE_WITHDRAW, P.CATALOGUE_EDIT}
        | {P.SCOPE_EDIT, P.AUTHORISATION_GRANT, P.AUDIT_READ, P.DISPOSAL_APPROVE, P.ACCOUNT_READ}
        | {P.CONTROL_EDIT, P.CONTROL_DECIDE}
        | {P.NONCONFORMITY_HANDLE, P.NONCONFORMITY_DECIDE, P.PROFICIENCY_EDIT}
    ),
    Role.DIRECTOR: frozenset(
        _READ_WORK
        | {P.RESULT_READ, P.CERTIFICATE_READ, P.AUDIT_READ, P.ACCOUNT_READ}
        # Closes what the quality manager is responsible for.
        | {P.NONCONFORMITY_HANDLE, P.NONCONFORMITY_DECIDE}
    ),
    # Runs the system; decides nothing about samples, results or certificates.
    Role.ADMINISTRATOR: frozenset(
        {P.SELF, P.CATALOGUE_READ, P.CATALOGUE_EDIT, P.EQUIPMENT_READ, P.SCOPE_READ, P.ACCOUNT_READ}
        | {P.ACCOUNT_EDIT, P.SETTINGS_EDIT, P.GATEWAY_EDIT, P.AUDIT_READ, P.CAPTURE_READ}
        | {P.PROFILE_EDIT}
    ),
    Role.CUSTOMER: frozenset({P.SELF, P.PORTAL_READ, P.PORTAL_ORDER}),
}


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts: a person, a gateway, a job or the command line.

    ``id`` is the account's number; None for the system itself. ``customer_id`` is set for a
    customer's account, which sees that customer's rows only.
    """

    id: int | None
    name: str
    permissions: frozenset[Permission] = frozenset()
    roles: frozenset[Role] = frozenset()
    customer_id: int | None = None
    section: str | None = None
    session_id: int | None = None
    ip: str | None = None
    kind: str = "person"
    signed_in_two_factors: bool = field(default=False)
    section_id: int | None = None

    def can(self, permission: Permission) -> bool:
        return permission in self.permissions

    def require(self, permission: Permission) -> None:
        """Raises PermissionDenied unless the actor holds ``permission``."""
        if permission not in self.permissions:
            raise PermissionDenied(
                _("%(name)s may not do this (%(permission)s).", name=self.name, permission=permission)
            )


def permissions_of(roles: Iterable[Role]) -> frozenset[Permission]:
    granted: frozenset[Permission] = frozenset()
    for role in roles:
        granted |= ROLE_PERMISSIONS[role]
    return granted


# The command line and jobs act as the system; what they do is in the audit trail under this name.
SYSTEM = Actor(id=None, name="system", permissions=frozenset(Permission), kind="system")
