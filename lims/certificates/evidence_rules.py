"""Rules about what stands behind the values (ISO/IEC 17025 6, 7.8.3, 7.8.6, 7.11)."""

from flask_babel import gettext as _

from lims.accreditation.people import authorised_by_method
from lims.bench.control.holds import open_holds_of
from lims.bench.states import Verdict
from lims.certificates.blocks import prints_value
from lims.certificates.material import Faults, Material, facts_of
from lims.certificates.reported import Row
from lims.equipment.calibration import fitness_of_all
from lims.intake.states import TestState
from lims.metrology.stored_values import restore_value
from lims.metrology.values import write_value
from reports.document import ItemRow


def environment(m: Material) -> Faults:
    for row in m.rows:
        sheet = m.content.circumstances.sheet_of.get(row.test.id)
        noted = sheet is not None and sheet.temperature is not None and sheet.humidity is not None
        if row.method.conditions_required and not noted:
            yield _("“%(item)s” of %(sample)s asks for temperature and humidity.", **facts_of(row))


def conformity(m: Material) -> Faults:
    for row, line in m.printed():
        if row.version.verdict is Verdict.NOT_JUDGED:
            continue
        if row.limit is None or line is None or line.limit.zh in {"", "—"}:
            yield _("The verdict on “%(item)s” of %(sample)s names no requirement.", **facts_of(row))
        if not m.document.decision_rule:
            yield _("The report states conformity and names no decision rule.")


def verified(m: Material) -> Faults:
    for row in m.rows:
        if row.test.state is not TestState.VERIFIED or row.result.verified_by is None:
            yield _("“%(item)s” of %(sample)s is not verified.", **facts_of(row))
        elif not row.result.current or row.result.current_version != row.version.number:
            yield _("“%(item)s” of %(sample)s has a newer result.", **facts_of(row))


def not_held(m: Material) -> Faults:
    held = open_holds_of(m.session, [row.test.id for row in m.rows])
    for row in m.rows:
        if row.test.id in held:
            yield _("“%(item)s” of %(sample)s is held by a failing quality control.", **facts_of(row))


def recomputed(m: Material) -> Faults:
    for row in m.rows:
        if row.version.id in m.differing:
            yield _("“%(item)s” of %(sample)s, computed again, comes out differently.", **facts_of(row))


def same_numbers(m: Material) -> Faults:
    """The line in the document against the result as it was stored when it was verified."""
    for row, line in m.printed():
        if line is None or not _says(line, row):
            yield _("The report does not print “%(item)s” of %(sample)s as it is stored.", **facts_of(row))


def _says(line: ItemRow, row: Row) -> bool:
    kept = write_value(restore_value(row.notes["reported"]), "zh") == row.version.reported
    right = line.verdict_kind.value == row.version.verdict.value
    return kept and right and prints_value(line, row.notes["reported"])


def equipment(m: Material) -> Faults:
    """In calibration when it was used. What happened to a device since is an advice, not a fault of the past."""
    devices = m.content.circumstances.devices
    for day in sorted({m.first_day, m.last_day}):
        for fit in fitness_of_all(m.session, devices, day).values():
            if not fit.ok and fit.code != "out_of_service":
                yield f"{day.isoformat()}: {fit.sentence.text}"


def out_of_service(m: Material) -> Faults:
    devices = m.content.circumstances.devices
    for fit in fitness_of_all(m.session, devices, m.last_day).values():
        if fit.code == "out_of_service":
            yield _("%(what)s Was the result affected?", what=fit.sentence.text)


def authorised(m: Material) -> Faults:
    methods = {r.method.method_id for r in m.rows}
    by_day = {day: authorised_by_method(m.session, methods, day) for day in {m.day_of(r) for r in m.rows}}
    for row in m.rows:
        if row.result.submitted_by not in by_day[m.day_of(row)].get(row.method.method_id, set()):
            yield _(
                "Whoever tested “%(item)s” of %(sample)s was not authorised for the method.", **facts_of(row)
            )


def scope(m: Material) -> Faults:
    """Every item outside all scopes is starred and explained; a mark stands only where all are inside."""
    for row, line in m.printed():
        outside = not m.content.marks.covered(row.test.id)
        if line is not None and (line.starred != outside or (outside and not line.note)):
            yield _("“%(item)s” of %(sample)s is not marked as its scope asks.", **facts_of(row))
    granted = {scheme.value for scheme in m.content.marks.granted}
    for mark in m.document.marks:
        if mark.number and mark.kind.value not in granted:
            yield _("The report carries the %(mark)s mark and may not.", mark=mark.kind.value)
        if not mark.number and not mark.missing_reason:
            yield _("The %(mark)s mark is missing without a reason.", mark=mark.kind.value)
