"""From verified results to an issued report, and everything that is refused on the way."""

from lims.certificates.states import CertificateState
from lims.intake.states import OrderState


def test_the_whole_road(house, files, store):
    order = house.order(samples=2)
    report = house.issued(order, files)
    assert report.state is CertificateState.ISSUED
    assert report.number.startswith("BG2026-")
    assert store.read(report.pdf_sha256).startswith(b"%PDF-")
    assert house.order_row(order).state is OrderState.COMPLETED
