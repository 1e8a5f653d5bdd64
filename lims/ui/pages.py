"""The page frame: home, language, scan, help; and what every template may call."""

import secrets
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from flask import (
    Blueprint,
    current_app,
    flash,
    g,
    jsonify,
    redirect,
    render_template,
    request,
    session,
    url_for,
)
from flask_babel import format_date, get_locale
from flask_babel import gettext as _
from werkzeug.wrappers import Response as AnyResponse

from lims.core.clock import local_date
from lims.core.database import db
from lims.core.errors import InvalidInput
from lims.core.web import clock, current_actor, signed_in, unit_of_work
from lims.ui import common_labels, navigation, scanning, views, wording
from lims.ui.labels import FILTERS, Text, badge, in_chinese

assert common_labels  # imported for what it registers
blueprint = Blueprint("ui", __name__, template_folder="templates")
STATIC = Path(__file__).parent / "static"
VENDOR = (
    "htmx.min.js",
    "idiomorph-ext.min.js",
    "tom-select.complete.min.js",
    "tom-select.bootstrap5.min.css",
)
LANGUAGES = {"zh", "en"}

for _name, _filter in FILTERS.items():
    blueprint.add_app_template_filter(_filter, _name)


@blueprint.get("/")
def home() -> str | AnyResponse:
    """Today's work; a customer's and the public's start page is the portal."""
    actor = signed_in()
    if actor is None or actor.customer_id is not None:
        starts = ("portal.home", "people.sign_in") if actor is None else ("portal.orders", "portal.home")
        for start in starts:
            if start in current_app.view_functions:
                return redirect(url_for(start))
    cards = navigation.cards_for(actor, db.session()) if actor else []
    return render_template("ui/home.html", cards=cards)


@blueprint.post("/language")
def change_language() -> AnyResponse:
    wanted = request.form.get("language", "")
    if wanted in LANGUAGES:
        session["language"] = wanted
        session.permanent = True
    return redirect(safe_path(request.form.get("next", "")))


@blueprint.get("/scan")
def scan() -> AnyResponse | str:
    """Opens what the code names. ``scan.js`` asks for JSON and follows ``href`` after its echo."""
    code = scanning.clean(request.args.get("code", ""))
    found = scanning.resolve(db.session(), current_actor(), code)
    as_json = request.accept_mimetypes.best == "application/json"
    if found is None:
        sentence = _("Nothing here is called %(code)s.", code=code) if code else _("Nothing was scanned.")
        if as_json:
            return jsonify({"found": False, "sentence": sentence, "tone": "fault"})
        flash(sentence, "error")
        return redirect(url_for("ui.home"))
    if as_json:
        return jsonify({"found": True, "href": found.href, "echo": found.echo, "tone": found.tone})
    return redirect(found.href)


@blueprint.get("/help")
def help_page() -> str:
    return render_template("ui/help.html")


@blueprint.post("/views")
def save_view() -> AnyResponse:
    """Keep the filters of a list under a name, for this person."""
    back = safe_path(request.form.get("next", ""))
    name, endpoint = request.form.get("name", ""), request.form.get("endpoint", "")
    try:
        views.keep(unit_of_work(), actor=current_actor(), endpoint=endpoint, name=name, address=back)
        flash(_("The view is kept above the list."))
    except InvalidInput as error:
        flash(error.message, "error")
    return redirect(back)


@blueprint.post("/views/<int:view_id>/drop")
def drop_view(view_id: int) -> AnyResponse:
    views.drop(unit_of_work(), actor=current_actor(), view_id=view_id)
    return redirect(safe_path(request.form.get("next", "")))


def safe_path(path: str) -> str:
    """``path`` when it stays on this server, the start page otherwise (no open redirect)."""
    parts = urlsplit(path.replace("\\", "/"))
    stays = (
        path.startswith("/") and not path.startswith(("//", "/\\")) and not parts.netloc and not parts.scheme
    )
    return path if stays and path.isprintable() else url_for("ui.home")


# --- for templates ---------------------------------------------------------------------------------


@blueprint.app_template_global()
def here() -> str:
    """The address to come back to: this page, or the start page after a POST."""
    return request.full_path.rstrip("?") if request.method == "GET" else url_for("ui.home")


@blueprint.app_template_global()
def with_query(**changes: object) -> str:
    """This address with some of its query changed; None takes a parameter out."""
    query: dict[str, Any] = request.args.to_dict(flat=False)
    for name, value in changes.items():
        query.pop(name, None)
        if value is not None:
            query[name] = [str(value)]
    return url_for(request.endpoint or "ui.home", **(request.view_args or {}), **query)


@blueprint.app_template_global()
def language_tag() -> str:
    locale = get_locale()
    return "zh-CN" if in_chinese() else (locale.language if locale else "en")


@blueprint.app_template_global()
def house_name() -> str:
    """What stands at the top: the laboratory's own name where it is set (LABORATORY_NAME_ZH, _EN)."""
    own = current_app.config.get("LABORATORY_NAME_ZH" if in_chinese() else "LABORATORY_NAME_EN")
    return str(own or _("Testing and calibration centre"))


@blueprint.app_template_global()
def has_endpoint(name: str) -> bool:
    return name in current_app.view_functions


@blueprint.app_template_global()
def new_request_key() -> str:
    return secrets.token_urlsafe(18)


@blueprint.app_template_global("navigation")
def navigation_of_page() -> tuple[list[navigation.Shown], list[navigation.Shown]]:
    actor = signed_in()
    if actor is None:
        return [], []
    return navigation.entries_for(actor, None if g.get("on_error_page") else db.session())


@blueprint.app_template_global()
def vendor_present() -> bool:
    """Whether script/setup has fetched the front-end files."""
    return bool(current_app.config.get("VENDOR_PRESENT", _vendor_on_disk()))


@cache
def _vendor_on_disk() -> bool:
    return all((STATIC / "vendor" / name).exists() for name in VENDOR)


blueprint.add_app_template_global(badge, "badge")
blueprint.add_app_template_global(wording.script_words, "script_words")


@blueprint.app_template_global()
def today_line() -> str:
    """Today, as people say it: date and weekday of the laboratory."""
    return str(format_date(local_date(clock()()), "full"))


@blueprint.app_template_global()
def error_title(status: int) -> Text:
    g.on_error_page = True
    return wording.error_title(status)


@blueprint.app_template_global()
def error_advice(status: int) -> Text:
    return wording.error_advice(status)


@blueprint.app_template_global()
@cache
def asset_version() -> str:
    """Changes with the newest of our files, so that browsers may keep them."""
    newest = max((f.stat().st_mtime_ns for f in STATIC.glob("*.*")), default=0)
    return format(newest // 1_000_000, "x")
