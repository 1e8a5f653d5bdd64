"""Hand over and store by scan: choose where to once, then scan, scan, scan."""

from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as Answer

from lims.core.database import db
from lims.core.errors import LimsError
from lims.core.permissions import Actor, Permission
from lims.core.web import current_actor, request_key, unit_of_work
from lims.intake import custody
from lims.intake.custody import Moved
from lims.intake.custody_words import line_of
from lims.intake.face import blueprint
from lims.intake.sample_pages import holder_choices, place_choices
from lims.intake.sample_schemas import NotedTargetLoad, ScanLoad
from lims.intake.storage import get_place, place_by_code
from lims.ui import scanning
from lims.ui.faces import ID, asked
from lims.ui.forms import Form, empty_form, read_form
from lims.ui.labels import Text, bilingual
from lims.ui.pages import safe_path
from lims.ui.scanning import clean

# Ways of the page: to me, to somebody, into store.
WAYS: tuple[tuple[str, Text], ...] = (
    ("take", _l("To me")),
    ("hand_over", _l("To somebody")),
    ("store", _l("Into store")),
)


@blueprint.get("/custody", endpoint="custody")
def custody_page() -> str:
    target = asked(NotedTargetLoad)["target"]
    return _custody(empty_form(ScanLoad, holder_id=target.holder_id, place_id=target.place_id))


def _custody(form: Form, done: Moved | None = None) -> str:
    asked_way = request.values.get("way", "")
    way = asked_way if asked_way in dict(WAYS) else "take"
    return render_template(
        "intake/custody.html",
        form=form,
        way=way,
        tabs=[(words, url_for("intake.custody", way=name), None, name == way) for name, words in WAYS],
        me=current_actor(),
        holders=holder_choices(),
        places=place_choices(),
        moves=_last_steps(),
        done=line_of(done) if done else None,
    )


@blueprint.post("/custody")
def scan_move() -> Answer | str | tuple[str, int]:
    """One scanned number, as a form: the page comes back for the next one. The code of a place chooses it."""
    form = read_form(ScanLoad)
    with form.attempt():
        code = clean(form.values["code"])
        place = place_by_code(db.session(), code)
        if place is not None:
            return redirect(url_for("intake.custody", way="store", place_id=place.id))
        target = form.values["target"]
        done = custody.move_scanned(
            unit_of_work(), actor=current_actor(), code=code, target=target, request_key=request_key()
        )
        flash(line_of(done))
        way = request.form.get("way", "take")[:20]
        return redirect(url_for("intake.custody", way=way, **_chosen(target)))
    return _custody(form), form.status


def _last_steps() -> list[tuple[Moved, str, bool]]:
    """The actor's steps, newest first, in words, and whether each can be taken back as far as these tell."""
    seen: set[int] = set()
    lines = []
    for one in custody.recent_moves(db.session(), actor=current_actor()):
        newest = one.sample.id not in seen
        seen.add(one.sample.id)
        lines.append((one, line_of(one), newest and one.event.kind in custody.UNDONE_BY_HAND))
    return lines


def _chosen(target: custody.Target) -> dict[str, Any]:
    chosen = {"holder_id": target.holder_id, "place_id": target.place_id}
    return {name: value for name, value in chosen.items() if value is not None}


@blueprint.post(f"/custody/{ID.format('event_id')}/undo")
def undo_move(event_id: int) -> Answer:
    try:
        done = custody.undo_move(unit_of_work(), actor=current_actor(), event_id=event_id)
        flash(line_of(done))
    except LimsError as error:
        flash(error.message, "error")
    return redirect(safe_path(request.form.get("next", "")))


@blueprint.post(f"/samples/{ID.format('sample_id')}/move")
def move_sample(sample_id: int) -> Answer:
    """One step from the sample's own page."""
    form = read_form(NotedTargetLoad)
    try:
        done = custody.move_samples(
            unit_of_work(),
            actor=current_actor(),
            sample_ids=[sample_id],
            **form.values,
            request_key=request_key(),
        )
        flash(line_of(done[0]))
    except LimsError as error:
        flash(error.message, "error")
    return redirect(url_for("intake.sample", sample_id=sample_id))


def scan_place(session: Session, actor: Actor, code: str) -> scanning.Found | None:
    """The code of a shelf opens the page that stores there."""
    place = place_by_code(session, code) if actor.can(Permission.SAMPLE_READ) else None
    if place is None:
        return None
    words = f"{place.code} {bilingual(place)}"
    if actor.can(Permission.SAMPLE_MOVE) and place.active:
        return scanning.Found(url_for("intake.custody", way="store", place_id=place.id), words, "held")
    return scanning.Found(url_for("intake.place", place_id=get_place(session, place.id).id), words, "held")


scanning.register("place", scan_place, order=60)
