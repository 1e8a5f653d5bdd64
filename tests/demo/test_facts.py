"""The demo's facts pass every check a person's entries pass, and hold what the demo day needs."""

from datetime import date
from decimal import Decimal

import pytest
from sqlalchemy import func, select

from lims.accreditation.gate import check
from lims.catalogue.budgets import formula_of, try_budget
from lims.catalogue.business import due_on
from lims.catalogue.choose import method_for
from lims.catalogue.formulas import try_version
from lims.catalogue.limits import as_metrology, limit_for
from lims.catalogue.method_text import text_of
from lims.catalogue.models import BusinessType, Category, TestItem, UncertaintyBudget
from lims.core.permissions import SYSTEM
from lims.demo.accreditation import seed_accreditation
from lims.demo.catalogue import seed_catalogue, seed_sections
from lims.demo.equipment import seed_equipment
from lims.equipment.calibration import fitness, usable_of_class
from lims.equipment.models import Equipment
from lims.metrology import limits as metrology
from lims.people.models import Account
from tests.support.backends import ON_SQLITE

TODAY = date(2026, 11, 23)


@pytest.fixture
def seeded(uow, session):
    seed_catalogue(uow, actor=SYSTEM)
    sections = seed_sections(uow, actor=SYSTEM)
    seed_equipment(uow, actor=SYSTEM, today=TODAY, sections=sections)
    with uow:
        chemist = uow.add(Account(username="chemist", name_zh="陈化", name_en="Chen Hua", created_at=uow.now))
        uow.audit("account.add", SYSTEM, chemist)
        uow.commit()
    seed_accreditation(
        uow,
        actor=SYSTEM,
        authorised={chemist.id: ["food_chemistry", "food_microbiology", "electrical"]},
        signing={chemist.id: ["food_chemistry"]},
        without={chemist.id: ["melamine"]},
    )
    return session


def item(session, code):
    return session.scalars(select(TestItem).where(TestItem.code == code)).one()


def category(session, code):
    return session.scalars(select(Category.id).where(Category.code == code)).one()


def trial(session, code, **typed):
    version = method_for(session, item(session, code).id, TODAY).version
    codes = set(session.scalars(select(TestItem.code)))
    typed = {name.replace("at_", "@"): value for name, value in typed.items()}
    return try_version(text_of(version), own_code=code, item_codes=codes, typed=typed)


def limit(session, code, class_code, produced_on):
    chosen = limit_for(session, item(session, code).id, category(session, class_code), produced_on, TODAY)
    return None if chosen.limit is None else as_metrology(chosen.limit)


@ON_SQLITE
def test_the_day_of_the_demo_can_be_computed(seeded):
    moisture = trial(seeded, "moisture", m0="28.4517", m1="33.4629", m2="32.4607")
    assert str(moisture.evaluation.value).startswith("19.99920")
    assert str(moisture.reported) == "20.0"
    dry = trial(seeded, "aluminium", as_is="80.4", at_moisture=str(moisture.evaluation.value))
    assert str(dry.evaluation.value).startswith("100.49899")
    resistance = trial(seeded, "conductor_resistance", R="7.512", t="24.6")
    assert str(resistance.evaluation.value).startswith("7.37863")

    pastry, made = "F24.1.1", date(2026, 11, 1)
    assert limit(seeded, "aluminium", pastry, made) == metrology.Maximum(Decimal(100), "mg/kg")
    assert limit(seeded, "plate_count", pastry, made) == metrology.Plan(
        5, 2, Decimal("1E4"), Decimal("1E5"), "CFU/g"
    )
    assert isinstance(limit(seeded, "sulfur_dioxide", "F01.3.1", made), metrology.NotPermitted)
    assert limit(seeded, "melamine", "F05.2.1", made) == metrology.Maximum(Decimal("2.5"), "mg/kg")
    assert limit(seeded, "melamine", "F30.1.1", made) == metrology.Maximum(Decimal(1), "mg/kg")
    assert limit(seeded, "conductor_resistance", "cable.1", made).bound == Decimal("7.41")
    # The same cake made before GB 2760-2024 came into force was allowed dehydroacetic acid.
    before = limit(seeded, "dehydroacetic_acid", pastry, date(2025, 2, 7))
    assert before == metrology.Maximum(Decimal("0.5"), "g/kg")
    after = limit(seeded, "dehydroacetic_acid", pastry, date(2025, 2, 8))
    assert isinstance(after, metrology.NotPermitted)


@ON_SQLITE
def test_the_demo_shows_what_must_be_refused(seeded):
    late = seeded.scalars(select(Equipment).where(Equipment.code == "TP-002")).one()
    refusal = fitness(seeded, late, TODAY)
    assert (refusal.ok, refusal.code) == (False, "calibration_overdue")
    assert "超期 1 天" in refusal.sentence.zh
    assert "TP-002" not in [one.code for one in usable_of_class(seeded, "balance", TODAY)]

    old = method_for(seeded, item(seeded, "inorganic_arsenic").id, TODAY)
    assert (old.version, old.reason.code) == (None, "method_withdrawn")
    assert "GB 5009.11-2024" in old.reason.zh

    def missing(code):
        version = method_for(seeded, item(seeded, code).id, TODAY).version
        return check(seeded, method_version=version, category_id=None, on=TODAY).codes

    assert missing("moisture") == ()
    assert missing("bromate") == ("outside_scope", "outside_scope")
    assert missing("melamine") == ("nobody_authorised",)


def test_every_food_class_is_there_and_the_clock_counts_the_national_day(seeded):
    food = category(seeded, "food")
    assert seeded.scalar(select(func.count()).where(Category.parent_id == food)) == 34
    types = {row.code: row for row in seeded.scalars(select(BusinessType))}
    # 2026-09-30 + 10 working days: seven days off, and Saturday 10 October is worked.
    assert due_on(seeded, types["commissioned"], date(2026, 9, 30)) == date(2026, 10, 20)


@ON_SQLITE
def test_every_budget_gives_an_uncertainty_of_a_believable_size(seeded):
    """At figures that need not be the item's own: what is in percent scales, what is not stays small."""
    rows = seeded.scalars(select(UncertaintyBudget)).unique().all()
    assert len(rows) > 20
    for row in rows:
        _version, formula = formula_of(seeded, row.method_id)
        code = row.method.test_item.code
        figures = {name: str(20 + 5 * n) for n, name in enumerate(reversed(formula.inputs))}
        figures |= {f"@{key}": "20" for key in formula.items}
        tried = try_budget(seeded, row.id, figures)
        assert Decimal("0.0005") < tried.found.U / abs(tried.value) < Decimal("0.5"), code
        assert sum(line.share for line in tried.found.budget.lines) == pytest.approx(1, abs=0.002), code
