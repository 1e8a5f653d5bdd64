"""Signing in and out."""

from urllib.parse import urlsplit

import segno
from flask import Response, make_response, redirect, render_template, request, session, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response as Answer

from lims.core.database import db
from lims.core.errors import InvalidInput, NotSignedIn
from lims.core.ratelimit import hit
from lims.core.web import current_actor, signed_in, unit_of_work
from lims.people import identity, sessions
from lims.people.face import blueprint
from lims.people.schemas import CodeLoad, FirstSignInLoad, PasswordLoad
from lims.people.second_factor import enrolment
from lims.people.sign_in import (
    Entered,
    HalfWay,
    Next,
    confirm_enrolment,
    give_one_time_code,
    give_password,
    give_second_factor,
)
from lims.people.tries import TRIES_PER_ADDRESS, TRIES_WINDOW
from lims.ui.forms import empty_form, read_form


@blueprint.get("/sign-in")
def sign_in() -> str | Answer:
    if signed_in():
        return redirect(wanted_page())
    if identity.half_way():
        return redirect(step_page(waiting().next))
    return render_template("people/sign_in.html", form=empty_form(PasswordLoad), next=wanted_page())


@blueprint.post("/sign-in")
def give_password_page() -> Answer | tuple[str, int]:
    form = read_form(PasswordLoad)
    with form.attempt():
        limit_address()
        entered = give_password(unit_of_work(), **form.values, visitor=identity.visitor())
        return go_on(entered)
    return render_template("people/sign_in.html", form=form, next=wanted_page()), form.status


@blueprint.get("/sign-in/first")
def first_sign_in() -> str:
    form = empty_form(FirstSignInLoad, username=request.args.get("username", "")[:60])
    return render_template("people/first_sign_in.html", form=form)


@blueprint.post("/sign-in/first")
def give_first_code() -> Answer | tuple[str, int]:
    form = read_form(FirstSignInLoad)
    with form.attempt():
        limit_address()
        values = dict(form.values)
        if values.pop("again") != values["new_password"]:
            fault = _("The two passwords differ.")
            raise InvalidInput(fault, fields={"again": [fault]})
        return go_on(give_one_time_code(unit_of_work(), **values, visitor=identity.visitor()))
    return render_template("people/first_sign_in.html", form=form), form.status


@blueprint.get("/sign-in/code")
def second_factor() -> str | Answer:
    if waiting().next is not Next.CODE:
        return redirect(step_page(waiting().next))
    return render_template("people/second_factor.html", form=empty_form(CodeLoad), next=wanted_page())


@blueprint.post("/sign-in/code")
def give_code() -> Answer | tuple[str, int]:
    recovery = request.args.get("recovery") == "1"
    form = read_form(CodeLoad)
    with form.attempt():
        limit_address()
        half, visitor = waiting(), identity.visitor()
        return go_on(
            give_second_factor(unit_of_work(), half=half, **form.values, recovery=recovery, visitor=visitor)
        )
    template = "people/recovery.html" if recovery else "people/second_factor.html"
    return render_template(template, form=form, next=wanted_page()), form.status


@blueprint.get("/sign-in/recovery")
def recovery() -> str | Answer:
    if waiting().next is not Next.CODE:
        return redirect(step_page(waiting().next))
    return render_template("people/recovery.html", form=empty_form(CodeLoad), next=wanted_page())


@blueprint.get("/sign-in/authenticator")
def enrol() -> str | Answer:
    if waiting().next is not Next.ENROL:
        return redirect(step_page(waiting().next))
    return render_template("people/enrol.html", form=empty_form(CodeLoad), **authenticator(waiting()))


@blueprint.post("/sign-in/authenticator")
def confirm_authenticator() -> Answer | tuple[str, int]:
    form = read_form(CodeLoad)
    with form.attempt():
        limit_address()
        half, visitor = waiting(), identity.visitor()
        entered, codes = confirm_enrolment(unit_of_work(), half=half, **form.values, visitor=visitor)
        page = make_response(render_template("people/recovery_codes.html", codes=codes, next=wanted_page()))
        return enter(page, entered)
    return render_template("people/enrol.html", form=form, **authenticator(waiting())), form.status


@blueprint.post("/sign-out")
def sign_out() -> Answer:
    sessions.sign_out(unit_of_work(), actor=current_actor())
    language = session.get("language")
    session.clear()
    if language:
        session["language"] = language
    response = make_response(redirect(url_for("people.sign_in")))
    identity.drop_cookie(response)
    return response


@blueprint.post("/sign-in/abandon")
def abandon() -> Answer:
    """Leave a sign-in that is half done."""
    if half := identity.half_way():
        sessions.abandon(unit_of_work(), half.session_id)
    response = make_response(redirect(url_for("people.sign_in")))
    identity.drop_cookie(response)
    return response


# -- parts of the views --------------------------------------------------------------


def waiting() -> HalfWay:
    """The sign-in of this browser that is half done. Raises NotSignedIn."""
    half = identity.half_way()
    if half is None:
        raise NotSignedIn(_("Please sign in."))
    return half


def limit_address() -> None:
    """One limit for everything that guesses, shared by all workers."""
    hit(unit_of_work(), "sign_in", request.remote_addr or "", limit=TRIES_PER_ADDRESS, window=TRIES_WINDOW)


def go_on(entered: Entered) -> Answer:
    target = wanted_page() if entered.next is Next.NOTHING else step_page(entered.next)
    return enter(make_response(redirect(target)), entered)


def enter(response: Response, entered: Entered) -> Response:
    """The browser forgets what it had before: a planted cookie or page session is worth nothing."""
    if before := signed_in():
        sessions.sign_out(unit_of_work(), actor=before)
    language = entered.language or session.get("language")
    session.clear()
    if language:
        session["language"] = language
    identity.set_cookie(response, entered.session)
    return response


def step_page(step: Next) -> str:
    endpoint = {Next.CODE: "people.second_factor", Next.ENROL: "people.enrol"}[step]
    return url_for(endpoint, next=wanted_page())


def wanted_page() -> str:
    """Where the person was going: a page of ours, never another site."""
    wanted = request.values.get("next", "")
    parts = urlsplit(wanted) if wanted.isprintable() else None
    ours = parts is not None and not parts.scheme and not parts.netloc
    if not ours or not wanted.startswith("/") or wanted[1:2] in {"/", "\\"} or "\\" in wanted:
        return "/"
    return wanted


def authenticator(half: HalfWay) -> dict[str, str]:
    secret, address = enrolment(db.session(), half.account_id)
    return {"secret": grouped(secret), "qr": qr_image(address), "next": wanted_page()}


def grouped(secret: str) -> str:
    """In fours, for typing."""
    return " ".join(secret[n : n + 4] for n in range(0, len(secret), 4))


def qr_image(text: str) -> str:
    """As a data address: nothing on the way may keep the secret."""
    return segno.make(text, error="m").svg_data_uri(scale=5, border=3, dark="#000", light="#fff")
