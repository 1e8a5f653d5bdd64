"""The one place where all rooms meet."""

import logging
import secrets
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
from apispec.ext.marshmallow import MarshmallowPlugin
from apispec.ext.marshmallow.common import resolve_schema_cls
from flask import (
    Flask,
    Response,
    g,
    has_request_context,
    jsonify,
    redirect,
    render_template,
    request,
    session,
    url_for,
)
from flask_babel import Babel
from flask_babel import gettext as _
from flask_bootstrap import Bootstrap5
from flask_migrate import Migrate
from flask_smorest import Api
from flask_wtf.csrf import CSRFError, CSRFProtect
from sqlalchemy import select, text
from werkzeug.exceptions import BadRequest, HTTPException
from werkzeug.middleware.proxy_fix import ProxyFix

import lims.tables  # noqa: F401  (fills the metadata)
from lims.access import Open, rule_of
from lims.accreditation import api as accreditation_api
from lims.accreditation import pages as accreditation_pages
from lims.accreditation.touched import scope_touched
from lims.bench import api as bench_api
from lims.bench import pages as bench_pages
from lims.bench.touched import worksheets_touched
from lims.catalogue import api as catalogue_api
from lims.catalogue import equipment_classes as catalogue_classes
from lims.catalogue import pages as catalogue_pages
from lims.catalogue import touched
from lims.catalogue.evidence import SHEET
from lims.certificates import api as certificates_api
from lims.certificates import pages as certificates_pages
from lims.certificates.content import letterhead
from lims.cli import register_commands
from lims.core.clock import Clock, utc_now
from lims.core.database import db, engine_options, prepare_sqlite, sqlite_module
from lims.core.errors import (
    Conflict,
    InvalidInput,
    LimsError,
    NotFound,
    NotSignedIn,
    PermissionDenied,
    StaleVersion,
    TooManyRequests,
    TransitionRefused,
)
from lims.core.jobs import ServiceBeat
from lims.core.printing import standards_check_pdf
from lims.core.settings import Settings, read_settings
from lims.core.web import clock as web_clock
from lims.equipment import api as equipment_api
from lims.equipment import pages as equipment_pages
from lims.equipment import register as equipment_register
from lims.intake import api as intake_api
from lims.intake import pages as intake_pages
from lims.intake.letters import LETTER
from lims.intake.models import CustomerAccount
from lims.intake.paper import letter_pdf
from lims.intake.touched import orders_touched
from lims.metrology.errors import MetrologyError
from lims.people import api as people_api
from lims.people import identity, passwords, vault
from lims.people import pages as people_pages
from lims.portal import api as portal_api
from lims.portal import pages as portal_pages
from lims.quality import api as quality_api
from lims.quality import pages as quality_pages
from lims.ui import pages as ui_pages
from lims.ui.catalogues import HouseDomain
from lims.ui.wording import http_sentence

ROOMS = (
    "people",
    "catalogue",
    "equipment",
    "accreditation",
    "intake",
    "bench",
    "certificates",
    "quality",
    "portal",
)
LANGUAGES = {"zh": "zh_CN", "en": "en"}
PAGES = (
    ui_pages,
    people_pages,
    catalogue_pages,
    equipment_pages,
    accreditation_pages,
    intake_pages,
    bench_pages,
    certificates_pages,
    quality_pages,
    portal_pages,
)
APIS = (
    people_api,
    catalogue_api,
    equipment_api,
    accreditation_api,
    intake_api,
    bench_api,
    certificates_api,
    quality_api,
    portal_api,
)
STATUS: tuple[tuple[type[LimsError], int], ...] = (
    (NotSignedIn, 401),
    (PermissionDenied, 403),
    (NotFound, 404),
    (TransitionRefused, 409),
    (StaleVersion, 409),
    (Conflict, 409),
    (InvalidInput, 422),
    (TooManyRequests, 429),
)
csrf = CSRFProtect()


