"""Pages of samples: the list, and one sample with its timeline."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date

from flask import Response, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as Answer

from lims.catalogue.business import business_types
from lims.catalogue.categories import category_tree, flattened
from lims.core.clock import local_date
from lims.core.database import db
from lims.core.errors import Conflict, LimsError
from lims.core.permissions import Actor, Permission
from lims.core.web import clock, current_actor, file_store, request_key, unit_of_work
from lims.intake import custody, letters, sample_list, sample_story
from lims.intake.face import blueprint
from lims.intake.sample_labels import TONES, detail_of
from lims.intake.sample_list import Due, Wanted
from lims.intake.sample_story import Action, Story
from lims.intake.samples import get_sample, photo_of, sample_by_number
from lims.intake.states import SampleState
from lims.intake.storage import places_in_use
from lims.people.audit_labels import actor_words
from lims.ui import lists, panels, scanning
from lims.ui.faces import ID, attachment
from lims.ui.labels import Text, bilingual, choices, in_chinese, label
from lims.ui.lists import Bulk, Column, Filter, Listing, Row, Statement
from lims.ui.pages import safe_path
from lims.ui.panels import Event
from lims.ui.shapes import MAX_ID


def today() -> date:
    return local_date(clock()())


# -- the list ------------------------------------------------------------------------


def _by(**wanted: object) -> Wanted:
    return Wanted(**wanted)  # type: ignore[arg-type]


def _only(rows: Statement, wanted: Wanted) -> Statement:
    return sample_list.filtered(db.session(), rows, wanted, today())


def holder_choices() -> list[tuple[object, Text]]:
    people = custody.people_who_hold(db.session())
    return [(row.id, bilingual(row)) for row in people]


def place_choices() -> list[tuple[object, Text]]:
    return [(row.id, f"{row.code} {bilingual(row)}") for row in places_in_use(db.session())]


def _category_choices() -> list[tuple[object, Text]]:
    rows = flattened(category_tree(db.session()))
    return [(row.id, "\u2003" * (row.level - 1) + bilingual(row)) for row in rows]


def _type_choices() -> list[tuple[object, Text]]:
    return [(row.id, bilingual(row)) for row in business_types(db.session(), also_retired=True)]


def _holder_filter(rows: Statement, value: str) -> Statement:
    return _only(rows, _by(holder_id=current_actor().id if value == "me" else int(value)))


def _whole(text: str) -> int:
    """Raises ValueError for what is no number of a row."""
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 17 else 0
    if not 0 < number <= MAX_ID:
        raise ValueError(text)
    return number


def _where(row: Row) -> str:
    return bilingual(row, "holder") or row.place or ""


_ME: tuple[object, Text] = ("me", _l("me"))
COLUMNS = (
    Column("number", _l("Number"), href=lambda row: url_for("intake.sample", sample_id=row.id)),
    Column("name", _l("Sample"), kind="clip"),
    Column("batch", _l("Batch"), kind="clip"),
    Column("customer", _l("Customer"), kind="clip"),
    Column("order_number", _l("Order"), href=lambda row: url_for("intake.order", order_id=row.order_id)),
    Column("type", _l("Kind of business"), kind="bilingual"),
    Column("state", _l("State"), kind="state"),
    Column("due_on", _l("Due"), kind="day"),
    Column("where", _l("With or at"), value=_where),
)
FILTERS = (
    Filter("q", _l("Number, name, batch, firm"), lambda s, v: _only(s, _by(q=v))),
    Filter(
        "state",
        _l("State"),
        lambda s, v: _only(s, _by(state=SampleState(v))),
        options=lambda: choices(SampleState),
    ),
    Filter("due", _l("Due"), lambda s, v: _only(s, _by(due=Due(v))), options=lambda: choices(Due)),
    Filter("holder", _l("Holder"), _holder_filter, options=lambda: [_ME, *holder_choices()]),
    Filter("place", _l("Place"), lambda s, v: _only(s, _by(place_id=int(v))), options=place_choices),
    Filter(
        "category",
        _l("Product class"),
        lambda s, v: _only(s, _by(category_id=int(v))),
        options=_category_choices,
    ),
    Filter(
        "type",
        _l("Kind of business"),
        lambda s, v: _only(s, _by(business_type_id=int(v))),
        options=_type_choices,
    ),
    Filter("since", _l("Registered from"), lambda s, v: _only(s, _by(since=v)), kind="day"),
    Filter("until", _l("Registered until"), lambda s, v: _only(s, _by(until=v)), kind="day"),
    Filter("customer", _l("Customer"), lambda s, v: _only(s, _by(customer_id=_whole(v))), hidden=True),
    Filter("order", _l("Order"), lambda s, v: _only(s, _by(order_id=_whole(v))), hidden=True),
)
SAMPLES = Listing(
    caption=_l("Samples"),
    empty=_l("Samples appear here when an order with samples is registered."),
    statement=sample_list.all_samples,
    keys=sample_list.USUAL,
    columns=COLUMNS,
    filters=FILTERS,
    bulk=(
        Bulk("intake.choose_labels", _l("Print labels"), Permission.LABEL_PRINT),
        Bulk("intake.hand_over_many", _l("Hand over to"), Permission.SAMPLE_MOVE),
        Bulk("intake.store_many", _l("Store at"), Permission.SAMPLE_MOVE),
    ),
    is_late=lambda row: row.phase == 0 and row.due_on < today(),
)
# The filters as the list's order knows them.
_NAMES = {"holder": "holder_id", "place": "place_id", "category": "category_id", "type": "business_type_id"}
_NAMES |= {"customer": "customer_id", "order": "order_id"}


def _listing() -> Listing:
    """In the order whose index serves the filters of this address."""
    asked = {_NAMES.get(f.name, f.name): lists.asked_text(f) for f in FILTERS}
    wanted = Wanted(**{name: value for name, value in asked.items() if value})  # type: ignore[arg-type]
    keys = sample_list.BY_RELEASE if asked["due"] == Due.RETENTION else sample_list.order_of(wanted)
    return replace(SAMPLES, keys=keys)


@blueprint.get("/samples")
def samples() -> str | Answer:
    shown = lists.show(_listing(), db.session(), current_actor())
    return shown.download() or render_template("intake/samples.html", list=shown)


def ticked() -> list[int]:
    """Ids of the ticked rows; what is no number counts for nothing."""
    found = [t for t in request.form.getlist("ids") if t.isascii() and t.isdigit() and len(t) < 16]
    return [int(t) for t in found][: custody.MOST_AT_ONCE + 1]


def _number(name: str) -> int | None:
    text = request.form.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else None


def back_with_ticks(error: LimsError) -> Answer:
    """To the list that was ticked, with the reason why nothing was done."""
    flash(error.message, "error")
    path = safe_path(request.form.get("next", ""))
    kept = "&".join(f"ticked={number}" for number in ticked()[:100])
    return redirect(f"{path}{'&' if '?' in path else '?'}{kept}")


@blueprint.post("/samples/hand-over")
def hand_over_many() -> Answer:
    return _move_many(custody.Target(holder_id=_number("holder_id")))


@blueprint.post("/samples/store")
def store_many() -> Answer:
    return _move_many(custody.Target(place_id=_number("place_id")))


def _move_many(target: custody.Target) -> Answer:
    try:
        moved = custody.move_samples(
            unit_of_work(),
            actor=current_actor(),
            sample_ids=ticked(),
            target=target,
            request_key=request_key(),
        )
    except LimsError as error:
        return back_with_ticks(error)
    flash(_("%(n)s samples moved.", n=len(moved)))
    return redirect(safe_path(request.form.get("next", "")))


# -- one sample ----------------------------------------------------------------------


@blueprint.get(f"/samples/{ID.format('sample_id')}")
def sample(sample_id: int) -> str:
    return sample_page(sample_id)


def sample_page(sample_id: int, **forms: object) -> str:
    """The page with ``forms`` that were not right."""
    actor, session = current_actor(), db.session()
    story = sample_story.story_of(session, actor=actor, sample_id=sample_id, today=today())
    return render_template(
        "intake/sample.html",
        story=story,
        sample=story.sample,
        forms=forms,
        can={action.value: action in story.actions for action in Action},
        panels=panels.panels_of("intake.sample", session, actor, sample_id),
        events=_events(session, actor, story),
        is_late=story.sample.phase == 0 and story.sample.due_on < today(),
        places=place_choices() if Action.STORE in story.actions else [],
        holders=holder_choices() if Action.HAND_OVER in story.actions else [],
        today=today(),
    )


def _events(session: Session, actor: Actor, story: Story) -> Sequence[Event]:
    """Our own lines and those of the rooms above, oldest first."""
    place = 0 if in_chinese() else 1
    own = [
        Event(
            line.at,
            label(line.what),
            actor_words(line.who[place] or line.who[0]),
            detail_of(line),
            TONES.get(line.what, ""),
        )
        for line in story.happenings
    ]
    more = panels.events_of("intake.sample", session, actor, story.sample.id)
    return sorted([*own, *more], key=lambda event: event.at)


@blueprint.get(f"/samples/{ID.format('sample_id')}/photo")
def photo(sample_id: int) -> Response:
    found = photo_of(db.session(), file_store(), actor=current_actor(), sample_id=sample_id)
    return attachment(found.content, found.media_type, f"sample-{sample_id}.{found.ending}")


@blueprint.get(f"/samples/{ID.format('sample_id')}/refusal-letter.pdf")
def refusal_letter(sample_id: int) -> Response:
    row = get_sample(db.session(), current_actor(), sample_id)
    content = letters.letter_of(file_store(), row)
    return attachment(content, "application/pdf", f"refusal-{sample_id}.pdf")


@blueprint.post(f"/samples/{ID.format('sample_id')}/refusal-letter")
def write_letter(sample_id: int) -> Answer:
    try:
        letters.ask_letter(unit_of_work(), actor=current_actor(), sample_id=sample_id)
    except Conflict as error:
        flash(error.message, "error")
    return redirect(url_for("intake.sample", sample_id=sample_id))


@blueprint.get(f"/samples/{ID.format('sample_id')}/refusal-letter/progress")
def letter_progress(sample_id: int) -> str:
    """The part of the page that waits for the letter."""
    row = get_sample(db.session(), current_actor(), sample_id)
    job = sample_story.letter_job(db.session(), row)
    return render_template("intake/letter_part.html", sample=row, letter_job=job)


def scan_sample(session: Session, actor: Actor, code: str) -> scanning.Found | None:
    """A sample's number opens it, or the receive check where it is awaited."""
    found = sample_by_number(session, actor, code) if actor.can(Permission.SAMPLE_READ) else None
    if found is None:
        return None
    awaited = found.state is SampleState.EXPECTED and actor.can(Permission.SAMPLE_RECEIVE)
    page = "intake.receive" if awaited else "intake.sample"
    words = f"{found.number} {found.name} · {label(found.state)}"
    return scanning.Found(url_for(page, sample_id=found.id), words)


scanning.register("sample", scan_sample, order=10)
