"""From verified results to an issued report, and everything that is refused on the way."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from lims.accreditation.grants import suspend_signing
from lims.accreditation.models import SigningGrant
from lims.bench.models import Result, ResultVersion
from lims.bench.review import retest_result
from lims.certificates.laboratory import save_laboratory
from lims.certificates.models import Certificate, CertificateItem, LaboratoryDetails, Signature
from lims.certificates.reported import hands_in, rows_of
from lims.certificates.road import (
    approve_certificate,
    drop_draft,
    edit_draft,
    preparers,
    reportable,
    return_certificate,
    review_certificate,
    withdraw_certificate,
)
from lims.certificates.states import CertificateState
from lims.core.audit import AuditEvent
from lims.core.errors import Conflict, InvalidInput, PermissionDenied, StaleVersion, TransitionRefused
from lims.core.jobs import Job
from lims.core.permissions import SYSTEM, Role
from lims.core.uow import RequestKey
from lims.intake.states import OrderState
from tests.support.accounts import actor_of, make_account
from tests.support.reports import DETAILS, House, make_house


def refused(code: str, kind: type[Exception] = TransitionRefused):
    return pytest.raises(kind, check=lambda error: error.code == code)


def fresh(house: House, certificate: Certificate) -> Certificate:
    return house.session.get_one(Certificate, certificate.id, populate_existing=True)


def another(house: House, role: Role) -> object:
    return actor_of(make_account(house.uow, role, name_zh="乙"))


def test_the_whole_road(house, files, store):
    order = house.order(samples=2)
    report = house.issued(order, files)
    assert report.state is CertificateState.ISSUED
    assert report.number.startswith("BG2026-")
    assert store.read(report.pdf_sha256).startswith(b"%PDF-")
    assert house.order_row(order).state is OrderState.COMPLETED
    signed = house.session.scalars(
        select(Signature).where(Signature.certificate_id == report.id).order_by(Signature.id)
    ).all()
    assert [(s.meaning, s.method) for s in signed] == [
        ("draft", "session"),
        ("review", "session"),
        ("approve", "password+totp"),
    ]
    assert signed[-1].record_sha256 == report.document_sha256


def test_every_step_leaves_its_event_with_the_states_it_changed(house, files):
    report = house.issued(house.order("moisture"), files)
    events = house.session.scalars(
        select(AuditEvent)
        .where(AuditEvent.object_type == "certificate", AuditEvent.object_id == str(report.id))
        .order_by(AuditEvent.seq)
    ).all()
    assert [e.verb.removeprefix("certificate.") for e in events] == ["draft", "review", "approve", "issue"]
    assert '"state":"approved"' in events[2].after
    assert '"state":"reviewed"' in events[2].before
    assert report.document_sha256 in events[2].after


# -- drafting -----------------------------------------------------------------------------


def test_a_draft_reports_what_is_verified_and_nothing_twice(house):
    order = house.order(samples=2)
    first = house.draft(order, test_ids=[t.id for t, _v in reportable(house.session, order)][:2])
    assert len(first.items) == 2
    house.draft(order)
    with refused("nothing_to_report", Conflict):
        house.draft(order)


def test_unverified_results_are_not_offered(house):
    order = house.order("moisture", verified=False)
    assert reportable(house.session, order) == []
    with refused("nothing_to_report", Conflict):
        house.draft(order)


def test_a_test_of_another_order_cannot_be_reported(house):
    order, other = house.order("moisture"), house.order("moisture")
    foreign = [t.id for t, _v in reportable(house.session, other)]
    with refused("not_reportable", Conflict):
        house.draft(order, test_ids=foreign)


def test_the_same_request_drafts_once(house):
    order = house.order("moisture")
    key = RequestKey("k1", "0" * 64)
    first = house.draft(order, request_key=key).id
    assert house.draft(order, request_key=key).id == first


def test_a_dropped_draft_gives_its_values_back(house):
    order = house.order("moisture")
    made = house.draft(order)
    drop_draft(house.uow, actor=house.clerk, certificate_id=made.id, version=made.version, reason="重做")
    assert house.draft(order).id != made.id


def test_dropping_and_returning_ask_for_a_reason(house):
    made = house.draft(house.order("moisture"))
    with refused("reason_needed", InvalidInput):
        drop_draft(house.uow, actor=house.clerk, certificate_id=made.id, version=made.version, reason="  ")
    with refused("reason_needed", InvalidInput):
        return_certificate(
            house.uow, actor=house.reviewer, certificate_id=made.id, version=made.version, reason=""
        )


def test_an_unknown_language_is_refused(house):
    with pytest.raises(InvalidInput):
        house.draft(house.order("moisture"), language="fr")


# -- reviewing ----------------------------------------------------------------------------


def test_nobody_reviews_what_he_prepared_even_if_another_edited_it_since(house):
    preparer, editor = another(house, Role.REVIEWER), another(house, Role.REVIEWER)
    order = house.order("moisture")
    made = house.draft(order)
    edited = edit_draft(
        house.uow,
        actor=preparer,
        certificate_id=made.id,
        version=made.version,
        language="en",
        remarks_zh="",
        remarks_en="seen",
    )
    edited = edit_draft(
        house.uow,
        actor=editor,
        certificate_id=edited.id,
        version=edited.version,
        language="zh",
        remarks_zh="",
        remarks_en="",
    )
    assert preparers(house.session, fresh(house, edited)) == {house.clerk.id, preparer.id, editor.id}
    for person in (preparer, editor):
        with refused("same_person"):
            review_certificate(house.uow, actor=person, certificate_id=edited.id, version=edited.version)
    done = review_certificate(
        house.uow, actor=house.reviewer, certificate_id=edited.id, version=edited.version
    )
    assert done.state is CertificateState.REVIEWED


def test_a_stale_page_reviews_nothing(house):
    made = house.draft(house.order("moisture"))
    with pytest.raises(StaleVersion):
        review_certificate(house.uow, actor=house.reviewer, certificate_id=made.id, version=made.version + 1)
    assert fresh(house, made).state is CertificateState.DRAFT


def test_a_returned_report_forgets_its_review_and_says_why(house):
    seen = house.reviewed(house.order("moisture"))
    back = return_certificate(
        house.uow, actor=house.signatory, certificate_id=seen.id, version=seen.version, reason="备注有误"
    )
    assert (back.state, back.return_reason) == (CertificateState.DRAFT, "备注有误")
    assert (back.reviewed_by, back.reviewed_sha256) == (None, None)
    again = review_certificate(house.uow, actor=house.reviewer, certificate_id=back.id, version=back.version)
    assert again.return_reason is None


def test_a_reviewed_report_is_not_edited(house):
    seen = house.reviewed(house.order("moisture"))
    with refused("transition_refused"):
        edit_draft(
            house.uow,
            actor=house.clerk,
            certificate_id=seen.id,
            version=seen.version,
            language="en",
            remarks_zh="",
            remarks_en="",
        )


def test_a_result_retested_after_the_draft_stops_the_review(house):
    order = house.order("moisture")
    made = house.draft(order)
    test = reportable_tests(house, made)[0]
    retest_result(house.uow, actor=house.laboratory.actors["head"], test_id=test, reason="可疑")
    with refused("content_faults", Conflict):
        review_certificate(house.uow, actor=house.reviewer, certificate_id=made.id, version=made.version)


def reportable_tests(house: House, certificate: Certificate) -> list[int]:
    versions = select(CertificateItem.result_version_id).where(
        CertificateItem.certificate_id == certificate.id
    )
    wanted = select(Result.requested_test_id).join(ResultVersion, ResultVersion.result_id == Result.id)
    return list(house.session.scalars(wanted.where(ResultVersion.id.in_(versions))))


# -- approving ----------------------------------------------------------------------------


def test_a_signatory_outside_the_field_is_refused(uow):
    house = make_house(uow, fields=("electrical",))
    with refused("outside_field", PermissionDenied):
        house.approve(house.reviewed(house.order("moisture")))


def test_a_suspended_grant_signs_nothing(house):
    seen = house.reviewed(house.order("moisture"))
    grant = house.session.scalars(select(SigningGrant)).one()
    suspend_signing(
        house.uow,
        actor=actor_of(make_account(house.uow, Role.QUALITY_MANAGER)),
        grant_id=grant.id,
        version=grant.version,
        why="培训",
    )
    with refused("outside_field", PermissionDenied):
        house.approve(seen)


@pytest.mark.parametrize("hand", ["prepared", "reviewed", "submitted", "verified"])
def test_whoever_had_a_hand_in_it_does_not_approve_it(house, hand):
    people = {
        "prepared": house.clerk,
        "reviewed": house.reviewer,
        "submitted": house.laboratory.actors["analyst"],
        "verified": house.laboratory.actors["head"],
    }
    person = people[hand]
    with house.uow:
        house.uow.add(
            SigningGrant(
                account_id=person.id,
                field="food_chemistry",
                valid_from=house.uow.now.date() - timedelta(days=5),
                valid_to=house.uow.now.date() + timedelta(days=5),
            )
        )
        house.uow.audit("test.grant", SYSTEM, ("grant", 1))
        house.uow.commit()
    seen = house.reviewed(house.order("moisture"))
    both = type(person)(
        **{
            **{name: getattr(person, name) for name in person.__slots__},
            "permissions": person.permissions | house.signatory.permissions,
        }
    )
    with refused("same_person"):
        house.approve(seen, both)
    assert fresh(house, seen).number is None


def test_who_verified_a_value_that_another_was_computed_from_does_not_approve_it(house):
    """Aluminium on dry basis is computed from the moisture, which this report does not print."""
    order = house.order("moisture", "aluminium")
    aluminium = [t.id for t, _v in reportable(house.session, order) if t.test_item.code == "aluminium"]
    made = house.draft(order, test_ids=aluminium)
    assert len(made.items) == 1
    rows = rows_of(house.session, fresh(house, made))
    moisture = next(r for r in house.session.scalars(select(Result)) if r.requested_test_id not in aluminium)
    assert {moisture.submitted_by, moisture.verified_by} <= hands_in(house.session, rows)


def test_what_changed_after_the_review_is_not_signed(house):
    seen = house.reviewed(house.order("moisture"))
    administrator = actor_of(make_account(house.uow, Role.ADMINISTRATOR))
    row = house.session.get_one(LaboratoryDetails, 1)
    save_laboratory(
        house.uow,
        actor=administrator,
        version=row.version,
        values={**DETAILS, "address_zh": "新址 1 号"},
    )
    with refused("changed_since_review", Conflict):
        house.approve(fresh(house, seen))
    back = return_certificate(
        house.uow, actor=house.reviewer, certificate_id=seen.id, version=seen.version, reason="地址变了"
    )
    again = review_certificate(house.uow, actor=house.reviewer, certificate_id=back.id, version=back.version)
    assert house.approve(again).number


def test_an_unreviewed_report_is_not_signed(house):
    with refused("transition_refused"):
        house.approve(house.draft(house.order("moisture")))


def test_an_invented_reason_is_refused(house):
    seen = house.reviewed(house.order("moisture"))
    with refused("reason_unknown", InvalidInput):
        approve_certificate(
            house.uow,
            actor=house.signatory,
            certificate_id=seen.id,
            version=seen.version,
            proof="password+totp",
            reason="because",
            base_url="https://x.example",
        )


# -- after ----------------------------------------------------------------------------------


def test_a_withdrawn_report_keeps_its_number_and_its_order_is_open_again(house, files):
    order = house.order("moisture")
    report = house.issued(order, files)
    number = report.number
    manager = another(house, Role.QUALITY_MANAGER)
    gone = withdraw_certificate(
        house.uow,
        actor=manager,
        certificate_id=report.id,
        version=report.version,
        reason="样品混淆",
    )
    assert (gone.state, gone.number, gone.withdrawn_why) == (CertificateState.WITHDRAWN, number, "样品混淆")
    assert house.order_row(order).state is OrderState.ACCEPTED
    follower = house.issued(order, files)
    assert follower.number != number
    numbers = [c.number for c in house.session.scalars(select(Certificate))]
    assert len(set(numbers)) == len(numbers)


def test_one_report_completes_the_order_only_when_nothing_is_left(house, files):
    order = house.order("moisture", "plate_count")
    tests = [t.id for t, _v in reportable(house.session, order)]
    house.issued(order, files, test_ids=tests[:1])
    assert house.order_row(order).state is OrderState.ACCEPTED
    house.issued(order, files)
    assert house.order_row(order).state is OrderState.COMPLETED


def test_a_draft_is_not_withdrawn_and_an_issued_one_not_dropped(house, files):
    made = house.draft(house.order("moisture"))
    manager = another(house, Role.QUALITY_MANAGER)
    with refused("transition_refused"):
        withdraw_certificate(
            house.uow, actor=manager, certificate_id=made.id, version=made.version, reason="x"
        )
    report = house.issued(house.order("moisture"), files)
    with refused("transition_refused"):
        drop_draft(house.uow, actor=house.clerk, certificate_id=report.id, version=report.version, reason="x")


def test_the_approval_asks_the_worker_once(house):
    signed = house.approve(house.reviewed(house.order("moisture")))
    jobs = house.session.scalars(select(Job).where(Job.kind == "certificate.issue")).all()
    assert [j.key for j in jobs] == [f"certificate.issue:{signed.id}"]
    with pytest.raises((TransitionRefused, StaleVersion)):
        house.approve(signed)


def test_laboratory_details_are_saved_by_the_administrator_and_audited(house):
    administrator = actor_of(make_account(house.uow, Role.ADMINISTRATOR))
    row = house.session.get_one(LaboratoryDetails, 1)
    saved = save_laboratory(
        house.uow, actor=administrator, version=row.version, values={**DETAILS, "phone": "123"}
    )
    assert saved.phone == "123"
    event = house.session.scalars(select(AuditEvent).order_by(AuditEvent.seq.desc()).limit(1)).one()
    assert (event.verb, event.actor_id) == ("laboratory.save", administrator.id)
    with pytest.raises(StaleVersion):
        save_laboratory(house.uow, actor=administrator, version=row.version - 1, values=DETAILS)
    with pytest.raises(PermissionDenied):
        save_laboratory(house.uow, actor=house.clerk, version=saved.version, values=DETAILS)
    with pytest.raises(InvalidInput) as missing:
        save_laboratory(
            house.uow, actor=administrator, version=saved.version, values={**DETAILS, "name_zh": " "}
        )
    assert set(missing.value.fields) == {"name_zh"}