def create_app(settings: Settings | None = None, clock: Clock = utc_now, **overrides: Any) -> Flask:
    """The laboratory as a WSGI application. ``overrides`` go into Flask's configuration (tests)."""
    settings = settings or read_settings()
    app = Flask(__name__, static_folder="ui/static")
    app.config.update(
        SECRET_KEY=settings.secret_key,
        SQLALCHEMY_DATABASE_URI=settings.database_url,
        SQLALCHEMY_ENGINE_OPTIONS=engine_options(settings.database_url),
        MAX_CONTENT_LENGTH=settings.max_body_bytes,
        MAX_FORM_MEMORY_SIZE=8 * 1024 * 1024,
        MAX_FORM_PARTS=20_000,
        SESSION_COOKIE_NAME="__Host-lims_page" if settings.secure_cookies else "lims_page",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=settings.secure_cookies,
        PERMANENT_SESSION_LIFETIME=timedelta(hours=12),
        WTF_CSRF_CHECK_DEFAULT=False,  # decided in _enter: signatures and tokens carry no cookie
        WTF_CSRF_TIME_LIMIT=None,
        WTF_CSRF_SSL_STRICT=True,
        BOOTSTRAP_SERVE_LOCAL=True,
        BABEL_DEFAULT_LOCALE="zh_CN",
        BABEL_DEFAULT_TIMEZONE="Asia/Shanghai",
        BABEL_TRANSLATION_DIRECTORIES=";".join(
            str(Path(__file__).parent / room / "translations") for room in ("core", "metrology", "ui", *ROOMS)
        ),
        API_TITLE="LIMS",
        API_VERSION="v1",
        OPENAPI_VERSION="3.1.0",
        OPENAPI_URL_PREFIX="/api",
        OPENAPI_JSON_PATH="openapi.json",
        JSON_SORT_KEYS=False,
    )
    app.config.update(overrides)
    app.extensions["lims_settings"] = settings
    app.extensions["lims_clock"] = clock
    if settings.trusted_proxies:
        n = settings.trusted_proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=n, x_proto=n, x_host=n)  # type: ignore[method-assign]
    _extensions(app)
    vault.open_with(settings.secret_key)
    passwords.set_cost(app.config.get("PASSWORD_MEMORY_KIB", passwords.MEMORY_KIB))
    identity.find_customers_with(_customer_of)
    LETTER.write_with(letterhead, letter_pdf)
    SHEET.write_with(letterhead, standards_check_pdf)
    touched.told_by("accreditation", scope_touched)
    touched.told_by("intake", orders_touched)
    touched.told_by("bench", worksheets_touched)
    catalogue_classes.told_by(equipment_register.equipment_classes)
    _rooms(app)
    app.before_request(_enter)
    app.after_request(_headers)
    _errors(app)
    app.add_url_rule("/healthz", "healthz", _healthz)
    register_commands(app)
    return app


def _extensions(app: Flask) -> None:
    db.init_app(app)
    with app.app_context():
        engine = db.engine
        if engine.dialect.name == "sqlite":
            prepare_sqlite(engine)
    Migrate(app, db, directory=str(Path(__file__).parent.parent / "migrations"), render_as_batch=False)
    csrf.init_app(app)
    Babel(app, locale_selector=_language).domain_instance = HouseDomain()
    Bootstrap5(app)
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True


def _rooms(app: Flask) -> None:
    plugin = MarshmallowPlugin(schema_name_resolver=_schema_name)
    api = Api(app, spec_kwargs={"marshmallow_plugin": plugin})
    api.DEFAULT_ERROR_RESPONSE_NAME = None  # each room documents the problems that its routes answer with
    for face in APIS:
        api.register_blueprint(face.blueprint)
    for pages in PAGES:
        app.register_blueprint(pages.blueprint)


