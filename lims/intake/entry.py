"""An order as reception types or pastes it: rows of text, looked at before anything is saved."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime

from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.orm import Session

from lims.catalogue.models import BusinessType, Package, TestItem
from lims.core.errors import InvalidInput
from lims.intake.customers import same_named
from lims.intake.drafts import (
    Fault,
    NewContact,
    NewCustomer,
    OrderDraft,
    SampleDraft,
    SamplingFormDraft,
    refuse_faults,
)
from lims.intake.models import Customer
from lims.intake.offer import Quote, open_type, quote_of, tests_of_samples
from lims.intake.paste import HEADINGS, Paste, parse_rows
from lims.metrology.decision_rules import SIMPLE_ACCEPTANCE

# The first eight as cells without headings are read; the others are rare and stand to the right.
COLUMNS = (
    *("name", "specification", "batch", "produced_on", "expires_on", "quantity", "producer", "items"),
    *("category", "brand", "producer_address"),
)
# A fault of a draft -> the column that its reader can change.
_SHOWN_AT = {"category_id": "category", "packages": "items"}
Line = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class SamplingEntry:
    """What is typed of a sampling form; nothing is required yet."""

    sampled_firm: str = ""
    sampled_on: date | None = None
    sampler_one: str = ""
    sampler_two: str = ""
    number: str = ""
    sampled_firm_address: str = ""
    licence_number: str = ""
    place: str = ""
    stage: str = ""
    seal_numbers: str = ""
    base_quantity: str = ""
    note: str = ""

    def draft(self) -> SamplingFormDraft:
        """Raises InvalidInput where the day is missing; the rest is asked by ``sampling.check_form``."""
        if self.sampled_on is None:
            text = _("Say on which day the sample was taken.")
            raise InvalidInput(text, code="sampling_form", fields={"sampling_form.sampled_on": [text]})
        return SamplingFormDraft(**{name: getattr(self, name) for name in SamplingFormDraft.__slots__})


@dataclass(frozen=True, slots=True)
class OrderEntry:
    """``asks``: ``p12`` a package, ``i34`` a test item, for all samples. ``methods``: (test item, method)
    where another than the usual one is agreed. ``lines``: column -> text.

    ``customer``: name or code, used where ``customer_id`` is None. ``category_id``: of samples whose line
    names none.
    """

    business_type_id: int | None = None
    lines: Sequence[Line] = ()
    asks: Sequence[str] = ()
    methods: Sequence[tuple[int, int]] = ()
    category_id: int | None = None
    customer_id: int | None = None
    customer: str = ""
    new_customer: NewCustomer | None = None
    same_name: bool = False
    contact_id: int | None = None
    new_contact: NewContact | None = None
    report_language: str = "zh"
    judge: bool = True
    decision_rule: str = SIMPLE_ACCEPTANCE.rule_id
    report_uncertainty: bool = False
    return_samples: bool = False
    purpose: str = ""
    note: str = ""
    sampling_form: SamplingEntry | None = None
    backup: bool | None = None
    again: bool = False


@dataclass(frozen=True, slots=True)
class Look:
    """What an entry would become. ``faults``: line (from 0) -> column -> sentences. ``quote``: of the lines
    without fault; None while there is none or the kind of business is not known."""

    lines: int = 0
    faults: Mapping[int, Mapping[str, list[str]]] = field(default_factory=dict)
    quote: Quote | None = None
    kind: BusinessType | None = None


def read_lines(session: Session, entry: OrderEntry, today: date) -> Paste:
    """The typed lines read as a pasted sheet is. Raises InvalidInput where there are none or too many."""
    if not any(any(cell.strip() for cell in line.values()) for line in entry.lines):
        text = _("An order needs at least one sample.")
        raise InvalidInput(text, code="samples_missing", fields={"samples": [text]})
    heading = [HEADINGS[name][0] for name in COLUMNS]
    table = [heading, *([line.get(name, "") for name in COLUMNS] for line in entry.lines)]
    return parse_rows(session, table, today, items_for_all=bool(entry.asks))


def faults_by_line(faults: Iterable[Fault]) -> dict[int, dict[str, list[str]]]:
    """Line (from 0) -> column -> sentences."""
    found: dict[int, dict[str, list[str]]] = {}
    for fault in faults:
        column = _SHOWN_AT.get(fault.field, fault.field)
        found.setdefault(fault.row - 1, {}).setdefault(column, []).append(fault.sentence)
    return found


def look_at(session: Session, entry: OrderEntry, now: datetime, today: date) -> Look:
    """Faults by line, price and due date, with a fixed number of queries; nothing is saved.

    Raises InvalidInput for what belongs to no line (an unknown kind of business, far too many lines).
    """
    kind = None if entry.business_type_id is None else open_type(session, entry.business_type_id)
    items, packages = _asked(session, entry.asks)
    if not any(any(cell.strip() for cell in line.values()) for line in entry.lines):
        return Look(kind=kind)
    paste = read_lines(session, entry, today)
    cost = None
    if kind is not None and paste.samples:
        draft = OrderDraft(kind.id, paste.samples, items=items, packages=packages)
        try:
            cost = quote_of(session, kind, tests_of_samples(session, draft, now, today), today)
        except InvalidInput:  # an item without a released method: told when the order is saved
            cost = None
    return Look(len(paste.rows), faults_by_line(paste.faults), cost, kind)


def draft_of(session: Session, entry: OrderEntry, today: date) -> OrderDraft:
    """The entry as a draft to register. Raises InvalidInput with every fault of the lines by path."""
    if entry.business_type_id is None:
        text = _("Choose the kind of business.")
        raise InvalidInput(text, code="unknown_business_type", fields={"business_type_id": [text]})
    customer_id = _customer(session, entry)
    items, packages = _asked(session, entry.asks)
    paste = read_lines(session, entry, today)
    refuse_faults([replace(f, field=_SHOWN_AT.get(f.field, f.field)) for f in paste.faults])
    samples = tuple(_in_category(row.sample, entry.category_id) for row in paste.rows)
    return OrderDraft(
        business_type_id=entry.business_type_id,
        samples=samples,
        customer_id=customer_id,
        new_customer=entry.new_customer if customer_id is None else None,
        same_name=entry.same_name,
        contact_id=entry.contact_id if entry.new_contact is None else None,
        new_contact=entry.new_contact,
        report_language=entry.report_language,
        judge=entry.judge,
        decision_rule=entry.decision_rule,
        report_uncertainty=entry.report_uncertainty,
        return_samples=entry.return_samples,
        purpose=entry.purpose,
        note=entry.note,
        items=items,
        packages=packages,
        methods=tuple(entry.methods),
        sampling_form=entry.sampling_form.draft() if entry.sampling_form else None,
        backup=entry.backup,
        again=entry.again,
    )


def _in_category(sample: SampleDraft, category_id: int | None) -> SampleDraft:
    return sample if sample.category_id is not None else replace(sample, category_id=category_id)


def _asked(session: Session, asks: Sequence[str]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Test items and packages of ``asks``. Raises InvalidInput (field ``asks``) for one that is not offered."""
    wanted: dict[str, list[int]] = {"i": [], "p": []}
    text = _("One of these tests is not offered any more; choose again.")
    fault = InvalidInput(text, code="unknown_item", fields={"asks": [text]})
    for ask in asks:
        number = ask[1:]
        if ask[:1] not in wanted or not (number.isascii() and number.isdigit() and len(number) < 16):
            raise fault
        wanted[ask[0]].append(int(number))
    for model, numbers in ((TestItem, wanted["i"]), (Package, wanted["p"])):
        known = select(model.id).where(model.id.in_(numbers), model.active.is_(True))
        if numbers and set(session.scalars(known)) != set(numbers):
            raise fault
    return tuple(wanted["i"]), tuple(wanted["p"])


def _customer(session: Session, entry: OrderEntry) -> int | None:
    """The customer picked, or the only one of this name or code; None where a new one is described."""
    if entry.customer_id is not None:
        return entry.customer_id
    if entry.new_customer is not None:
        return None
    words = entry.customer.strip()
    if not words:
        text = _("Pick a customer or describe a new one.")
        raise InvalidInput(text, code="customer_missing", fields={"customer": [text]})
    by_code = session.scalar(select(Customer.id).where(Customer.code == words, Customer.active))
    if by_code is not None:
        return by_code
    found = [row.id for row in same_named(session, words) if row.active]
    if len(found) == 1:
        return found[0]
    text = (
        _("Several customers have this name: pick one.")
        if found
        else _("No customer has exactly this name: pick one from the list, or describe a new one.")
    )
    raise InvalidInput(text, code="unknown_customer", fields={"customer": [text]})
