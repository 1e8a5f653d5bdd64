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
    "people.my_account": P.SELF,
    "people.choose_language": P.SELF,
    "people.password": P.SELF,
    "people.change_password": P.SELF,
    "people.recovery_codes": P.SELF,
    "people.renew_recovery_codes": P.SELF,
    "people.own_second_factor": P.SELF,
    "people.start_second_factor": P.SELF,
    "people.finish_second_factor": P.SELF,
    "people.drop_second_factor": P.SELF,
    "people.drop_second_factor_now": P.SELF,
    "people.revoke_session": P.SELF,
    "people.revoke_others": P.SELF,
    "people.new_token": P.SELF,
    "people.create_token": P.SELF,
    "people.revoke_token": P.SELF,
    "people.accounts_page": P.ACCOUNT_READ,
    "people.new_account": P.ACCOUNT_EDIT,
    "people.create_account": P.ACCOUNT_EDIT,
    "people.account": P.ACCOUNT_READ,
    "people.edit_account": P.ACCOUNT_EDIT,
    "people.set_roles": P.ACCOUNT_EDIT,
    "people.reset_account": P.ACCOUNT_EDIT,
    "people.retire_account": P.ACCOUNT_EDIT,
    "people.end_sign_ins": P.ACCOUNT_EDIT,
    "people.roles_page": P.ACCOUNT_READ,
    "people.sections_page": P.ACCOUNT_EDIT,
    "people.section": P.ACCOUNT_EDIT,
    "people.create_section": P.ACCOUNT_EDIT,
    "people.edit_section": P.ACCOUNT_EDIT,
    "people.audit_trail": P.AUDIT_READ,
    "people.audit_event": P.AUDIT_READ,
    "people.export_audit_trail": P.AUDIT_READ,
    "people.audit_chain": P.AUDIT_READ,
    "people.patterns": P.SETTINGS_EDIT,
    "people.save_pattern": P.SETTINGS_EDIT,
    "people.preview_number": P.SETTINGS_EDIT,
    "people.calendar_page": P.SETTINGS_EDIT,
    "people.save_day": P.SETTINGS_EDIT,
    "people_api.show_me": P.SELF,
    "people_api.put_language": P.SELF,
    "people_api.put_password": P.SELF,
    "people_api.post_recovery_codes": P.SELF,
    "people_api.list_sessions": P.SELF,
    "people_api.delete_session": P.SELF,
    "people_api.list_tokens": P.SELF,
    "people_api.post_token": P.SELF,
    "people_api.delete_token": P.SELF,
    "people_api.list_accounts": P.ACCOUNT_READ,
    "people_api.post_account": P.ACCOUNT_EDIT,
    "people_api.show_account": P.ACCOUNT_READ,
    "people_api.put_account": P.ACCOUNT_EDIT,
    "people_api.put_roles": P.ACCOUNT_EDIT,
    "people_api.reset_account": P.ACCOUNT_EDIT,
    "people_api.retire_account": P.ACCOUNT_EDIT,
    "people_api.show_access": P.ACCOUNT_READ,
    "people_api.end_sign_ins": P.ACCOUNT_EDIT,
    "people_api.show_roles": P.ACCOUNT_READ,
    "people_api.list_sections": any_of(P.ACCOUNT_READ, P.CATALOGUE_READ, P.EQUIPMENT_READ),
    "people_api.post_section": P.ACCOUNT_EDIT,
    "people_api.put_section": P.ACCOUNT_EDIT,
    "people_api.list_events": P.AUDIT_READ,
    "people_api.show_event": P.AUDIT_READ,
    "people_api.export_csv": P.AUDIT_READ,
    "people_api.export_json": P.AUDIT_READ,
    "people_api.show_chain": P.AUDIT_READ,
    "people_api.show_patterns": P.SETTINGS_EDIT,
    "people_api.put_pattern": P.SETTINGS_EDIT,
    "people_api.show_preview": P.SETTINGS_EDIT,
    "people_api.show_calendar": P.SETTINGS_EDIT,
    "people_api.put_day": P.SETTINGS_EDIT,
    # catalogue
    # equipment
    "equipment.register": P.EQUIPMENT_READ,
    "equipment.device": P.EQUIPMENT_READ,
    "equipment.sticker": P.EQUIPMENT_READ,
    "equipment.scan": P.EQUIPMENT_READ,
    "equipment.new_device": P.EQUIPMENT_EDIT,
    "equipment.create_device": P.EQUIPMENT_EDIT,
    "equipment.edit_device": P.EQUIPMENT_EDIT,
    "equipment.save_device": P.EQUIPMENT_EDIT,
    "equipment.change_state": P.EQUIPMENT_EDIT,
    "equipment.new_calibration": P.EQUIPMENT_EDIT,
    "equipment.save_calibration": P.EQUIPMENT_EDIT,
    "equipment.classes": P.EQUIPMENT_READ,
    "equipment.create_class": P.EQUIPMENT_EDIT,
    "equipment.edit_class": P.EQUIPMENT_EDIT,
    "equipment.save_class": P.EQUIPMENT_EDIT,
    "equipment_api.list_equipment": P.EQUIPMENT_READ,
    "equipment_api.post_equipment": P.EQUIPMENT_EDIT,
    "equipment_api.show_equipment": P.EQUIPMENT_READ,
    "equipment_api.put_equipment": P.EQUIPMENT_EDIT,
    "equipment_api.post_state": P.EQUIPMENT_EDIT,
    "equipment_api.show_fitness": P.EQUIPMENT_READ,
    "equipment_api.list_history": P.EQUIPMENT_READ,
    "equipment_api.list_methods": P.EQUIPMENT_READ,
    "equipment_api.show_label": P.EQUIPMENT_READ,
    "equipment_api.list_calibrations": P.EQUIPMENT_READ,
    "equipment_api.post_calibration": P.EQUIPMENT_EDIT,
    "equipment_api.show_scan": P.EQUIPMENT_READ,
    "equipment_api.list_classes": any_of(P.EQUIPMENT_READ, P.CATALOGUE_READ),
    "equipment_api.post_class": P.EQUIPMENT_EDIT,
    "equipment_api.put_class": P.EQUIPMENT_EDIT,
    # accreditation
    # intake
    # bench
    # certificates
    # portal
}


def rule_of(endpoint: str | None) -> Rule | None:
    return ACCESS.get(endpoint or "")
