"""A laboratory with tests on the bench, and short words for what analysts do."""

from collections.abc import Callable, Mapping

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from lims.bench.capture.claims import claim_capture
from lims.bench.inputs import Cell, enter_cells
from lims.bench.models import InputValue, Result, ResultVersion
from lims.bench.review import submit_results, verify_result
from lims.bench.worksheets import open_worksheet, set_conditions
from lims.core.permissions import Actor
from lims.core.uow import UnitOfWork
from lims.intake.models import RequestedTest
from lims.intake.states import TestState
from tests.support.accounts import sign_in
from tests.support.captures import make_capture
from tests.support.laboratory import Laboratory, make_laboratory
from tests.support.orders import make_tests


@pytest.fixture
def laboratory(uow: UnitOfWork) -> Laboratory:
    return make_laboratory(uow)


class Bench:
    """What happens at the bench, in the words of the people there."""

    def __init__(self, uow: UnitOfWork, laboratory: Laboratory) -> None:
        self.uow = uow
        self.laboratory = laboratory

    def sheet(self, *test_ids: int, actor: Actor | None = None) -> int:
        return open_worksheet(self.uow, actor=actor or self.laboratory.analyst, test_ids=test_ids).id

    def weigh(self, sheet: int, test: int, *weighings: str, actor: Actor | None = None) -> None:
        for name, text in zip(("m0", "m1", "m2"), weighings, strict=False):
            self.claim(sheet, test, name, text, actor=actor)

    def claim(
        self,
        sheet: int,
        test: int,
        name: str,
        text: str,
        reason: str | None = None,
        actor: Actor | None = None,
        **capture: object,
    ) -> InputValue:
        row = make_capture(self.uow, self.laboratory, text, **capture)
        return claim_capture(
            self.uow,
            actor=actor or self.laboratory.analyst,
            worksheet_id=sheet,
            capture_id=row.id,
            cell=Cell(test, name, 1, "", reason),
        )

    def enter(
        self,
        sheet: int,
        test: int,
        values: Mapping[str, str | list[str]],
        actor: Actor | None = None,
        reason: str | None = None,
    ) -> list[int]:
        cells = [
            Cell(test, name, place, text, reason)
            for name, texts in values.items()
            for place, text in enumerate([texts] if isinstance(texts, str) else texts, 1)
        ]
        return enter_cells(self.uow, actor=actor or self.laboratory.analyst, worksheet_id=sheet, cells=cells)

    def conditions(self, sheet: int) -> None:
        from decimal import Decimal

        set_conditions(
            self.uow,
            actor=self.laboratory.analyst,
            worksheet_id=sheet,
            temperature=Decimal("22.4"),
            humidity=Decimal("48"),
        )

    def submit(self, *test_ids: int, actor: Actor | None = None) -> None:
        submit_results(self.uow, actor=actor or self.laboratory.analyst, test_ids=test_ids)

    def verify(self, test: int, actor: Actor | None = None) -> Result:
        number = self.result(test).current_version
        return verify_result(
            self.uow, actor=actor or self.laboratory.reviewer, test_id=test, version_number=number
        )

    def result(self, test: int) -> Result:
        return self.session.scalars(
            select(Result).where(Result.requested_test_id == test, Result.current.is_(True))
        ).one()

    def version(self, test: int) -> ResultVersion | None:
        result = self.result(test)
        return self.session.scalars(
            select(ResultVersion).where(
                ResultVersion.result_id == result.id, ResultVersion.number == result.current_version
            )
        ).one_or_none()

    def state(self, test: int) -> TestState:
        return self.session.get_one(RequestedTest, test).state

    @property
    def session(self) -> Session:
        self.uow.session.rollback()
        return self.uow.session

    def tests(self, *codes: str, assignee: str = "analyst", **order: object) -> list[dict[str, int]]:
        return make_tests(self.uow, self.laboratory, *codes, assignee=assignee, **order)

    def entered(self, code: str, values: Mapping[str, str | list[str]], **order: object) -> tuple[int, int]:
        """A worksheet with one test in which ``values`` were typed; (worksheet, test)."""
        test = self.tests(code, **order)[0][code]
        sheet = self.sheet(test)
        self.enter(sheet, test, values)
        return sheet, test

    def submitted(self) -> int:
        """A moisture that waits for verification."""
        test = self.tests("moisture")[0]["moisture"]
        sheet = self.sheet(test)
        self.weigh(sheet, test, "28.4517", "33.4629", "32.4607")
        self.submit(test)
        return test


@pytest.fixture
def bench(uow: UnitOfWork, laboratory: Laboratory) -> Bench:
    return Bench(uow, laboratory)


@pytest.fixture
def browser_of(app: Flask, laboratory: Laboratory) -> Callable[[str], FlaskClient]:
    """A browser in which this person of the laboratory is signed in."""
    return lambda who: sign_in(app.test_client(), laboratory.accounts[who])


@pytest.fixture
def count_queries(database) -> Callable[[], "object"]:
    """``with count_queries() as seen: ...; len(seen)``: statements that went to the database."""
    from contextlib import contextmanager

    from sqlalchemy import event

    @contextmanager
    def counting():
        seen: list[str] = []

        def note(_connection, _cursor, statement, _parameters, _context, _many) -> None:
            seen.append(statement)

        event.listen(database.engine, "before_cursor_execute", note)
        try:
            yield seen
        finally:
            event.remove(database.engine, "before_cursor_execute", note)

    return counting
