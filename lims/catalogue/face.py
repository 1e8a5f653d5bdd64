"""The blueprint that this room's page modules share, and what several of them show."""

from datetime import date

from flask import Blueprint
from flask_babel import gettext as _

from lims.catalogue.categories import category_tree, flattened
from lims.catalogue.equipment_classes import known_classes
from lims.catalogue.items import all_items, fields_in_use
from lims.catalogue.standards import all_standards
from lims.core.clock import local_date
from lims.core.database import db
from lims.core.permissions import Permission
from lims.core.web import clock, current_actor
from lims.people.sections import list_sections
from lims.ui.labels import Text, bilingual

blueprint = Blueprint("catalogue", __name__, template_folder="templates")
FURTHER_IN = "\u2003"  # an em wide blank: browsers fold ordinary ones
Options = list[tuple[object, Text]]


def today() -> date:
    return local_date(clock()())


def may_edit() -> bool:
    return current_actor().can(Permission.CATALOGUE_EDIT)


def section_options() -> Options:
    return [(row.id, bilingual(row)) for row in list_sections(db.session())]


def field_options() -> Options:
    return [(code, code) for code in fields_in_use(db.session())]


def item_options() -> Options:
    return [(row.id, f"{bilingual(row)} ({row.code})") for row in all_items(db.session())]


def standard_options() -> Options:
    return [(row.id, f"{row.code} {bilingual(row, 'title')}") for row in all_standards(db.session())]


def category_options() -> Options:
    """The tree depth first; a class stands further in than the one above it."""
    rows = flattened(category_tree(db.session()))
    return [(row.id, FURTHER_IN * (row.level - 1) + f"{bilingual(row)} ({row.code})") for row in rows]


def class_options() -> Options:
    return [(row.code, bilingual(row)) for row in known_classes(db.session())]


def saved() -> str:
    return str(_("Saved."))
