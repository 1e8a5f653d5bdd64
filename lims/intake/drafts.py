"""An order before it is saved: what was typed or pasted, and what is wrong with it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date

from flask_babel import gettext as _

from lims.core.errors import InvalidInput
from lims.metrology.decision_rules import SIMPLE_ACCEPTANCE

MAX_SAMPLES = 500
MAX_TESTS_OF_SAMPLE = 100
OLDEST = date(1950, 1, 1)
LANGUAGES = ("zh", "en", "both")


@dataclass(frozen=True, slots=True)
class NewCustomer:
    name: str
    name_en: str = ""
    address: str = ""
    credit_code: str | None = None
    code: str | None = None


@dataclass(frozen=True, slots=True)
class NewContact:
    name: str
    phone: str = ""
    email: str = ""


@dataclass(frozen=True, slots=True)
class SampleDraft:
    """``items`` and ``packages``: numbers of what is asked for this sample besides what all get."""

    name: str
    category_id: int | None = None
    specification: str = ""
    brand: str = ""
    batch: str = ""
    produced_on: date | None = None
    expires_on: date | None = None
    producer: str = ""
    producer_address: str = ""
    quantity: str = ""
    items: tuple[int, ...] = ()
    packages: tuple[int, ...] = ()

    @property
    def likeness(self) -> tuple[object, ...]:
        """Two samples alike in all of this cannot be told apart."""
        return (self.name, self.specification, self.brand, self.batch, self.produced_on, self.producer)


@dataclass(frozen=True, slots=True)
class SamplingFormDraft:
    """``number`` empty: the next of our own series."""

    sampled_firm: str
    sampled_on: date
    sampler_one: str
    sampler_two: str
    number: str = ""
    sampled_firm_address: str = ""
    licence_number: str = ""
    place: str = ""
    stage: str = ""
    seal_numbers: str = ""
    base_quantity: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class OrderDraft:
    """``items``, ``packages``: for all samples. ``methods``: (test item, method) where the usual one is not
    wanted. ``backup``: None asks the business type. ``same_name``: a customer of this name exists and the
    clerk means another one. ``again``: the same order was saved today and is meant twice."""

    business_type_id: int
    samples: tuple[SampleDraft, ...]
    customer_id: int | None = None
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
    items: tuple[int, ...] = ()
    packages: tuple[int, ...] = ()
    methods: tuple[tuple[int, int], ...] = ()
    sampling_form: SamplingFormDraft | None = None
    backup: bool | None = None
    again: bool = False


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with one row (from 1). ``code`` is stable; ``sentence`` in the reader's language."""

    row: int
    field: str
    code: str
    sentence: str


# Longest text of each column, as in the tables.
LENGTHS = {
    "name": 160,
    "specification": 120,
    "brand": 120,
    "batch": 120,
    "producer": 160,
    "producer_address": 300,
    "quantity": 80,
}


@dataclass(slots=True)
class SampleCheck:
    """Looks at the samples of one order one after the other. ``today``: the laboratory's legal date."""

    today: date
    seen: dict[tuple[object, ...], int] = field(default_factory=dict)

    def faults(self, row: int, sample: SampleDraft) -> Iterator[Fault]:
        yield from self._texts(row, sample)
        yield from self._dates(row, sample)
        if not sample.name.strip():
            return
        earlier = self.seen.setdefault(sample.likeness, row)
        if earlier != row:
            yield Fault(
                row,
                "name",
                "duplicate_row",
                _("Same as row %(n)s; tell them apart by name or batch.", n=earlier),
            )

    def _texts(self, row: int, sample: SampleDraft) -> Iterator[Fault]:
        if not sample.name.strip():
            yield Fault(row, "name", "name_missing", _("The sample has no name."))
        for name, longest in LENGTHS.items():
            text = getattr(sample, name)
            if len(text) > longest:
                yield Fault(row, name, "too_long", _("Longer than %(n)s characters.", n=longest))
            if any(ord(c) < 32 or 0xD800 <= ord(c) < 0xE000 for c in text):
                yield Fault(row, name, "bad_character", _("Holds a character that cannot be stored."))

    def _dates(self, row: int, sample: SampleDraft) -> Iterator[Fault]:
        made, ends = sample.produced_on, sample.expires_on
        if made is not None and made > self.today:
            yield Fault(
                row,
                "produced_on",
                "produced_in_future",
                _("The production date %(d)s lies in the future.", d=made.isoformat()),
            )
        if made is not None and made < OLDEST:
            yield Fault(row, "produced_on", "date_too_old", _("This date lies too far back."))
        if made is not None and ends is not None and ends < made:
            yield Fault(
                row,
                "expires_on",
                "expires_before_produced",
                _(
                    "Expires on %(e)s, before it was produced on %(p)s.",
                    e=ends.isoformat(),
                    p=made.isoformat(),
                ),
            )


def check_samples(samples: Sequence[SampleDraft], today: date) -> None:
    """Raises InvalidInput with every fault of every sample, by row."""
    if not samples:
        raise InvalidInput(
            _("An order needs at least one sample."),
            code="samples_missing",
            fields={"samples": [_("An order needs at least one sample.")]},
        )
    if len(samples) > MAX_SAMPLES:
        text = _("At most %(n)s samples go into one order.", n=MAX_SAMPLES)
        raise InvalidInput(text, code="too_many_samples", fields={"samples": [text]})
    check = SampleCheck(today)
    refuse_faults([f for n, s in enumerate(samples, 1) for f in check.faults(n, s)])


def refuse_faults(faults: Sequence[Fault]) -> None:
    """Raises InvalidInput (code ``faulty_rows``, or that of the only fault) when there are any."""
    if not faults:
        return
    fields: dict[str, list[str]] = {}
    for fault in faults:
        fields.setdefault(f"samples.{fault.row - 1}.{fault.field}", []).append(fault.sentence)
    code = faults[0].code if len(faults) == 1 else "faulty_rows"
    first = faults[0]
    raise InvalidInput(
        _("Row %(n)s: %(what)s", n=first.row, what=first.sentence)
        if len(faults) == 1
        else _("%(n)s faults in the samples; nothing was saved.", n=len(faults)),
        code=code,
        fields=fields,
    )