def _schema_name(schema: Any) -> str:
    """In the API's description a shape carries its room's name: two rooms may both have a CodeLoad."""
    shape: Any = resolve_schema_cls(schema)
    room = str(shape.__module__).split(".")[1]
    return f"{room.capitalize()}{shape.__name__}" if room in ROOMS else str(shape.__name__)


def _language() -> str:
    """The address, the choice made on a page, the browser; Chinese otherwise, as in jobs and commands."""
    if not has_request_context():
        return "zh_CN"
    asked = request.args.get("lang") or session.get("language")
    if asked in LANGUAGES:
        return LANGUAGES[asked]
    found = request.accept_languages.best_match(["zh", "zh-CN", "en"])
    return "en" if found == "en" else "zh_CN"


def _enter() -> Response | None:
    """Who is this, is this address open to them, and was the request meant (CSRF)."""
    g.csp_nonce = secrets.token_urlsafe(16)
    g.actor, by_cookie = identity.identify()
    rule = rule_of(request.endpoint)
    if request.endpoint is None:
        return None  # 404 or 405, said by the router
    if rule is not Open.GATEWAY and by_cookie and request.method not in {"GET", "HEAD", "OPTIONS"}:
        if request.headers.get("Sec-Fetch-Site") in {"cross-site", "same-site"}:
            raise CSRFError("another site sent this")
        # A part of a multipart body that bears no name: the check below cannot stand it.
        if None in request.form:
            raise BadRequest(_("A part of this form has no name."))
        csrf.protect()
    if isinstance(rule, Open):
        return None
    if rule is None:
        raise PermissionDenied(_("This address is not open to anybody."))
    if g.actor is None:
        raise NotSignedIn(_("Please sign in."))
    wanted = rule if isinstance(rule, frozenset) else frozenset({rule})
    if not wanted & g.actor.permissions:
        raise PermissionDenied(_("Your roles do not allow this."))
    return None


def _headers(response: Response) -> Response:
    nonce = g.get("csp_nonce", "")
    response.headers.setdefault(
        "Content-Security-Policy",
        f"default-src 'none'; script-src 'nonce-{nonce}' 'strict-dynamic'; style-src 'self'; "
        "img-src 'self' data: blob:; font-src 'self'; connect-src 'self'; frame-src 'self'; "
        "frame-ancestors 'self'; form-action 'self'; base-uri 'none'",
    )
    response.headers.setdefault("X-Content-Type-Options", "nosniff")
    response.headers.setdefault("Referrer-Policy", "same-origin")
    response.headers.setdefault("Cross-Origin-Opener-Policy", "same-origin")
    response.headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
    response.headers.setdefault("Permissions-Policy", "camera=(self), geolocation=(), microphone=()")
    if request.is_secure:
        response.headers.setdefault("Strict-Transport-Security", "max-age=31536000; includeSubDomains")
    if request.endpoint and "static" not in request.endpoint:
        response.headers.setdefault("Cache-Control", "no-store")
    return response


def _customer_of(account_id: int) -> int | None:
    found = select(CustomerAccount.customer_id).where(CustomerAccount.account_id == account_id)
    return db.session.execute(found).scalar_one_or_none()


def _wants_json() -> bool:
    return request.path.startswith("/api/") or request.accept_mimetypes.best == "application/json"


def problem(status: int, code: str, detail: str, fields: dict[str, list[str]] | None = None) -> Response:
    """RFC 9457 problem details, with our stable ``code`` and the faults field by field."""
    body: dict[str, object] = {
        "type": "about:blank",
        "title": code,
        "status": status,
        "code": code,
        "detail": detail,
    }
    if fields:
        body["fields"] = fields
    return Response(orjson.dumps(body), status, content_type="application/problem+json")


