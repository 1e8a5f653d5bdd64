"""The content check: what ISO/IEC 17025 asks of a test report, clause by clause, each an automatic rule.

A rule answers with the sentences of what is wrong. A fault stops review and approval; an advice is
shown to whoever reviews and decides.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from lims.certificates import evidence_rules as evidence
from lims.certificates import report_rules as report
from lims.certificates.material import Faults, Material

MOST_NAMED = 5  # faults of one rule that are spelled out


@dataclass(frozen=True, slots=True)
class Check:
    """One rule's answer. ``clause``: of ISO/IEC 17025:2017 unless it says otherwise."""

    rule: str
    clause: str
    title: str
    blocking: bool
    faults: tuple[str, ...]

    @property
    def ok(self) -> bool:
        return not self.faults

    @property
    def stops(self) -> bool:
        return self.blocking and not self.ok


@dataclass(frozen=True, slots=True)
class Rule:
    code: str
    clause: str
    title: object  # lazy words
    look: Callable[[Material], Faults]
    blocking: bool = True


def examine(material: Material) -> list[Check]:
    """Every rule with what it found, in the order of the standard."""
    return [
        Check(rule.code, rule.clause, str(rule.title), rule.blocking, _few(rule.look(material)))
        for rule in RULES
    ]


def _few(faults: Faults) -> tuple[str, ...]:
    found = list(dict.fromkeys(faults))
    if len(found) <= MOST_NAMED:
        return tuple(found)
    return (*found[:MOST_NAMED], _("and %(n)s more.", n=len(found) - MOST_NAMED))


RULES: Sequence[Rule] = (
    Rule("R01", "7.8.2.1 a", _l("Title"), report.title),
    Rule("R02", "7.8.2.1 b", _l("Laboratory's name and address"), report.laboratory),
    Rule("R04", "7.8.2.1 d", _l("One number"), report.number),
    Rule("R05", "7.8.2.1 e", _l("Customer's name"), report.customer),
    Rule("R05a", "7.8.2.1 e", _l("Customer's contact"), report.contact, blocking=False),
    Rule("R06", "7.8.2.1 f", _l("Methods with their year, in force when tested"), report.methods),
    Rule("R07", "7.8.2.1 g", _l("Samples described without doubt"), report.samples),
    Rule("R07a", "7.8.2.1 g", _l("Condition of the samples"), report.conditions_of_samples, blocking=False),
    Rule("R08", "7.8.2.1 h", _l("Date of receipt"), report.received),
    Rule(
        "R09",
        "7.8.2.1 i, j",
        _l("Received, tested, handed over, verified, issued: in this order"),
        report.dates,
    ),
    Rule("R09a", "7.8.2.1 i", _l("Testing is recent"), report.recent, blocking=False),
    Rule("R11", "7.8.2.1 k, 7.8.5", _l("Sampling described"), report.sampling),
    Rule("R12", "7.8.2.1 l", _l("Results relate only to the items tested"), report.only_the_items),
    Rule("R13", "7.8.2.1 m", _l("Units of the results"), report.units),
    Rule("R15", "7.8.2.1 o", _l("Somebody may sign for every field"), report.signatory, blocking=False),
    Rule("R15a", "7.8.2.1 o", _l("Who prepared, reviewed and approved"), report.signed),
    Rule("R17", "7.8.2.2", _l("Data given by the customer are marked"), report.customer_data),
    Rule("R18", "7.8.2.1", _l("No copy in part"), report.no_partial_copy),
    Rule("T01", "7.8.3.1 a", _l("Conditions that the methods ask for"), evidence.environment),
    Rule("T02", "7.8.6", _l("Each verdict names its requirement and rule"), evidence.conformity),
    Rule("T03", "7.8.1.1", _l("Every value verified by a second person, none newer"), evidence.verified),
    Rule("T03a", "7.7.1", _l("No failing quality control holds a value"), evidence.not_held),
    Rule(
        "T04", "7.11.6", _l("Every value and verdict comes out the same, computed again"), evidence.recomputed
    ),
    Rule("T05", "7.8.1.2", _l("Numbers in the report equal the stored results"), evidence.same_numbers),
    Rule("T06", "6.4.4, 6.4.6", _l("Equipment in calibration when used"), evidence.equipment),
    Rule("T06a", "6.4.9", _l("Equipment still in service"), evidence.out_of_service, blocking=False),
    Rule("T07", "6.2.6", _l("Testers authorised for the methods"), evidence.authorised),
    Rule("C01", "CNAS-R01, RB/T 214", _l("Marks and stars follow the granted scope"), evidence.scope),
)
