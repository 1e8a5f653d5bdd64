"""Labels of samples: read back by a scanner, sent to a printer, every print counted."""

import socket
import threading
from contextlib import contextmanager

import pytest
from sqlalchemy import select

from lims.core.audit import AuditEvent
from lims.core.errors import Conflict, InvalidInput, NotFound, PermissionDenied
from lims.core.files import FileStore
from lims.core.jobs import Job, JobState, run_one
from lims.core.uow import RequestKey
from lims.intake.label_printing import (
    LabelForm,
    LabelLook,
    print_labels,
    printable_samples,
    printed,
    send_to_printer,
)
from lims.intake.models import LabelPrint
from lims.intake.paper import TYPESETTERS
from lims.intake.printers import change_printer, create_printer, list_printers, print_job
from lims.intake.states import SampleState
from reports.labels import CodeKind
from tests.intake.makers import ADMINISTRATOR, ANALYST, CLERK, REVIEWER, make_house
from tests.intake.sample_makers import make_samples, put_in, received
from tests.reports.reading import codes_on, pages_text, picture, reader
from tests.support.backends import settings_for


@pytest.fixture
def house(uow):
    return make_house(uow)


@pytest.fixture
def store(database):
    return FileStore(database.data / "files")


def printing(uow, samples, form=LabelForm.PDF, look=None, actor=CLERK, **more):
    return print_labels(
        uow,
        actor=actor,
        sample_ids=[s.id for s in samples],
        look=look or LabelLook(),
        form=form,
        typeset=TYPESETTERS[form],
        **more,
    )


@pytest.mark.parametrize(("kind", "named"), [(CodeKind.QR, "QR Code"), (CodeKind.CODE128, "Code 128")])
def test_a_scanner_reads_the_number_from_the_printed_page(uow, house, kind, named):
    samples = make_samples(uow, house, 2)
    pdf = printing(uow, samples, look=LabelLook(70, 40, kind))
    pages = reader(pdf).pages
    assert len(pages) == 2
    box = pages[0].mediabox
    assert [round(float(side) / 72 * 25.4) for side in (box.width, box.height)] == [70, 40]
    for place, sample in enumerate(samples):
        assert (named, sample.number) in codes_on(picture(pdf, place + 1, dpi=300))
        text = pages_text(pdf)[place]
        assert sample.number in text
        assert "待检" in text


def test_zpl_holds_one_label_a_sample_with_its_number(uow, house):
    samples = make_samples(uow, house, 3)
    zpl = printing(uow, samples, LabelForm.ZPL, LabelLook(50, 30, CodeKind.QR, 12)).decode()
    assert zpl.count("^XA") == zpl.count("^XZ") == 3
    assert "^PW600^LL360" in zpl
    assert all(f"^FDMA,{s.number}^FS" in zpl for s in samples)


def test_prints_are_counted_and_the_same_request_counts_once(uow, house):
    (sample,) = make_samples(uow, house)
    key = RequestKey("k", "a" * 64)
    first = printing(uow, [sample], LabelForm.ZPL, request_key=key)
    assert printing(uow, [sample], LabelForm.ZPL, request_key=key) == first
    assert printed(uow.session, [sample.id]) == {sample.id: 1}
    printing(uow, [sample], LabelForm.ZPL, actor=ANALYST)
    assert printed(uow.session, [sample.id]) == {sample.id: 2}
    told = uow.session.scalars(select(AuditEvent).where(AuditEvent.verb == "label.print")).all()
    assert [(e.object_type, e.object_id) for e in told] == [("sample", str(sample.id))] * 2


def test_the_badge_says_where_the_sample_stands(uow, house, store):
    (sample,) = received(uow, house, store)
    put_in(uow, sample, SampleState.RETAINED)
    assert "留样" in pages_text(printing(uow, [sample], look=LabelLook(70, 40)))[0]
    put_in(uow, sample, SampleState.TO_TEST, backup_of_id=sample.id)
    assert "备样" in pages_text(printing(uow, [sample], look=LabelLook(70, 40)))[0]


@pytest.mark.parametrize(
    ("look", "code"),
    [
        (LabelLook(9, 30), "label_size"),
        (LabelLook(50, 301), "label_size"),
        (LabelLook(50, 30, dots_per_mm=7), "label_dots"),
        (LabelLook(10, 10, CodeKind.CODE128), "code128_width"),
    ],
)
def test_labels_that_cannot_be_are_refused_and_not_counted(uow, house, look, code):
    (sample,) = make_samples(uow, house)
    with pytest.raises(InvalidInput) as refused:
        printing(uow, [sample], LabelForm.ZPL, look)
    assert refused.value.code == code
    assert printed(uow.session, [sample.id]) == {}