def _errors(app: Flask) -> None:
    @app.errorhandler(LimsError)
    def _lims(error: LimsError) -> Response | tuple[str, int] | Any:
        db.session.rollback()
        status = next((s for kind, s in STATUS if isinstance(error, kind)), 400)
        if isinstance(error, NotSignedIn) and not _wants_json() and request.method == "GET":
            return redirect(url_for("people.sign_in", next=request.full_path.rstrip("?")))
        response = _answer(status, error.code, error.message, error.fields)
        if isinstance(error, TooManyRequests):
            response.headers["Retry-After"] = str(error.retry_after_s)
        return response

    @app.errorhandler(MetrologyError)
    def _metrology(error: MetrologyError) -> Response:
        db.session.rollback()
        return _answer(422, error.code, _(error.template, **error.facts), {})

    @app.errorhandler(CSRFError)
    def _csrf(error: CSRFError) -> Response:
        return _answer(400, "csrf", _("The page was too old or came from elsewhere; load it again."), {})

    @app.errorhandler(HTTPException)
    def _http(error: HTTPException) -> Response:
        status = error.code or 500
        fields = _marshmallow_fields(getattr(error, "data", None))
        code = "invalid_input" if fields else (error.name or "error").lower().replace(" ", "_")
        own = error.description if error.description != type(error).description else None
        detail = _("Some fields are not right.") if fields else own or str(http_sentence(status))
        response = _answer(status, code, detail, fields)
        for name, value in error.get_headers():
            if name.lower() in {"allow", "retry-after"}:
                response.headers[name] = value
        return response

    @app.errorhandler(Exception)
    def _fault(error: Exception) -> Response:
        number = secrets.token_hex(4)
        logging.getLogger("lims").exception("fault %s at %s", number, request.path)
        db.session.rollback()
        return _answer(500, "fault", _("A fault of ours; it is recorded under %(n)s.", n=number), {})


def _marshmallow_fields(data: Any) -> dict[str, list[str]]:
    """flask-smorest's nested messages as ``place.field.0`` -> sentences."""
    messages = data.get("messages") if isinstance(data, dict) else None
    flat: dict[str, list[str]] = {}

    def walk(path: str, node: Any) -> None:
        if isinstance(node, dict):
            for key, value in node.items():
                walk(f"{path}.{key}" if path else str(key), value)
        else:
            flat[path] = [str(m) for m in node] if isinstance(node, list) else [str(node)]

    if messages:
        walk("", messages)
    return {k.removeprefix("json.").removeprefix("query."): v for k, v in flat.items()}


def _answer(status: int, code: str, detail: str, fields: dict[str, list[str]]) -> Response:
    if _wants_json():
        return problem(status, code, detail, fields)
    page = render_template("ui/error.html", status=status, code=code, detail=detail, fields=fields)
    return Response(page, status)


def _healthz() -> tuple[Response, int]:
    """State of database, worker and gateways; 503 while something is missing."""
    now = web_clock()()
    report: dict[str, object] = {}
    healthy = True
    try:
        db.session.execute(text("SELECT 1"))
        name = db.engine.dialect.name
        report["database"] = {
            "state": "ok",
            "kind": name,
            "version": sqlite_module().sqlite_version if name == "sqlite" else None,
        }
        beats = {
            beat.name: {
                "state": "ok" if (now - beat.at).total_seconds() < 20 else "silent",
                "at": beat.at.isoformat(),
            }
            for beat in db.session.execute(select(ServiceBeat)).scalars()
        }
    except Exception as error:  # the health page says what is broken, whatever it is
        db.session.rollback()
        return jsonify({"status": "broken", "database": {"state": type(error).__name__}}), 503
    workers = {k: v for k, v in beats.items() if k.startswith("worker:")}
    report["worker"] = {"state": "ok" if any(v["state"] == "ok" for v in workers.values()) else "missing"}
    report["gateways"] = {k.removeprefix("gateway:"): v for k, v in beats.items() if k.startswith("gateway:")}
    healthy = report["worker"] == {"state": "ok"}
    return jsonify({"status": "ok" if healthy else "degraded", **report}), 200 if healthy else 503
