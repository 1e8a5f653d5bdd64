"""The blueprint that this room's page modules share, and what several of them offer to choose from."""

from datetime import date

from flask import Blueprint

from lims.accreditation.matrix import MethodLine, Person, all_methods, staff
from lims.catalogue.categories import category_tree, flattened
from lims.core.clock import local_date
from lims.core.database import db
from lims.core.web import clock
from lims.ui.labels import Text, bilingual

blueprint = Blueprint("accreditation", __name__, template_folder="templates")
FURTHER_IN = "\u2003"  # an em wide blank: browsers fold ordinary ones
Choices = list[tuple[int, Text]]


def today() -> date:
    return local_date(clock()())


def method_words(line: MethodLine) -> str:
    return " ".join(part for part in (bilingual(line), line.standard, line.clause) if part)


def method_choices() -> Choices:
    return [(line.method_id, method_words(line)) for line in all_methods(db.session())]


def person_words(person: Person) -> str:
    return bilingual(person)


def person_choices() -> Choices:
    return [(person.id, person_words(person)) for person in staff(db.session())]


def category_choices() -> Choices:
    """The tree depth first; a class stands further in than the one above it."""
    rows = flattened(category_tree(db.session()))
    return [(row.id, FURTHER_IN * (row.level - 1) + bilingual(row)) for row in rows]
