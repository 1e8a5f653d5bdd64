"""Pages of device profiles: list, one profile with its versions, the editor that reads byte by byte."""

from collections.abc import Sequence
from typing import Any

from flask import Response, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response as Answer

from instruments.anatomy import Dissected, dissect
from instruments.codec import Calling
from instruments.errors import ProfileWrong
from instruments.profiles import MOST_SETUPS, read_row
from instruments.readings import printable
from lims.core.database import db
from lims.core.errors import InvalidInput
from lims.core.permissions import Permission
from lims.core.web import current_actor, request_key, unit_of_work
from lims.equipment import profile_form as editing
from lims.equipment import profiles
from lims.equipment.face import blueprint
from lims.equipment.profile_faults import profile_wrong
from lims.equipment.profile_labels import FACTS, PART_MARKS, VERBS
from lims.equipment.profile_offer import holders_of
from lims.equipment.profile_schemas import (
    ORDERS,
    TYPES,
    ImportLoad,
    NewProfileLoad,
    ProfileFormLoad,
    VersionNumberLoad,
)
from lims.ui import panels
from lims.ui.faces import ID, attachment
from lims.ui.forms import Form, empty_form, read_form
from lims.ui.shapes import ReasonLoad

blueprint.add_app_template_filter(printable, "printable")
PROFILE = f"/device-profiles/{ID.format('profile_id')}"
VERSION = f"{PROFILE}/versions/{ID.format('number')}"
SPARE_ROWS = 3
LONGEST_PASTED = 8_000  # of an address


@blueprint.app_template_filter("hex_shown")
def hex_shown(text: str) -> str:
    """Bytes as people read them; what is no hexadecimal yet stays as typed."""
    try:
        return printable(bytes.fromhex(text))
    except ValueError:
        return text


@blueprint.get("/device-profiles", endpoint="device_profiles")
def profile_list() -> str:
    paste = request.args.get("paste", "")[:LONGEST_PASTED]
    return _list(new=empty_form(NewProfileLoad, paste=paste))


def _list(**forms: Form) -> str:
    actor = current_actor()
    shown = {"new": empty_form(NewProfileLoad), "file": empty_form(ImportLoad), **forms}
    shown["file"].prefix = "i"
    rows = profiles.list_profiles(db.session(), actor=actor)
    own = [(row.profile.key, f"{row.profile.key} · {row.newest.title}") for row in rows]
    built_in = [
        (key, f"{protocol} · {title} ({key})") for key, protocol, title in profiles.built_in_profiles()
    ]
    return render_template(
        "equipment/profiles.html",
        rows=rows,
        forms=shown,
        starts=[*own, *built_in],
        paste=shown["new"].typed("paste"),
        may_edit=actor.can(Permission.PROFILE_EDIT),
    )


@blueprint.post("/device-profiles")
def create_profile() -> Answer | tuple[str, int]:
    """A copy of another profile, opened for editing."""
    form = read_form(NewProfileLoad)
    with form.attempt():
        values = form.values
        row = {**profiles.start_row(db.session(), values["start"]), "title": values["title"]}
        made = profiles.create_profile(
            unit_of_work(), actor=current_actor(), key=values["key"], row=row, request_key=request_key()
        )
        return redirect(url_for("equipment.edit_profile", profile_id=made.id, paste=values["paste"] or None))
    return _list(new=form), form.status


@blueprint.post("/device-profiles/import")
def import_profile() -> Answer | tuple[str, int]:
    """A TOML file: a new profile, or the next version of the one of its name."""
    form = read_form(ImportLoad)
    with form.attempt():
        made = profiles.import_profile(
            unit_of_work(),
            actor=current_actor(),
            key=form.values["key"] or (form.values["file"].filename or "").removesuffix(".toml"),
            text=_text_of(form.values["file"].read()),
            request_key=request_key(),
        )
        flash(_("The file is saved as a version. Look whether its dialogues hold, then release it."))
        return redirect(url_for("equipment.device_profile", profile_id=made.id))
    return _list(file=form), form.status


