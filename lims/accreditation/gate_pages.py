"""The gate's page: inside, or exactly which link is missing; and what cannot be done today."""

from flask import render_template

from lims.accreditation import inquiry
from lims.accreditation.face import blueprint, category_choices, method_choices, person_choices, today
from lims.accreditation.models import Scheme
from lims.accreditation.schemas import GatePageQuery
from lims.core.database import db
from lims.equipment.register import equipment_classes
from lims.ui.faces import asked
from lims.ui.labels import bilingual


@blueprint.get("/gate")
def gate() -> str:
    """``?method_id=``, ``?category_id=``, ``?on=``, ``?person_id=``; without a method: what cannot be done."""
    wanted = asked(GatePageQuery)
    on = wanted["on"] or today()
    question = {**wanted, "on": on}
    answer = inquiry.inquire(db.session(), **question) if wanted["method_id"] else None
    return render_template(
        "accreditation/gate.html",
        wanted=question,
        answer=answer,
        unavailable=None if answer else inquiry.unavailable(db.session(), on),
        schemes=list(Scheme),
        methods=method_choices(),
        categories=category_choices(),
        people=person_choices(),
        class_names={row.code: bilingual(row) for row in equipment_classes(db.session())} if answer else {},
    )
