"""Customers, orders, sampling forms, samples and who holds them."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    CheckConstraint,
    Computed,
    ForeignKey,
    Index,
    Integer,
    Numeric,
    String,
    Text,
    UniqueConstraint,
    select,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from lims.catalogue.models import BusinessType, Method, TestItem
from lims.core.database import Base, BigId, Identified, Versioned, enum_column
from lims.core.search import normalised
from lims.intake.states import CustodyKind, FindingLevel, OrderState, SampleState, TestState


def _partly(name: str, *columns: str) -> Index:
    """An index of the rows whose first column is filled: the few that somebody holds or a shelf keeps."""
    filled = text(f"{columns[0]} IS NOT NULL")
    return Index(name, *columns, sqlite_where=filled, postgresql_where=filled)


def name_key(name: str) -> str:
    return normalised(name).replace(" ", "")


class Customer(Identified, Versioned, Base):
    """委托单位: who orders."""

    __tablename__ = "customer"
    code: Mapped[str] = mapped_column(String(40), unique=True)
    name: Mapped[str] = mapped_column(String(160), index=True)
    # The name as it is compared: width, case and blanks folded, so that duplicates are found by index.
    name_key: Mapped[str] = mapped_column(
        String(400), default=lambda context: name_key(context.get_current_parameters()["name"]), index=True
    )
    name_en: Mapped[str] = mapped_column(String(200), default="")
    address: Mapped[str] = mapped_column(String(300), default="")
    credit_code: Mapped[str | None] = mapped_column(String(40), unique=True)
    active: Mapped[bool] = mapped_column(default=True)
    contacts: Mapped[list["Contact"]] = relationship(lazy="selectin", order_by="Contact.id")


class Contact(Identified, Versioned, Base):
    __tablename__ = "contact"
    customer_id: Mapped[int] = mapped_column(ForeignKey("customer.id"), index=True)
    name: Mapped[str] = mapped_column(String(100))
    phone: Mapped[str] = mapped_column(String(40), default="")
    email: Mapped[str] = mapped_column(String(200), default="")


class CustomerAccount(Base):
    """This account sees this customer's orders, and no other's."""

    __tablename__ = "customer_account"
    account_id: Mapped[int] = mapped_column(BigId, ForeignKey("account.id"), primary_key=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customer.id"), index=True)


class Order(Identified, Versioned, Base):
    """委托单: one request, reviewed as a contract."""

    __tablename__ = "customer_order"
    number: Mapped[str] = mapped_column(String(60), unique=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customer.id"))
    contact_id: Mapped[int | None] = mapped_column(ForeignKey("contact.id"))
    business_type_id: Mapped[int] = mapped_column(ForeignKey("business_type.id"))
    state: Mapped[OrderState] = mapped_column(enum_column(OrderState), default=OrderState.REGISTERED)
    purpose: Mapped[str] = mapped_column(String(300), default="")
    report_language: Mapped[str] = mapped_column(String(10), default="zh")
    # What the customer wants judged against; None: no judgement asked for.
    judge: Mapped[bool] = mapped_column(default=True)
    # Agreed at contract review (ISO/IEC 17025 7.1.3): a name of metrology.decision_rules.AGREED_RULES.
    decision_rule: Mapped[str] = mapped_column(String(40), default="simple-acceptance")
    report_uncertainty: Mapped[bool] = mapped_column(default=False)
    return_samples: Mapped[bool] = mapped_column(default=False)
    registered_on: Mapped[date] = mapped_column(index=True)
    due_on: Mapped[date] = mapped_column(index=True)
    price: Mapped[Decimal] = mapped_column(Numeric(12, 2))
    note: Mapped[str] = mapped_column(Text, default="")
    registered_by: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    registered_at: Mapped[datetime]
    accepted_by: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    accepted_at: Mapped[datetime | None]
    cancelled_why: Mapped[str | None] = mapped_column(Text)
    # SHA-256 of what was ordered: the same order saved twice on one day is noticed.
    fingerprint: Mapped[str | None] = mapped_column(String(64))
    customer: Mapped[Customer] = relationship(lazy="joined")
    business_type: Mapped[BusinessType] = relationship(lazy="joined")
    __table_args__ = (
        CheckConstraint("state NOT IN ('accepted','completed') OR accepted_at IS NOT NULL", name="accepted"),
        CheckConstraint("state <> 'cancelled' OR cancelled_why IS NOT NULL", name="cancelled_why"),
        Index("ix_customer_order_customer_id_id", "customer_id", "id"),
        Index("ix_customer_order_state_id", "state", "id"),
        Index("ix_customer_order_fingerprint", "fingerprint"),
    )


class ReviewFinding(Identified, Base):
    """What the contract review found, and what was decided about it before acceptance."""

    __tablename__ = "review_finding"
    order_id: Mapped[int] = mapped_column(ForeignKey("customer_order.id"), index=True)
    requested_test_id: Mapped[int | None] = mapped_column(ForeignKey("requested_test.id"))
    level: Mapped[FindingLevel] = mapped_column(enum_column(FindingLevel))
    code: Mapped[str] = mapped_column(String(60))
    text_zh: Mapped[str] = mapped_column(Text)
    text_en: Mapped[str] = mapped_column(Text)
    decision: Mapped[str | None] = mapped_column(Text)
    decided_by: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    decided_at: Mapped[datetime | None]


class SamplingForm(Identified, Versioned, Base):
    """抽样单: the paper of one sampling."""

    __tablename__ = "sampling_form"
    order_id: Mapped[int] = mapped_column(ForeignKey("customer_order.id"), index=True)
    number: Mapped[str] = mapped_column(String(60), unique=True)
    sampled_firm: Mapped[str] = mapped_column(String(160))
    sampled_firm_address: Mapped[str] = mapped_column(String(300), default="")
    licence_number: Mapped[str] = mapped_column(String(80), default="")
    place: Mapped[str] = mapped_column(String(160), default="")
    stage: Mapped[str] = mapped_column(String(40), default="")
    sampled_on: Mapped[date]
    sampler_one: Mapped[str] = mapped_column(String(100))
    sampler_two: Mapped[str] = mapped_column(String(100))
    seal_numbers: Mapped[str] = mapped_column(String(200), default="")
    base_quantity: Mapped[str] = mapped_column(String(80), default="")
    note: Mapped[str] = mapped_column(Text, default="")
    __table_args__ = (CheckConstraint("sampler_one <> sampler_two", name="two_samplers"),)


class StoragePlace(Identified, Versioned, Base):
    """A shelf, a refrigerator. ``code`` stands on its label and is scanned."""

    __tablename__ = "storage_place"
    code: Mapped[str] = mapped_column(String(60), unique=True)
    name_zh: Mapped[str] = mapped_column(String(120))
    name_en: Mapped[str] = mapped_column(String(160))
    # How it is kept there, as people say it: "2–8 °C", "dry, dark".
    conditions: Mapped[str] = mapped_column(String(120), default="")
    active: Mapped[bool] = mapped_column(default=True)


def _type_of_order(context: Any) -> int:
    """The business type of the order, for a row written without it."""
    order_id = context.get_current_parameters()["order_id"]
    found = select(Order.business_type_id).where(Order.id == order_id)
    return int(context.connection.execute(found).scalar_one())


class Sample(Identified, Versioned, Base):
    """The thing. ``backup_of_id``: the sealed second half of another sample."""

    __tablename__ = "sample"
    number: Mapped[str] = mapped_column(String(60), unique=True)
    order_id: Mapped[int] = mapped_column(ForeignKey("customer_order.id"), index=True)
    # The order's customer again: lists by customer need no join at a million samples.
    customer_id: Mapped[int] = mapped_column(ForeignKey("customer.id"))
    # The order's business type again, for the same reason.
    business_type_id: Mapped[int] = mapped_column(ForeignKey("business_type.id"), default=_type_of_order)
    sampling_form_id: Mapped[int | None] = mapped_column(ForeignKey("sampling_form.id"))
    backup_of_id: Mapped[int | None] = mapped_column(ForeignKey("sample.id"))
    position: Mapped[int] = mapped_column(Integer, default=1)
    name: Mapped[str] = mapped_column(String(160))
    category_id: Mapped[int | None] = mapped_column(ForeignKey("category.id"))
    specification: Mapped[str] = mapped_column(String(120), default="")
    brand: Mapped[str] = mapped_column(String(120), default="")
    batch: Mapped[str] = mapped_column(String(120), default="")
    produced_on: Mapped[date | None]
    expires_on: Mapped[date | None]
    producer: Mapped[str] = mapped_column(String(160), default="")
    producer_address: Mapped[str] = mapped_column(String(300), default="")
    quantity: Mapped[str] = mapped_column(String(80), default="")
    state: Mapped[SampleState] = mapped_column(enum_column(SampleState), default=SampleState.EXPECTED)
    registered_on: Mapped[date]
    due_on: Mapped[date]
    received_at: Mapped[datetime | None]
    received_by: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    seal: Mapped[str | None] = mapped_column(String(40))
    temperature: Mapped[Decimal | None]
    amount: Mapped[str | None] = mapped_column(String(80))
    condition: Mapped[str | None] = mapped_column(Text)
    photo_sha256: Mapped[str | None] = mapped_column(ForeignKey("stored_file.sha256"))
    refused_why: Mapped[str | None] = mapped_column(Text)
    refused_on: Mapped[date | None]
    refusal_letter_number: Mapped[str | None] = mapped_column(String(60), unique=True)
    refusal_letter_sha256: Mapped[str | None] = mapped_column(ForeignKey("stored_file.sha256"))
    holder_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    place_id: Mapped[int | None] = mapped_column(ForeignKey("storage_place.id"))
    retain_until: Mapped[date | None]
    # Order of the list: open work first, then what lies here, then what has left; within each by due date.
    phase: Mapped[int] = mapped_column(
        Integer,
        Computed(
            "CASE WHEN state IN ('expected','to_test','in_test') THEN 0"
            " WHEN state IN ('tested','retained','disposal_asked') THEN 1 ELSE 2 END",
            persisted=True,
        ),
    )
    # The day its retention ends, while it is retained: a million samples long gone are not in this index.
    release_on: Mapped[date | None] = mapped_column(
        Computed("CASE WHEN state IN ('tested','retained') THEN retain_until END", persisted=True)
    )
    disposal_why: Mapped[str | None] = mapped_column(Text)
    disposal_asked_by: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    disposal_approved_by: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    order: Mapped[Order] = relationship(lazy="select")
    tests: Mapped[list["RequestedTest"]] = relationship(lazy="select", order_by="RequestedTest.position")
    __table_args__ = (
        CheckConstraint(
            "state IN ('expected','cancelled') OR received_at IS NOT NULL", name="received_before_work"
        ),
        CheckConstraint("state <> 'refused' OR refused_why IS NOT NULL", name="refused_why"),
        CheckConstraint(
            "state <> 'disposed' OR (disposal_approved_by IS NOT NULL AND disposal_approved_by <> disposal_asked_by)",
            name="disposal_two_persons",
        ),
        # Every filter of the sample list finds its rows in the order in which the list shows them.
        Index("ix_sample_phase", "phase", "due_on", "id"),
        Index("ix_sample_state", "state", "due_on", "id"),
        Index("ix_sample_category", "category_id", "due_on", "id"),
        Index("ix_sample_type", "business_type_id", "due_on", "id"),
        Index("ix_sample_customer_id", "customer_id", "id"),
        Index("ix_sample_registered", "registered_on", "id"),
        _partly("ix_sample_holder", "holder_id", "due_on", "id"),
        _partly("ix_sample_place", "place_id", "due_on", "id"),
        _partly("ix_sample_release", "release_on", "id"),
        # A sample's page asks for its sealed backups.
        _partly("ix_sample_backup", "backup_of_id"),
    )


class RequestedTest(Identified, Versioned, Base):
    """检验项目: one test item asked for on one sample, by a method version chosen at registration."""

    __tablename__ = "requested_test"
    sample_id: Mapped[int] = mapped_column(ForeignKey("sample.id"), index=True)
    position: Mapped[int] = mapped_column(Integer, default=1)
    test_item_id: Mapped[int] = mapped_column(ForeignKey("test_item.id"))
    method_id: Mapped[int] = mapped_column(ForeignKey("method.id"))
    method_version_id: Mapped[int] = mapped_column(ForeignKey("method_version.id"))
    state: Mapped[TestState] = mapped_column(enum_column(TestState), default=TestState.TO_DO)
    price: Mapped[Decimal] = mapped_column(Numeric(12, 2))
    due_on: Mapped[date]
    section_id: Mapped[int] = mapped_column(ForeignKey("section.id"))
    assignee_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    cancelled_why: Mapped[str | None] = mapped_column(Text)
    sample: Mapped[Sample] = relationship(lazy="select", back_populates="tests")
    test_item: Mapped[TestItem] = relationship(lazy="joined")
    method: Mapped[Method] = relationship(lazy="joined")
    __table_args__ = (
        UniqueConstraint("sample_id", "test_item_id"),
        CheckConstraint("state <> 'cancelled' OR cancelled_why IS NOT NULL", name="cancelled_why"),
        CheckConstraint(
            "state NOT IN ('assigned','in_progress','submitted','verified','returned') OR assignee_id IS NOT NULL",
            name="assigned",
        ),
        Index("ix_requested_test_pool", "section_id", "state", "due_on", "id"),
        Index("ix_requested_test_queue", "assignee_id", "state", "due_on", "id"),
        Index("ix_requested_test_state", "state", "due_on", "id"),
    )


class CustodyEvent(Identified, Base):
    """流转: who holds it, where, since when. Appended only."""

    __tablename__ = "custody_event"
    sample_id: Mapped[int] = mapped_column(ForeignKey("sample.id"), index=True)
    at: Mapped[datetime]
    kind: Mapped[CustodyKind] = mapped_column(enum_column(CustodyKind))
    actor_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    from_holder_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    to_holder_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    place_id: Mapped[int | None] = mapped_column(ForeignKey("storage_place.id"))
    from_place_id: Mapped[int | None] = mapped_column(ForeignKey("storage_place.id"))
    # The step that this one takes back.
    undoes_id: Mapped[int | None] = mapped_column(ForeignKey("custody_event.id"), unique=True)
    note: Mapped[str] = mapped_column(Text, default="")
    __table_args__ = (Index("ix_custody_event_actor", "actor_id", "id"),)


class LabelPrint(Identified, Base):
    """A label print; the second of a sample is a reprint and is counted."""

    __tablename__ = "label_print"
    sample_id: Mapped[int] = mapped_column(ForeignKey("sample.id"), index=True)
    at: Mapped[datetime]
    actor_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    form: Mapped[str] = mapped_column(String(20))


class LabelPrinter(Identified, Versioned, Base):
    """A printer that takes ZPL on a TCP port (9100); labels are sent by a job."""

    __tablename__ = "label_printer"
    name: Mapped[str] = mapped_column(String(80), unique=True)
    host: Mapped[str] = mapped_column(String(200))
    port: Mapped[int] = mapped_column(Integer, default=9100)
    width_mm: Mapped[int] = mapped_column(Integer, default=50)
    height_mm: Mapped[int] = mapped_column(Integer, default=30)
    dots_per_mm: Mapped[int] = mapped_column(Integer, default=8)
    active: Mapped[bool] = mapped_column(default=True)
