"""Which address asks for which permission: one table, default deny.

Endpoint -> a permission, several (any of them), or one of the words below. An endpoint that is not
here is refused to everybody, and a test fails on it. What depends on the object is decided in the use case.
"""

from enum import StrEnum

from lims.core.permissions import Permission as P


class Open(StrEnum):
    """Addresses without a permission."""

    PUBLIC = "public"  # anyone
    GATEWAY = "gateway"  # proves itself by its signature


PUBLIC, GATEWAY = Open.PUBLIC, Open.GATEWAY
Rule = Open | P | frozenset[P]


def any_of(*permissions: P) -> frozenset[P]:
    return frozenset(permissions)


ACCESS: dict[str, Rule] = {
    # the house
    "static": PUBLIC,
    "bootstrap.static": PUBLIC,
    "healthz": PUBLIC,
    "api-docs.openapi_json": PUBLIC,
    # ui
    "ui.home": PUBLIC,
    "ui.change_language": PUBLIC,
    "ui.scan": P.SELF,
    "ui.help_page": PUBLIC,
    "ui.save_view": P.SELF,
    "ui.drop_view": P.SELF,
    # people
    "people.sign_in": PUBLIC,
    "people.give_password_page": PUBLIC,
    "people.first_sign_in": PUBLIC,
    "people.give_first_code": PUBLIC,
    "people.second_factor": PUBLIC,
    "people.give_code": PUBLIC,
    "people.recovery": PUBLIC,
    "people.enrol": PUBLIC,
    "people.confirm_authenticator": PUBLIC,
    "people.abandon": PUBLIC,
    "people.sign_out": P.SELF,
    # catalogue
    # equipment
    # accreditation
    # intake
    # bench
    # certificates
    # portal
}


def rule_of(endpoint: str | None) -> Rule | None:
    return ACCESS.get(endpoint or "")
