"""The road of a certificate."""

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
    "review": step(C.DRAFT, to=C.REVIEWED, other_person=True),
    "return": step(C.REVIEWED, C.DRAFT, to=C.DRAFT),
    "approve": step(C.REVIEWED, to=C.APPROVED, other_person=True),
    "issue": step(C.APPROVED, to=C.ISSUED),
    "drop": step(C.DRAFT, C.REVIEWED, to=C.DROPPED),
    # Also an approved one whose file cannot be made: its number is given and must be accounted for.
    "withdraw": step(C.ISSUED, C.APPROVED, to=C.WITHDRAWN),
}


class CertificateKind(StrEnum):
    TEST_REPORT = "test_report"
