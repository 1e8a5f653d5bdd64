"""Reports for tests: a laboratory that may report, verified orders, and short words for the road."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from lims.accreditation.models import Scheme, ScopeRow, SigningGrant
from lims.bench.capture.claims import claim_capture
from lims.bench.inputs import Cell, enter_cells
from lims.bench.models import Result
from lims.bench.review import submit_results, verify_results
from lims.bench.worksheets import open_worksheet, set_conditions
from lims.catalogue.models import MethodVersion
from lims.certificates.issuing import issue
from lims.certificates.models import Certificate, LaboratoryDetails
from lims.certificates.road import approve_certificate, draft_certificate, review_certificate
from lims.core.clock import local_date
from lims.core.files import FileStore
from lims.core.permissions import SYSTEM, Actor, Role
from lims.core.uow import UnitOfWork
from lims.intake.models import Order, RequestedTest, Sample
from lims.people.models import Account
from tests.support.accounts import actor_of, make_account
from tests.support.captures import make_capture
from tests.support.laboratory import D, Laboratory, make_laboratory
from tests.support.orders import make_tests

BASE_URL = "https://lab.example"
DETAILS = {
    "name_zh": "云岭市产品质量与计量检测院",
    "name_en": "Yunling Institute of Product Quality and Metrology",
    "address_zh": "云岭市高新区检测路 18 号",
    "address_en": "18 Jiance Road, Hi-tech Zone, Yunling",
    "registration_no": "12530000MB0000001X",
    "postcode": "650000",
    "phone": "0871-6000 0000",
    "email": "service@lab.example",
    "website": "lab.example",
    "cma_number": "220019120001",
    "cnas_number": "L0001",
}
# The demo day: three weighings, aluminium as is, five plate counts.
WEIGHINGS = ("28.4517", "33.4629", "32.4607")
TYPED: Mapping[str, Mapping[str, Sequence[str]]] = {
    "aluminium": {"as_is": ["79.8"]},
    "plate_count": {"count": ["9.0e3", "1.2e4", "8.5e3", "3.1e4", "7.0e3"]},
    "sulfur_dioxide": {"found": ["6"]},
    "melamine": {"found": ["1.1"]},
}
PASTRY = ("moisture", "aluminium", "plate_count")


@dataclass
class House:
    """A laboratory that reports: its people, and the road in short words."""

    uow: UnitOfWork
    laboratory: Laboratory
    signatory_account: Account

    @property
    def session(self) -> Session:
        self.uow.session.rollback()
        return self.uow.session

    @property
    def clerk(self) -> Actor:
        return self.laboratory.actors["reception"]

    @property
    def reviewer(self) -> Actor:
        return self.laboratory.actors["reviewer"]

    @property
    def signatory(self) -> Actor:
        return actor_of(self.signatory_account)

    # -- the bench -----------------------------------------------------------------

    def order(
        self,
        *codes: str,
        samples: int = 1,
        typed: Mapping[str, Mapping[str, Sequence[str]]] | None = None,
        verified: bool = True,
        **order: object,
    ) -> int:
        """An order whose results are verified; its number in the database."""
        tests = make_tests(
            self.uow, self.laboratory, *(codes or PASTRY), samples=samples, assignee="analyst", **order
        )
        values = {**TYPED, **(typed or {})}
        for sample in tests:
            self.measure(sample, values)
        every = [t for sample in tests for t in sample.values()]
        submit_results(self.uow, actor=self.laboratory.actors["analyst"], test_ids=every)
        if verified:
            self.verify(*every)
        sample_id = self.session.get_one(RequestedTest, every[0]).sample_id
        return self.session.get_one(Sample, sample_id).order_id

    def measure(self, tests: Mapping[str, int], values: Mapping[str, Mapping[str, Sequence[str]]]) -> None:
        analyst = self.laboratory.actors["analyst"]
        for code, test in tests.items():
            sheet = open_worksheet(self.uow, actor=analyst, test_ids=[test]).id
            set_conditions(
                self.uow, actor=analyst, worksheet_id=sheet, temperature=D("22.4"), humidity=D("48")
            )
            if code == "moisture":
                for name, text in zip(("m0", "m1", "m2"), WEIGHINGS, strict=True):
                    row = make_capture(self.uow, self.laboratory, text)
                    claim_capture(
                        self.uow,
                        actor=analyst,
                        worksheet_id=sheet,
                        capture_id=row.id,
                        cell=Cell(test, name, 1, "", None),
                    )
                continue
            cells = [
                Cell(test, name, place, text, None)
                for name, texts in values[code].items()
                for place, text in enumerate(texts, 1)
            ]
            enter_cells(self.uow, actor=analyst, worksheet_id=sheet, cells=cells)

    def verify(self, *tests: int) -> None:
        results = self.session.scalars(
            select(Result).where(Result.requested_test_id.in_(tests), Result.current.is_(True))
        )
        seen = {r.requested_test_id: r.current_version for r in results}
        verify_results(self.uow, actor=self.laboratory.actors["head"], seen=seen)

    # -- the road --------------------------------------------------------------------

    def draft(self, order: int, **more: object) -> Certificate:
        return draft_certificate(self.uow, actor=self.clerk, order_id=order, **more)

    def reviewed(self, order: int, **more: object) -> Certificate:
        made = self.draft(order, **more)
        return review_certificate(self.uow, actor=self.reviewer, certificate_id=made.id, version=made.version)

    def approve(self, certificate: Certificate, actor: Actor | None = None) -> Certificate:
        return approve_certificate(
            self.uow,
            actor=actor or self.signatory,
            certificate_id=certificate.id,
            version=certificate.version,
            proof="password+totp",
            reason="agreed",
            base_url=BASE_URL,
        )

    def issued(self, order: int, files: Path, **more: object) -> Certificate:
        """``files``: the folder of the store (``settings.files``)."""
        signed = self.approve(self.reviewed(order, **more))
        issue(self.uow, FileStore(files), signed.id)
        return self.session.get_one(Certificate, signed.id, populate_existing=True)

    def order_row(self, order: int) -> Order:
        return self.session.get_one(Order, order, populate_existing=True)


def make_house(
    uow: UnitOfWork, *, outside: Sequence[str] = (), fields: Sequence[str] = ("food_chemistry",)
) -> House:
    """``outside``: item codes that no scheme covers; ``fields``: what the signatory may sign."""
    laboratory = make_laboratory(uow)
    signatory = make_account(uow, Role.SIGNATORY, name_zh="周颖", name_en="Zhou Ying")
    today = local_date(uow.now)
    first, last = today - timedelta(days=300), today + timedelta(days=300)
    with uow:
        uow.add(LaboratoryDetails(**DETAILS))
        for field in fields:
            uow.add(SigningGrant(account_id=signatory.id, field=field, valid_from=first, valid_to=last))
        for code, version_id in laboratory.versions.items():
            if code in outside:
                continue
            method_id = uow.session.get_one(MethodVersion, version_id).method_id
            for scheme in Scheme:
                uow.add(ScopeRow(scheme=scheme, method_id=method_id, valid_from=first, valid_to=last))
        uow.audit("test.house", SYSTEM, ("house", 1))
        uow.commit()
    return House(uow, laboratory, signatory)