def _text_of(content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as fault:
        sentence = _("The file is not text in UTF-8.")
        raise InvalidInput(sentence, code="not_text", fields={"file": [sentence]}) from fault


@blueprint.get(PROFILE, endpoint="device_profile")
def profile(profile_id: int) -> str:
    return _profile(profile_id)


def _profile(profile_id: int, number: int | None = None, **forms: Form) -> str:
    session, actor = db.session(), current_actor()
    row, version = profiles.find_version(session, actor=actor, profile_id=profile_id, number=number)
    versions = profiles.versions_of(session, row.id)
    trial = editing.try_row(row.key, read_row(version.text))
    shown = {"release": empty_form(VersionNumberLoad), "retire": empty_form(ReasonLoad), **forms}
    return render_template(
        "equipment/profile.html",
        profile=row,
        version=version,
        versions=versions,
        in_use=next((one for one in versions if one.state.value == "in_use"), None),
        trial=trial,
        frames=_frames(trial, [one.recorded for one in trial.walked]),
        holders=holders_of(session, row.key, versions),
        forms=shown,
        part_marks=PART_MARKS,
        may_edit=actor.can(Permission.PROFILE_EDIT),
        panels=panels.panels_of("equipment.device_profile", session, actor, version.id),
    )


def _frames(trial: editing.Trial, exchanges: Sequence[Any]) -> list[list[Dissected]]:
    return [dissect(trial.profile.codec, one.request, one.response) for one in exchanges]


@blueprint.get(VERSION, endpoint="device_profile_version")
def profile_version(profile_id: int, number: int) -> str:
    return _profile(profile_id, number)


@blueprint.get(f"{VERSION}/file", endpoint="device_profile_file")
def profile_file(profile_id: int, number: int) -> Response:
    """Its TOML, for the folder of a gateway without a server and for ``python -m instruments decode``."""
    row, version = profiles.find_version(
        db.session(), actor=current_actor(), profile_id=profile_id, number=number
    )
    return attachment(version.text.encode(), "application/toml", f"{row.key}.toml")


@blueprint.get(f"{PROFILE}/edit")
def edit_profile(profile_id: int) -> str:
    row, version = profiles.find_version(db.session(), actor=current_actor(), profile_id=profile_id)
    base = read_row(version.text)
    paste = request.args.get("paste", "")[:LONGEST_PASTED]
    hexed = {"paste": paste, "paste_as": "hex"} if paste else {}
    first = {**editing.initial_of(base), "based_on": version.number, **hexed}
    return _editor(row.id, row.key, base, empty_form(ProfileFormLoad, **first))


@blueprint.post(f"{PROFILE}/try")
def try_profile(profile_id: int) -> str | tuple[str, int]:
    """What the form reads, and nothing is saved."""
    row, version = profiles.find_version(db.session(), actor=current_actor(), profile_id=profile_id)
    base, form = read_row(version.text), read_form(ProfileFormLoad)
    with form.attempt():
        return _editor(row.id, row.key, base, form, _trial(row.key, base, form))
    return _editor(row.id, row.key, base, form), form.status


def _trial(key: str, base: editing.Row, form: Form) -> editing.Trial:
    exchanges = editing.pasted(form.values["paste"], form.values["paste_as"])
    try:
        return editing.try_row(key, editing.row_of(form.values, base), exchanges)
    except ProfileWrong as fault:
        raise profile_wrong(fault) from fault


def _editor(
    profile_id: int, key: str, base: editing.Row, form: Form, trial: editing.Trial | None = None
) -> str:
    protocol = base["protocol"]
    return render_template(
        "equipment/profile_form.html",
        profile_id=profile_id,
        key=key,
        protocol=protocol,
        base=base,
        form=form,
        trial=trial,
        walked=_walked_by_row(form, trial),
        tried=_frames(trial, trial.tried) if trial else [],
        tried_events=[
            editing.expected_of([f.event for f in frames]) for frames in _frames(trial, trial.tried)
        ]
        if trial
        else [],
        facts=[(fact, FACTS.get(fact.name, fact.name)) for fact in editing.plain_facts(protocol)],
        verbs=[(verb.value, words) for verb, words in VERBS.items()],
        rows=form.count("registers") + SPARE_ROWS,
        setups=min(form.count("setups") + SPARE_ROWS, MOST_SETUPS),
        types=[(one, one) for one in TYPES],
        orders=[(one, one) for one in ORDERS],
        part_marks=PART_MARKS,
        calls=trial is not None and isinstance(trial.profile.codec, Calling),
    )


def _walked_by_row(form: Form, trial: editing.Trial | None) -> dict[int, tuple[Any, list[Dissected]]]:
    """By the row of the form: what the trial read in it. Rows that are to be dropped were not tried."""
    if trial is None:
        return {}
    kept = [n for n, one in enumerate(form.values["dialogues"]) if not one["drop"]]
    frames = _frames(trial, [one.recorded for one in trial.walked])
    return dict(zip(kept, zip(trial.walked, frames, strict=True), strict=True))


@blueprint.post(f"{PROFILE}/edit")
def save_profile(profile_id: int) -> Answer | tuple[str, int]:
    """The next version; what was pasted becomes dialogues that expect what is read in them now."""
    row, version = profiles.find_version(db.session(), actor=current_actor(), profile_id=profile_id)
    base, form = read_row(version.text), read_form(ProfileFormLoad)
    with form.attempt():
        trial = _trial(row.key, base, form)
        made = profiles.save_version(
            unit_of_work(),
            actor=current_actor(),
            profile_id=row.id,
            row=editing.with_pasted(trial.row, trial.profile, trial.tried, _source(form, trial)),
            based_on=form.values["based_on"],
            note=form.values["note"] or "",
            request_key=request_key(),
        )
        flash(_("Version %(n)s is saved. Gateways get it when it is released.", n=made.number))
        return redirect(url_for("equipment.device_profile", profile_id=row.id))
    return _editor(row.id, row.key, base, form), form.status


def _source(form: Form, trial: editing.Trial) -> str:
    source = form.values["paste_source"] or ""
    if trial.tried and not source:
        sentence = _("Say where these bytes come from: a manual and its page, or the device and the day.")
        raise InvalidInput(sentence, code="source_missing", fields={"paste_source": [sentence]})
    return str(source)


@blueprint.post(f"{PROFILE}/release")
def release_profile(profile_id: int) -> Answer | tuple[str, int]:
    form = read_form(VersionNumberLoad)
    with form.attempt():
        made = profiles.release_version(
            unit_of_work(), actor=current_actor(), profile_id=profile_id, number=form.values["number"]
        )
        flash(_("Version %(n)s is released: the gateways fetch it within seconds.", n=made.number))
        return redirect(url_for("equipment.device_profile", profile_id=profile_id))
    return _profile(profile_id, release=form), form.status


@blueprint.post(f"{PROFILE}/retire")
def retire_profile(profile_id: int) -> Answer | tuple[str, int]:
    form = read_form(ReasonLoad)
    with form.attempt():
        profiles.retire_profile(
            unit_of_work(), actor=current_actor(), profile_id=profile_id, reason=form.values["reason"]
        )
        flash(_("The profile is retired: no gateway gets it any more."))
        return redirect(url_for("equipment.device_profile", profile_id=profile_id))
    return _profile(profile_id, retire=form), form.status
