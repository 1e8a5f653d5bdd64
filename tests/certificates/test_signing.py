"""Signing asks again who signs, for one report and for many; wrong passwords count."""

from datetime import timedelta

import pytest
from sqlalchemy import func, select

from lims.certificates.models import Certificate, Signature
from lims.certificates.signing import MOST_AT_ONCE, Chosen, sign_certificate, sign_certificates
from lims.certificates.states import CertificateState
from lims.core.errors import InvalidInput, LimsError, PermissionDenied, TooManyRequests, TransitionRefused
from tests.support.accounts import PASSWORD, code_now
from tests.support.reports import BASE_URL, House


def sign(house: House, report: Certificate, **changes: object) -> Certificate:
    wanted = {
        "actor": house.signatory,
        "certificate_id": report.id,
        "version": report.version,
        "password": PASSWORD,
        "code": code_now(house.uow),
        "reason": "agreed",
        "base_url": BASE_URL,
    }
    return sign_certificate(house.uow, **{**wanted, **changes})


def sign_all(house: House, reports: list[Chosen], **changes: object):
    wanted = {
        "actor": house.signatory,
        "chosen": reports,
        "password": PASSWORD,
        "code": code_now(house.uow),
        "reason": "agreed",
        "base_url": BASE_URL,
    }
    return sign_certificates(house.uow, **{**wanted, **changes})


def state(house: House, certificate_id: int) -> CertificateState:
    return house.session.get_one(Certificate, certificate_id, populate_existing=True).state


def test_password_and_code_sign(house):
    report = house.reviewed(house.order("moisture"))
    signed = sign(house, report, reason="agreed_with_remarks")
    row = house.session.scalars(
        select(Signature).where(Signature.certificate_id == signed.id, Signature.meaning == "approve")
    ).one()
    assert (row.method, row.reason, row.name) == ("password+totp", "agreed_with_remarks", "周颖")


@pytest.mark.parametrize(
    "wrong", [{"password": "not my password at all"}, {"code": "000000"}, {"code": ""}, {"password": ""}]
)
def test_a_wrong_password_or_code_signs_nothing(house, wrong):
    report = house.reviewed(house.order("moisture"))
    with pytest.raises(InvalidInput, check=lambda e: e.code == "signature_refused"):
        sign(house, report, **wrong)
    house.session.rollback()
    assert state(house, report.id) is CertificateState.REVIEWED


def test_a_code_signs_once(house, clock):
    first, second = house.reviewed(house.order("moisture")), house.reviewed(house.order("moisture"))
    code = code_now(house.uow)
    sign(house, first, code=code)
    with pytest.raises(InvalidInput):
        sign(house, second, code=code)
    clock.advance(timedelta(seconds=30))
    assert sign(house, second).number


def test_wrong_passwords_count_until_the_account_must_wait(house, clock):
    report = house.reviewed(house.order("moisture"))
    seen: list[type[LimsError]] = []
    for _n in range(12):
        try:
            sign(house, report, password="wrong")
        except LimsError as refused:
            seen.append(type(refused))
        house.session.rollback()
    assert seen[0] is InvalidInput
    assert seen[-1] is TooManyRequests
    with pytest.raises(TooManyRequests):
        sign(house, report)  # also the right one waits
    clock.advance(timedelta(hours=2))
    assert sign(house, report).number


def test_what_is_refused_anyway_uses_up_no_code(house):
    draft = house.draft(house.order("moisture"))
    code = code_now(house.uow)
    with pytest.raises(TransitionRefused):
        sign(house, draft, code=code)
    report = house.reviewed(house.order("moisture"))
    assert sign(house, report, code=code).number


def test_who_may_not_sign_is_not_even_asked(house):
    report = house.reviewed(house.order("moisture"))
    with pytest.raises(PermissionDenied):
        sign(house, report, actor=house.reviewer)


def test_several_are_signed_with_one_proof_and_each_has_its_own_signature(house):
    reports = [house.reviewed(house.order("moisture")) for _n in range(3)]
    chosen = [Chosen(r.id, r.version) for r in reports]
    outcomes = sign_all(house, chosen)
    assert [o.ok for o in outcomes] == [True] * 3
    assert len({o.number for o in outcomes}) == 3
    signed = house.session.execute(
        select(Signature.certificate_id, Signature.record_sha256).where(Signature.meaning == "approve")
    ).all()
    assert {row.certificate_id for row in signed} == {c.certificate_id for c in chosen}
    assert len({row.record_sha256 for row in signed}) == 3


def test_one_that_is_refused_does_not_stop_the_others(house):
    good = house.reviewed(house.order("moisture"))
    draft = house.draft(house.order("moisture"))
    stale = house.reviewed(house.order("moisture"))
    chosen = [
        Chosen(good.id, good.version),
        Chosen(draft.id, draft.version),
        Chosen(stale.id, stale.version + 1),
        Chosen(987654, 1),
    ]
    outcomes = {o.certificate_id: o for o in sign_all(house, chosen)}
    assert outcomes[chosen[0].certificate_id].ok
    assert [outcomes[c.certificate_id].code for c in chosen[1:]] == [
        "transition_refused",
        "stale_version",
        "not_found",
    ]
    assert all(outcomes[c.certificate_id].sentence for c in chosen[1:])
    assert house.session.scalar(select(func.count()).where(Signature.meaning == "approve")) == 1


def test_a_wrong_password_signs_none_of_them(house):
    reports = [house.reviewed(house.order("moisture")) for _n in range(2)]
    chosen = [Chosen(r.id, r.version) for r in reports]
    with pytest.raises(InvalidInput, check=lambda e: e.code == "signature_refused"):
        sign_all(house, chosen, password="wrong")
    house.session.rollback()
    assert {state(house, c.certificate_id) for c in chosen} == {CertificateState.REVIEWED}


def test_at_most_fifty_at_once(house):
    with pytest.raises(InvalidInput, check=lambda e: e.code == "too_many"):
        sign_all(house, [Chosen(n, 1) for n in range(1, MOST_AT_ONCE + 2)])
    with pytest.raises(InvalidInput, check=lambda e: e.code == "too_many"):
        sign_all(house, [])
