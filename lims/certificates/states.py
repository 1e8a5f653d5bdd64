"""The road of a certificate, and what a signature on it means."""

from enum import StrEnum

from lims.core.workflow import step


class CertificateState(StrEnum):
    DRAFT = "draft"
    REVIEWED = "reviewed"
    APPROVED = "approved"  # signed; number given; the file is being made
    ISSUED = "issued"
    DROPPED = "dropped"  # a draft that was given up
    WITHDRAWN = "withdrawn"


C = CertificateState
CERTIFICATE_STEPS = {
    "edit": step(C.DRAFT, to=C.DRAFT),
    "review": step(C.DRAFT, to=C.REVIEWED, other_person=True),
    "return": step(C.REVIEWED, C.DRAFT, to=C.DRAFT),
    "approve": step(C.REVIEWED, to=C.APPROVED, other_person=True),
    "issue": step(C.APPROVED, to=C.ISSUED),
    "drop": step(C.DRAFT, C.REVIEWED, to=C.DROPPED),
    # Also an approved one whose file cannot be made: its number is given and must be accounted for.
    "withdraw": step(C.ISSUED, C.APPROVED, to=C.WITHDRAWN),
}
# A value that one of these reports is not drafted a second time.
LIVE = (C.DRAFT, C.REVIEWED, C.APPROVED, C.ISSUED)
# Signed, and frozen for ever.
SIGNED = (C.APPROVED, C.ISSUED, C.WITHDRAWN)


class CertificateKind(StrEnum):
    TEST_REPORT = "test_report"


class SignatureMeaning(StrEnum):
    """What a person says by signing."""

    PREPARED = "draft"
    REVIEWED = "review"
    APPROVED = "approve"


class SigningReason(StrEnum):
    """Chosen by the signatory, kept with the signature."""

    AGREED = "agreed"
    AGREED_WITH_REMARKS = "agreed_with_remarks"
