"""A test whose value is a sum of ratios: results of other tests of the sample, each by its own maximum."""

from decimal import Decimal
from fractions import Fraction
from typing import Any

import orjson
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from lims.bench.calculation import Computed, Incomplete, item_input
from lims.bench.models import ResultVersion
from lims.bench.sample_bench import SampleBench
from lims.bench.wording import named
from lims.catalogue.limits import as_metrology
from lims.catalogue.models import Limit, LimitKind, MethodVersion
from lims.intake.models import RequestedTest
from lims.metrology.errors import MetrologyError
from lims.metrology.exact import to_decimal
from lims.metrology.limits import Limit as MetrologyLimit
from lims.metrology.limits import Maximum
from lims.metrology.ratio_sums import Member, NotDetectedAs, RatioSum, sum_of_ratios
from lims.metrology.stored_values import restore_value
from lims.metrology.values import DetectionLimits, Number

Json = dict[str, Any]
SHOWN_DIGITS = 12


def ratios_here(bench: SampleBench, test: RequestedTest) -> tuple[Computed, RatioSum] | Incomplete:
    """The sum over the members of the limit in force, or which of them is missing."""
    limit = bench.limit(test).limit
    if limit is None or limit.kind is not LimitKind.RATIO_SUM or limit.not_detected is None:
        return Incomplete("ratio_no_limit", _("No sum of ratios is laid down for this product."))
    members: list[Member] = []
    for one in limit.members:
        other = bench.by_code.get(one.item.code)
        if other is None:
            sentence = _("“%(name)s” is not ordered for this sample.", name=named(one.item))
            return Incomplete("ratio_not_ordered", sentence)
        row = bench.version_of(one.item.code)
        member = None
        if row is not None:
            member = _member(named(one.item), row, bench.limit(other).limit, bench.version(other))
        if member is None:
            return Incomplete("formula_input_missing", _("“%(name)s” is missing.", name=named(one.item)))
        members.append(member)
    return _summed(members, limit.not_detected, bench.version(test).unit)


def _summed(
    members: list[Member], policy: NotDetectedAs, unit: str
) -> tuple[Computed, RatioSum] | Incomplete:
    try:
        found = sum_of_ratios(members, policy)
        return Computed(Number(to_decimal(found.total), unit), found.total, None), found
    except MetrologyError as fault:
        return Incomplete(fault.code, _(fault.template, **fault.facts))


def _member(
    name: str, row: ResultVersion, limit: Limit | MetrologyLimit | None, version: MethodVersion
) -> Member | None:
    """None while the other test has no value."""
    exact = item_input(row)
    if exact is None:
        return None
    bound = as_metrology(limit) if isinstance(limit, Limit) else limit
    value = restore_value(orjson.loads(row.value))
    figure = exact if isinstance(exact, Decimal | Fraction) else None
    return Member(name, value, bound, figure, DetectionLimits(version.lod, version.loq))


def ratio_notes(found: RatioSum | None, codes: list[str]) -> Json:
    """What is kept of it: enough to compute it again."""
    if found is None:
        return {}
    return {
        "ratios": {
            "not_detected": found.policy,
            "shares": [
                {
                    "item": code,
                    "counted": to_decimal(share.counted, SHOWN_DIGITS),
                    "bound": share.bound,
                    "unit": share.unit,
                    "ratio": to_decimal(share.ratio, SHOWN_DIGITS),
                    "by_policy": share.by_policy,
                }
                for code, share in zip(codes, found.shares, strict=True)
            ],
        }
    }


def ratios_again(session: Session, notes: Json, unit: str) -> Computed | Incomplete:
    """The sum from the very results and maxima that a stored version names."""
    kept = notes["ratios"]
    bounds = {one["item"]: one for one in kept["shares"]}
    members = []
    for note in notes["items"]:
        row = session.get_one(ResultVersion, note["result_version_id"])
        said = bounds[note["item"]]
        version = session.get_one(MethodVersion, row.method_version_id)
        limit = Maximum(Decimal(said["bound"]), said["unit"])
        member = _member(note["item"], row, limit, version)
        if member is None:
            return Incomplete("formula_input_missing", _("“%(name)s” is missing.", name=note["item"]))
        members.append(member)
    found = _summed(members, NotDetectedAs(kept["not_detected"]), unit)
    return found if isinstance(found, Incomplete) else found[0]
