"""Administration of people: accounts, roles, sections."""

from flask import flash, redirect, render_template, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from werkzeug.wrappers import Response as Answer

from lims.core.database import db
from lims.core.permissions import ROLE_PERMISSIONS, Permission, Role
from lims.core.web import clock, current_actor, request_key, unit_of_work
from lims.people import accounts, directory, sections
from lims.people.face import blueprint
from lims.people.models import Account
from lims.people.schemas import AccountEditLoad, AccountLoad, RolesLoad, SectionLoad
from lims.people.states import AccountState
from lims.ui import lists
from lims.ui.faces import ID
from lims.ui.forms import Form, empty_form, read_form
from lims.ui.labels import Text, bilingual, choices, in_chinese, label
from lims.ui.lists import Column, Filter, Listing
from lims.ui.shapes import ReasonLoad

# -- accounts ------------------------------------------------------------------------


def section_choices() -> list[tuple[str, Text]]:
    return [(str(row.id), bilingual(row)) for row in sections.list_sections(db.session())]


def _roles_in_words(row: lists.Row) -> str:
    between = "、" if in_chinese() else ", "
    return between.join(str(label(role)) for role in directory.sorted_roles(row.roles))


ACCOUNTS = Listing(
    caption=_l("People and roles"),
    empty=_l("People appear here when an administrator makes their accounts."),
    statement=directory.select_accounts,
    keys=directory.ORDER,
    columns=(
        Column(
            "name",
            _l("Name"),
            kind="bilingual",
            href=lambda row: url_for("people.account", account_id=row.id),
        ),
        Column("username", _l("User name")),
        Column("roles", _l("Roles"), value=_roles_in_words),
        Column("section", _l("Section"), kind="bilingual"),
        Column("state", _l("State"), kind="state", value=lambda row: AccountState(row.state)),
        Column("last_seen_at", _l("Last seen"), kind="instant"),
    ),
    filters=(
        Filter("words", _l("Name or user name"), lambda s, v: s.where(directory.has_words(v))),
        Filter(
            "role",
            _l("Role"),
            lambda s, v: s.where(directory.has_role(Role(v))),
            options=lambda: choices(Role),
        ),
        Filter(
            "section_id",
            _l("Section"),
            lambda s, v: s.where(Account.section_id == int(v)),
            options=section_choices,
        ),
        Filter(
            "state",
            _l("State"),
            lambda s, v: s.where(directory.is_in_state(AccountState(v))),
            options=lambda: choices(AccountState),
        ),
        Filter(
            "factor",
            _l("Second factor"),
            lambda s, _v: s.where(directory.lacks_second_factor()),
            options=lambda: [("none", _l("none yet"))],
            hidden=True,
        ),
    ),
)


@blueprint.get("/people")
def accounts_page() -> str | Answer:
    shown = lists.show(ACCOUNTS, db.session(), current_actor())
    may_edit = current_actor().can(Permission.ACCOUNT_EDIT)
    return shown.download() or render_template("people/accounts.html", list=shown, may_edit=may_edit)


@blueprint.get("/people/new")
def new_account() -> str:
    return _new_account(empty_form(AccountLoad))


@blueprint.post("/people/new")
def create_account() -> str | tuple[str, int]:
    form = read_form(AccountLoad)
    with form.attempt():
        made = accounts.create_account(
            unit_of_work(), actor=current_actor(), **form.values, request_key=request_key()
        )
        return _invited(made)
    return _new_account(form), form.status


def _invited(made: accounts.Invited) -> str:
    """The one page that shows the code."""
    return render_template("people/invited.html", made=made, now=clock()(), life=accounts.CODE_LIFE)


def _new_account(form: Form) -> str:
    return render_template(
        "people/new_account.html",
        form=form,
        role_choices=choices(Role),
        section_choices=section_choices(),
    )


@blueprint.get(f"/people/{ID.format('account_id')}")
def account(account_id: int) -> str:
    return _account(account_id)


