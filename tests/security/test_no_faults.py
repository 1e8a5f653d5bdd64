"""Whatever is sent to the JSON face, the answer is one that its OpenAPI document promises, and never a fault."""

import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import Case, GenerationMode, openapi
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from lims.core.permissions import SYSTEM, Role
from lims.core.uow import UnitOfWork
from lims.intake.models import CustomerAccount
from tests.support.accounts import make_account, sign_in
from tests.support.backends import Backend
from tests.support.reports import make_house

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
# In a laboratory just made, the numbers of rows are small.
SMALL = 6


def lean_to_small_numbers(node: Any) -> Any:
    """The document with every number of a row or version drawn from those that exist as often as from all."""
    if isinstance(node, list):
        return [lean_to_small_numbers(member) for member in node]
    if not isinstance(node, dict):
        return node
    if node.get("type") == "integer" and node.get("minimum") == 1 and node.get("maximum", 0) >= 2**31 - 1:
        bounds = {key: node[key] for key in ("type", "minimum", "maximum")}
        rest = {key: value for key, value in node.items() if key not in bounds}
        return {**rest, "anyOf": [{**bounds, "maximum": SMALL}, bounds]}
    return {key: lean_to_small_numbers(value) for key, value in node.items()}


# Who acts for a customer sees the customer's own only.
STAFF = [role for role in Role if role is not Role.CUSTOMER]


@dataclass
class Everybody:
    """Browsers of somebody with every role of the staff and of a customer; who is signed out is replaced."""

    app: Flask
    uow: UnitOfWork
    customer: int
    browsers: dict[bool, FlaskClient] = field(default_factory=dict)
    answers: Counter[int] = field(default_factory=Counter)

    def enter(self, *, as_customer: bool = False) -> FlaskClient:
        if as_customer not in self.browsers:
            roles = [Role.CUSTOMER] if as_customer else STAFF
            account = make_account(self.uow, *roles)
            if as_customer:
                with self.uow:
                    self.uow.add(CustomerAccount(account_id=account.id, customer_id=self.customer))
                    self.uow.audit("test.customer", SYSTEM, account)
                    self.uow.commit()
            self.browsers[as_customer] = sign_in(self.app.test_client(), account)
        return self.browsers[as_customer]

    def send(self, case: Case) -> Any:
        as_customer = case.path.startswith("/api/my/")
        answer = case.call(session=self.enter(as_customer=as_customer))
        self.answers[answer.status_code] += 1
        if answer.status_code == 401:
            del self.browsers[as_customer]
        return answer


def strategies(operation: Any) -> Iterator[Any]:
    yield operation.as_strategy(generation_mode=GenerationMode.POSITIVE)
    if operation.body or operation.path_parameters or operation.query:
        yield operation.as_strategy(generation_mode=GenerationMode.NEGATIVE)


def faults_of(operation: Any, send: Callable[[Case], Any], examples: int) -> list[str]:
    """What an operation answers that it should not, a sentence each (the same sentence once)."""
    found: dict[str, None] = {}

    def attempt(case: Case) -> None:
        answer = send(case)
        if answer.status_code in {404, 405} and case.meta and case.meta.generation.mode.is_negative:
            return  # a wrong word in the address may lead to no route, or to another one
        try:
            case.validate_response(answer, checks=CHECKS)
        except FailureGroup as group:
            for failure in group.exceptions:
                text = f"{operation.label}: {answer.status_code} {failure.title}: {failure.message[:300]}"
                found[f"{text}\n    {case.as_curl_command()[:900]}"] = None

    for strategy in strategies(operation):
        run = settings(
            max_examples=examples,
            derandomize=True,
            database=None,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )(given(strategy)(attempt))
        try:
            run()
        except Unsatisfiable:
            continue  # nothing about this operation can be wrong
    return list(found)


def walk(
    app: Flask, uow: UnitOfWork, database: Backend, examples: int
) -> tuple[int, Counter[int], list[str]]:
    house = make_house(uow)
    house.issued(house.order("moisture"), database.data / "files")
    house.draft(house.order("moisture"))
    house.order(verified=False)
    everybody = Everybody(app, uow, house.laboratory.customer)
    document: Mapping[str, Any] = everybody.enter().get("/api/openapi.json").json
    schema = openapi.from_dict(lean_to_small_numbers(document))
    schema.app = app
    faults: list[str] = []
    number = 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the generator's own libraries
        for found in schema.get_all_operations():
            operation = found.ok()
            number += 1
            faults += faults_of(operation, everybody.send, examples)
    return number, everybody.answers, faults


def test_every_operation_answers_as_documented(app, uow, database):
    number, answers, faults = walk(app, uow, database, examples=2)
    # Without these the walk would prove nothing.
    assert number > 200
    assert min(answers[200], answers[422], answers[404]) > number / 4, answers
    assert faults == [], "\n".join(faults)


@pytest.mark.campaign
def test_every_operation_answers_as_documented_to_many_inputs(app, uow, database):
    _number, _answers, faults = walk(app, uow, database, examples=60)
    assert faults == [], "\n".join(faults)
