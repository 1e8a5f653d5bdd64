"""The demonstration's past: made through the use cases, so that it passes every check that real work passes."""

from collections import Counter

import pytest
from sqlalchemy import select

from lims.bench.models import ResultVersion
from lims.bench.states import Verdict
from lims.certificates.models import Certificate
from lims.certificates.states import CertificateState
from lims.core.errors import Conflict
from lims.core.files import FileStore
from lims.core.verify import run_checks
from lims.demo.seed import seed_demo
from lims.intake.models import Order, RequestedTest, Sample
from lims.intake.states import OrderState, SampleState, TestState

pytestmark = pytest.mark.campaign  # the browser's walk seeds one as well


@pytest.fixture
def seeded(database, session):
    settings = database.app.extensions["lims_settings"]
    seed_demo(database.new_session, settings, now=database.clock(), orders=3)
    session.rollback()
    return session


def test_every_desk_has_something_to_do(seeded):
    tests = Counter(seeded.scalars(select(RequestedTest.state)))
    for state in (TestState.TO_DO, TestState.ASSIGNED, TestState.SUBMITTED, TestState.VERIFIED):
        assert tests[state], state
    reports = Counter(seeded.scalars(select(Certificate.state)))
    assert reports[CertificateState.ISSUED]
    assert reports[CertificateState.DRAFT]
    assert reports[CertificateState.REVIEWED]
    orders = Counter(seeded.scalars(select(Order.state)))
    assert orders[OrderState.REGISTERED]
    assert orders[OrderState.COMPLETED]
    samples = Counter(seeded.scalars(select(Sample.state)))
    assert samples[SampleState.EXPECTED]
    assert samples[SampleState.RETAINED]


def test_the_demo_day_fails_and_passes_as_computed_by_hand(seeded):
    """Aluminium on dry basis: 100.49899… fails by full value, 99.76094… passes near the limit."""
    found = {
        version.reported: version.verdict
        for version in seeded.scalars(select(ResultVersion))
        if version.reported in {"100.5", "99.8"} and version.unit == "mg/kg"
    }
    assert found == {"100.5": Verdict.FAIL, "99.8": Verdict.PASS}


def test_it_verifies(seeded, database):
    store = FileStore(database.app.extensions["lims_settings"].files)
    assert {name: outcome.broken for name, outcome in run_checks(seeded, store) if outcome.broken} == {}


def test_a_second_seeding_is_refused(seeded, database):
    with pytest.raises(Conflict):
        seed_demo(
            database.new_session, database.app.extensions["lims_settings"], now=database.clock(), orders=0
        )
