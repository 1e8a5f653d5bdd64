"""One's own account: password, second factor, sessions, tokens, language."""

from flask import flash, make_response, redirect, render_template, session, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response as Answer

from lims.core.database import db
from lims.core.errors import InvalidInput
from lims.core.permissions import Permission, Role
from lims.core.web import current_actor, request_key, unit_of_work
from lims.people import identity, own_account, sessions, tokens
from lims.people.face import blueprint
from lims.people.schemas import (
    CodeLoad,
    LanguageLoad,
    OnlyPasswordLoad,
    PasswordChangeFormLoad,
    ProofLoad,
    TokenLoad,
)
from lims.people.second_factor import enrolment, recovery_codes_left
from lims.people.sign_in_pages import grouped, qr_image
from lims.ui.faces import ID
from lims.ui.forms import empty_form, read_form
from lims.ui.labels import Text, label


@blueprint.get("/account")
def my_account() -> str:
    actor, uow = current_actor(), unit_of_work()
    return render_template(
        "people/my_account.html",
        account=own_account.own_account(uow, actor=actor),
        actor=actor,
        all_roles=list(Role),
        codes_left=recovery_codes_left(db.session(), actor.id or 0),
        sessions=sessions.list_sessions(uow, actor=actor),
        tokens=tokens.list_tokens(uow, actor=actor),
        may_do_without=actor.roles == {Role.CUSTOMER},
    )


@blueprint.post("/account/language")
def choose_language() -> Answer:
    """Kept for every browser this person signs in with."""
    form = read_form(LanguageLoad)
    account = own_account.set_language(unit_of_work(), actor=current_actor(), **form.values)
    session["language"] = account.language
    return redirect(url_for("people.my_account"))


@blueprint.get("/account/password")
def password() -> str:
    return render_template("people/password.html", form=empty_form(PasswordChangeFormLoad))


@blueprint.post("/account/password")
def change_password() -> Answer | tuple[str, int]:
    form = read_form(PasswordChangeFormLoad)
    with form.attempt():
        values = dict(form.values)
        if values.pop("again") != values["new_password"]:
            fault = _("The two passwords differ.")
            raise InvalidInput(fault, fields={"again": [fault]})
        made = own_account.change_password(
            unit_of_work(), actor=current_actor(), visitor=identity.visitor(), **values
        )
        flash(_("Your password is changed; all your other sign-ins have ended."))
        response = make_response(redirect(url_for("people.my_account")))
        identity.set_cookie(response, made)
        return response
    return render_template("people/password.html", form=form), form.status


@blueprint.get("/account/recovery-codes")
def recovery_codes() -> str:
    return render_template("people/renew_codes.html", form=empty_form(ProofLoad))


@blueprint.post("/account/recovery-codes")
def renew_recovery_codes() -> str | tuple[str, int]:
    form = read_form(ProofLoad)
    with form.attempt():
        codes = own_account.replace_recovery_codes(unit_of_work(), actor=current_actor(), **form.values)
        return render_template("people/recovery_codes.html", codes=codes, next=url_for("people.my_account"))
    return render_template("people/renew_codes.html", form=form), form.status


@blueprint.get("/account/second-factor")
def own_second_factor() -> str:
    return render_template("people/start_second_factor.html", form=empty_form(OnlyPasswordLoad))


@blueprint.post("/account/second-factor")
def start_second_factor() -> str | tuple[str, int]:
    form = read_form(OnlyPasswordLoad)
    with form.attempt():
        own_account.start_second_factor(unit_of_work(), actor=current_actor(), **form.values)
        return _authenticator(empty_form(CodeLoad))
    return render_template("people/start_second_factor.html", form=form), form.status


@blueprint.post("/account/second-factor/confirm")
def finish_second_factor() -> str | tuple[str, int]:
    form = read_form(CodeLoad)
    with form.attempt():
        codes = own_account.finish_second_factor(unit_of_work(), actor=current_actor(), **form.values)
        return render_template("people/recovery_codes.html", codes=codes, next=url_for("people.my_account"))
    return _authenticator(form), form.status


def _authenticator(form: object) -> str:
    secret, address = enrolment(db.session(), current_actor().id or 0)
    return render_template(
        "people/confirm_second_factor.html", form=form, secret=grouped(secret), qr=qr_image(address)
    )


@blueprint.get("/account/second-factor/drop")
def drop_second_factor() -> str:
    return render_template("people/drop_second_factor.html", form=empty_form(ProofLoad))


@blueprint.post("/account/second-factor/drop")
def drop_second_factor_now() -> Answer | tuple[str, int]:
    form = read_form(ProofLoad)
    with form.attempt():
        own_account.drop_second_factor(unit_of_work(), actor=current_actor(), **form.values)
        return redirect(url_for("people.my_account"))
    return render_template("people/drop_second_factor.html", form=form), form.status


@blueprint.post(f"/account/sessions/{ID.format('session_id')}/revoke")
def revoke_session(session_id: int) -> Answer:
    sessions.revoke_session(unit_of_work(), actor=current_actor(), session_id=session_id)
    flash(_("That sign-in has ended."))
    return redirect(url_for("people.my_account"))


@blueprint.post("/account/sessions/revoke-others")
def revoke_others() -> Answer:
    sessions.revoke_other_sessions(unit_of_work(), actor=current_actor())
    flash(_("All your other sign-ins have ended."))
    return redirect(url_for("people.my_account"))


@blueprint.get("/account/tokens/new")
def new_token() -> str:
    return render_template("people/token.html", form=empty_form(TokenLoad, days=90), scopes=scopes())


@blueprint.post("/account/tokens/new")
def create_token() -> str | tuple[str, int]:
    form = read_form(TokenLoad)
    with form.attempt():
        made = tokens.create_token(
            unit_of_work(), actor=current_actor(), **form.values, request_key=request_key()
        )
        return render_template("people/token_made.html", made=made)
    return render_template("people/token.html", form=form, scopes=scopes()), form.status


def scopes() -> list[tuple[str, Text]]:
    """What the person may give a token, in the order of the table of permissions."""
    mine = current_actor().permissions
    return [(p.value, label(p)) for p in Permission if p in mine]


@blueprint.post(f"/account/tokens/{ID.format('token_id')}/revoke")
def revoke_token(token_id: int) -> Answer:
    tokens.revoke_token(unit_of_work(), actor=current_actor(), token_id=token_id)
    flash(_("The token is revoked."))
    return redirect(url_for("people.my_account"))