def _account(account_id: int, **forms: Form) -> str:
    session, actor = db.session(), current_actor()
    row = directory.get_account(session, actor=actor, account_id=account_id)
    held = [r.role for r in row.roles]
    shown = {
        "edit": empty_form(AccountEditLoad, row),
        "roles": empty_form(RolesLoad, version=row.version, roles=held),
        "reset": empty_form(ReasonLoad),
        "retire": empty_form(ReasonLoad),
        "end": empty_form(ReasonLoad),
        **forms,
    }
    for name, form in shown.items():
        form.prefix = name
    return render_template(
        "people/account.html",
        account=row,
        access=directory.access_of(session, actor=actor, account=row, now=clock()()),
        held=[role for role in Role if role in held],
        forms=shown,
        role_choices=choices(Role),
        section_choices=section_choices(),
        may_edit=actor.can(Permission.ACCOUNT_EDIT) and row.retired_at is None,
        may_audit=actor.can(Permission.AUDIT_READ),
        own=actor.id == row.id,
    )


@blueprint.post(f"/people/{ID.format('account_id')}/edit")
def edit_account(account_id: int) -> Answer | tuple[str, int]:
    form = read_form(AccountEditLoad)
    with form.attempt():
        accounts.edit_account(unit_of_work(), actor=current_actor(), account_id=account_id, **form.values)
        return _changed(account_id)
    return _account(account_id, edit=form), form.status


@blueprint.post(f"/people/{ID.format('account_id')}/roles")
def set_roles(account_id: int) -> Answer | tuple[str, int]:
    form = read_form(RolesLoad)
    with form.attempt():
        accounts.set_roles(unit_of_work(), actor=current_actor(), account_id=account_id, **form.values)
        return _changed(account_id)
    return _account(account_id, roles=form), form.status


@blueprint.post(f"/people/{ID.format('account_id')}/reset")
def reset_account(account_id: int) -> str | tuple[str, int]:
    form = read_form(ReasonLoad)
    with form.attempt():
        made = accounts.reset_account(
            unit_of_work(), actor=current_actor(), account_id=account_id, **form.values
        )
        return _invited(made)
    return _account(account_id, reset=form), form.status


@blueprint.post(f"/people/{ID.format('account_id')}/retire")
def retire_account(account_id: int) -> Answer | tuple[str, int]:
    form = read_form(ReasonLoad)
    with form.attempt():
        accounts.retire_account(unit_of_work(), actor=current_actor(), account_id=account_id, **form.values)
        return _changed(account_id)
    return _account(account_id, retire=form), form.status


@blueprint.post(f"/people/{ID.format('account_id')}/end-sign-ins")
def end_sign_ins(account_id: int) -> Answer | tuple[str, int]:
    form = read_form(ReasonLoad)
    with form.attempt():
        accounts.end_sign_ins(unit_of_work(), actor=current_actor(), account_id=account_id, **form.values)
        return _changed(account_id)
    return _account(account_id, end=form), form.status


def _changed(account_id: int) -> Answer:
    flash(_("Saved."))
    return redirect(url_for("people.account", account_id=account_id))


@blueprint.get("/roles")
def roles_page() -> str:
    """The table of ``core.permissions``, to be read."""
    return render_template(
        "people/roles.html",
        roles=list(Role),
        groups=permission_groups(),
        table=ROLE_PERMISSIONS,
        people=directory.count_roles(db.session(), actor=current_actor()),
    )


def permission_groups() -> list[tuple[str, list[Permission]]]:
    """Permissions by what they are about, in the order of the table."""
    groups: dict[str, list[Permission]] = {}
    for permission in Permission:
        groups.setdefault(permission.value.split(".")[0], []).append(permission)
    return list(groups.items())


# -- sections ------------------------------------------------------------------------


@blueprint.get("/sections")
def sections_page() -> str:
    return _sections(empty_form(SectionLoad))


def _sections(form: Form, editing: int | None = None) -> str:
    rows = sections.list_sections(db.session())
    return render_template("people/sections.html", rows=rows, form=form, editing=editing)


@blueprint.get(f"/sections/{ID.format('section_id')}")
def section(section_id: int) -> str:
    row = sections.get_section(db.session(), section_id)
    return _sections(empty_form(SectionLoad, row), section_id)


@blueprint.post("/sections")
def create_section() -> Answer | tuple[str, int]:
    return _save_section(None)


@blueprint.post(f"/sections/{ID.format('section_id')}")
def edit_section(section_id: int) -> Answer | tuple[str, int]:
    return _save_section(section_id)


def _save_section(section_id: int | None) -> Answer | tuple[str, int]:
    form = read_form(SectionLoad)
    with form.attempt():
        sections.save_section(unit_of_work(), actor=current_actor(), section_id=section_id, **form.values)
        return redirect(url_for("people.sections_page"))
    return _sections(form, section_id), form.status
