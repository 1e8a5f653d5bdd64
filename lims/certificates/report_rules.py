"""Rules about what every report says (ISO/IEC 17025 7.8.2, 7.8.5)."""

import re
from datetime import date, timedelta

from flask_babel import gettext as _

from lims.accreditation.people import signatories
from lims.catalogue.choose import standard_problem, successors
from lims.certificates.material import Faults, Material, facts_of
from lims.certificates.phrases import FROM_CUSTOMER, NO_PARTIAL_COPY, ONLY_THE_ITEMS
from lims.certificates.reported import Row, hands_in
from lims.core.clock import local_date

LONG_AGO = timedelta(days=60)


def title(m: Material) -> Faults:
    if not m.document.title:
        yield _("The report has no title.")


def laboratory(m: Material) -> Faults:
    house = m.document.laboratory
    if not (house.name.zh and house.address.zh):
        yield _("The laboratory's name or address is missing.")
    if m.document.language != "zh" and not (house.name.en and house.address.en):
        yield _("The laboratory's English name or address is missing.")


def number(m: Material) -> Faults:
    """The template prints the number on every page, page x of y, and the end mark; here it must be one number."""
    if m.document.draft:
        if m.certificate.number is not None:
            yield _("A number was given before the approval.")
    elif not m.certificate.number or m.document.number != m.certificate.number:
        yield _("The number in the document is not the certificate's number.")


def customer(m: Material) -> Faults:
    if not m.document.customer.name:
        yield _("The customer's name is missing.")


def contact(m: Material) -> Faults:
    customer = m.document.customer
    if not (customer.address or customer.contact or customer.phone):
        yield _("The customer has neither address nor contact.")


def methods(m: Material) -> Faults:
    replaced = successors(m.session, {r.method.method.standard for r in m.rows})
    for row in m.rows:
        code = row.method.method.standard.code
        if not re.search(r"[-—:]\d{4}", code):
            yield _("“%(code)s” does not name its year.", code=code)
        problem = standard_problem(row.method.method, _begun_on(row, m), replaced)
        if problem is not None:
            yield problem.text
        elif row.method.released_at is None:
            yield _("The method version of “%(item)s” is not released.", **facts_of(row))


def _begun_on(row: Row, m: Material) -> date:
    """The edition counts that held when the test began: what is under way is finished as it was begun."""
    sheet = m.content.circumstances.sheet_of.get(row.test.id)
    return local_date(sheet.opened_at) if sheet else m.day_of(row)


def samples(m: Material) -> Faults:
    numbers = [block.number for block in m.document.samples]
    if not numbers:
        yield _("The report has no sample.")
    if len(set(numbers)) != len(numbers):
        yield _("Two samples have the same number.")
    for block in m.document.samples:
        if not block.name:
            yield _("%(sample)s has no name.", sample=block.number)


def conditions_of_samples(m: Material) -> Faults:
    for block in m.document.samples:
        if not (block.condition or block.seal_state):
            yield _("The condition of %(sample)s was not noted at receipt.", sample=block.number)


def received(m: Material) -> Faults:
    for block in m.document.samples:
        if not block.received_on:
            yield _("%(sample)s has no date of receipt.", sample=block.number)


def dates(m: Material) -> Faults:
    for row in m.rows:
        yield from _dates_of(row, m)
    if m.last_day < m.first_day:
        yield _("The last day of testing is before the first.")
    issued = m.document.issued_on or m.today.isoformat()
    if issued < m.document.performed_to:
        yield _("The report would be issued before testing ended.")


def _dates_of(row: Row, m: Material) -> Faults:
    sheet = m.content.circumstances.sheet_of.get(row.test.id)
    begun = sheet.opened_at if sheet else row.result.submitted_at
    received, submitted, verified = row.sample.received_at, row.result.submitted_at, row.result.verified_at
    if received is not None and begun is not None and local_date(begun) < local_date(received):
        yield _("%(sample)s was tested before it was received.", **facts_of(row))
    if begun is not None and submitted is not None and submitted < begun:
        yield _("“%(item)s” of %(sample)s was handed over before it was begun.", **facts_of(row))
    if submitted is not None and verified is not None and verified < submitted:
        yield _("“%(item)s” of %(sample)s was verified before it was handed over.", **facts_of(row))


def sampling(m: Material) -> Faults:
    for block in m.document.samples:
        form = block.sampling
        if form is None:
            continue
        if not (form.form_no and form.sampled_on and form.people):
            yield _("The sampling of %(sample)s is not fully described.", sample=block.number)
        if not form.place:
            yield _("The place of sampling of %(sample)s is missing.", sample=block.number)
        if block.received_on and form.sampled_on > block.received_on:
            yield _("%(sample)s was received before it was drawn.", sample=block.number)


def only_the_items(m: Material) -> Faults:
    if ONLY_THE_ITEMS not in m.document.notes:
        yield _("The report does not say that its results relate only to the items tested.")


def no_partial_copy(m: Material) -> Faults:
    if NO_PARTIAL_COPY not in m.document.notes:
        yield _("The report does not say that it may only be copied in full.")


def units(m: Material) -> Faults:
    for row, line in m.printed():
        if line is None or line.unit != row.method.unit:
            yield _("The unit of “%(item)s” of %(sample)s is not the method's.", **facts_of(row))


def signatory(m: Material) -> Faults:
    """Somebody must be able to sign: inside the field, and with no hand in a value."""
    if not m.document.draft:
        return
    people = signatories(m.session, {r.test.test_item.field for r in m.rows}, m.today)
    hands = hands_in(m.session, m.rows) | {m.certificate.drafted_by, m.certificate.reviewed_by}
    if not people:
        yield _("Nobody may sign for every field of this report today.")
    elif all(p.id in hands for p in people):
        yield _("Everybody who may sign for these fields had a hand in the report.")


def signed(m: Material) -> Faults:
    if not m.document.draft and not all(line.name for line in m.document.signatures):
        yield _("A name of who prepared, reviewed or approved is missing.")


def customer_data(m: Material) -> Faults:
    brought = [b for b in m.document.samples if b.sampling is None]
    if brought and FROM_CUSTOMER.zh not in m.document.business_statement.zh:
        yield _("What the customer said of the samples is not marked as such.")


def recent(m: Material) -> Faults:
    if m.document.draft and m.today - m.last_day > LONG_AGO:
        yield _("Testing ended more than %(n)s days ago.", n=LONG_AGO.days)