def test_nobody_prints_what_is_not_there_or_without_the_permission(uow, house):
    (sample,) = make_samples(uow, house)
    with pytest.raises(PermissionDenied):
        printing(uow, [sample], actor=REVIEWER)
    with pytest.raises(InvalidInput):
        printing(uow, [])
    with pytest.raises(NotFound):
        print_labels(
            uow,
            actor=CLERK,
            sample_ids=[sample.id, 987],
            look=LabelLook(),
            form=LabelForm.ZPL,
            typeset=TYPESETTERS[LabelForm.ZPL],
        )


def test_an_order_gives_all_its_samples_in_order(uow, house):
    samples = make_samples(uow, house, 3)
    printing(uow, samples[:1], LabelForm.ZPL)
    lines = printable_samples(uow.session, actor=CLERK, order_id=samples[0].order_id)
    assert [(line.sample.position, line.printed) for line in lines] == [(1, 1), (2, 0), (3, 0)]


@contextmanager
def label_printer():
    """A printer on a real socket: yields its port and the bytes it took."""
    taken: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(20)

        def take() -> None:
            wire, _peer = server.accept()
            with wire:
                parts = []
                while part := wire.recv(4096):
                    parts.append(part)
                taken.append(b"".join(parts))

        thread = threading.Thread(target=take)
        thread.start()
        yield server.getsockname()[1], taken
        thread.join()


def work(database, clock):
    with database.app.app_context():
        return run_one(
            database.new_session, "w", clock=clock, settings=settings_for(database.url, database.data)
        )


def make_printer(uow, port, **more):
    return create_printer(uow, actor=ADMINISTRATOR, name="前台打印机", host="127.0.0.1", port=port, **more)


def test_a_network_printer_takes_exactly_the_zpl(uow, house, database, clock):
    samples = make_samples(uow, house, 2)
    look = LabelLook(50, 30)
    with label_printer() as (port, taken):
        printer = make_printer(uow, port)
        ids = [s.id for s in samples]
        key = RequestKey("k", "b" * 64)
        asked = [
            send_to_printer(
                uow, actor=CLERK, sample_ids=ids, look=look, printer_id=printer.id, request_key=key
            )
            for _twice in range(2)
        ]
        assert asked[0] == asked[1]
        assert work(database, clock)
    assert taken == [printing(uow, samples, LabelForm.ZPL, look)]
    job = print_job(uow.session, actor=CLERK, job_id=asked[0])
    uow.session.refresh(job)
    assert (job.state, job.result) == (JobState.DONE, "2 → 前台打印机")
    assert not work(database, clock)
    forms = uow.session.scalars(select(LabelPrint.form)).all()
    assert sorted(forms) == ["printer", "printer", "zpl", "zpl"]


def test_a_printer_that_is_off_is_tried_again_and_says_why(uow, house, database, clock):
    (sample,) = make_samples(uow, house)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    printer = make_printer(uow, port)  # nobody listens there any more
    job_id = send_to_printer(
        uow, actor=CLERK, sample_ids=[sample.id], look=LabelLook(), printer_id=printer.id
    )
    assert work(database, clock)
    uow.session.rollback()
    job = uow.session.get(Job, job_id, populate_existing=True)
    assert job.state is JobState.WAITING
    assert "ConnectionRefused" in job.error
    with pytest.raises(NotFound):
        print_job(uow.session, actor=ANALYST, job_id=job_id)


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"host": "http://printer"}, "host"),
        ({"host": "printer/../x"}, "host"),
        ({"host": "打印机"}, "host"),
        ({"host": " "}, "host"),
        ({"port": 0}, "port"),
        ({"port": 65536}, "port"),
        ({"dots_per_mm": 7}, "dots_per_mm"),
        ({"width_mm": 9}, "width_mm"),
        ({"height_mm": 301}, "height_mm"),
    ],
)
def test_a_printer_that_cannot_be_is_refused_field_by_field(uow, house, wrong, field):
    values = {"name": "p", "host": "10.0.0.9", "port": 9100} | wrong
    with pytest.raises(InvalidInput) as refused:
        create_printer(uow, actor=ADMINISTRATOR, **values)
    assert field in refused.value.fields


def test_printers_are_the_administrators_and_one_out_of_use_takes_no_labels(uow, house):
    (sample,) = make_samples(uow, house)
    with pytest.raises(PermissionDenied):
        create_printer(uow, actor=CLERK, name="p", host="10.0.0.9")
    printer = make_printer(uow, 9100)
    with pytest.raises(Conflict):
        make_printer(uow, 9100)
    values = {"host": "10.0.0.9", "port": 9100, "width_mm": 50, "height_mm": 30, "dots_per_mm": 12}
    done = change_printer(
        uow,
        actor=ADMINISTRATOR,
        printer_id=printer.id,
        version=printer.version,
        name="旧打印机",
        active=False,
        **values,
    )
    assert list_printers(uow.session, active_only=True) == []
    with pytest.raises(InvalidInput) as refused:
        send_to_printer(uow, actor=CLERK, sample_ids=[sample.id], look=LabelLook(), printer_id=done.id)
    assert refused.value.code == "unknown_printer"
