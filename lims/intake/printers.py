"""Label printers on the network: their settings, and the job that sends them ZPL."""

import socket
from collections.abc import Sequence

from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.orm import Session

from lims.core.errors import Conflict, InvalidInput, NotFound
from lims.core.jobs import Job
from lims.core.permissions import Actor, Permission
from lims.core.uow import RequestKey, UnitOfWork
from lims.intake.models import LabelPrinter

PRINT_JOB = "intake.print_labels"
TIMEOUT_S = 10.0
DOTS = (6, 8, 12, 24)


def list_printers(session: Session, *, active_only: bool = False) -> Sequence[LabelPrinter]:
    found = select(LabelPrinter).order_by(LabelPrinter.active.desc(), LabelPrinter.name).limit(200)
    return session.scalars(found.where(LabelPrinter.active) if active_only else found).all()


def get_printer(session: Session, printer_id: int) -> LabelPrinter:
    printer = session.get(LabelPrinter, printer_id)
    if printer is None:
        raise NotFound(_("There is no such printer."))
    return printer


def print_job(session: Session, *, actor: Actor, job_id: int) -> Job:
    """A job that sends labels; its owner and those who keep the printers see it. Raises NotFound."""
    found = session.get(Job, job_id)
    known = found is not None and found.kind == PRINT_JOB
    if found is None or not known or (found.owner_id != actor.id and not actor.can(Permission.SETTINGS_EDIT)):
        raise NotFound(_("There is no such print job."))
    return found


def create_printer(
    uow: UnitOfWork,
    *,
    actor: Actor,
    name: str,
    host: str,
    port: int = 9100,
    width_mm: int = 50,
    height_mm: int = 30,
    dots_per_mm: int = 8,
    request_key: RequestKey | None = None,
) -> LabelPrinter:
    """``width_mm``, ``height_mm``: the labels in it. Raises Conflict (``printer_known``)."""
    actor.require(Permission.SETTINGS_EDIT)
    with uow:
        if (earlier := uow.replayed(LabelPrinter, actor=actor, request_key=request_key)) is not None:
            return earlier
        printer = LabelPrinter()
        _fill(uow.session, printer, name, host, port, width_mm, height_mm, dots_per_mm)
        uow.add(printer)
        uow.audit("printer.create", actor, printer)
        uow.remember(printer)
        uow.commit()
    return printer


def change_printer(
    uow: UnitOfWork,
    *,
    actor: Actor,
    printer_id: int,
    version: int,
    name: str,
    host: str,
    port: int,
    width_mm: int,
    height_mm: int,
    dots_per_mm: int,
    active: bool = True,
) -> LabelPrinter:
    actor.require(Permission.SETTINGS_EDIT)
    with uow:
        printer = uow.get(LabelPrinter, printer_id, version=version)
        with uow.session.no_autoflush:
            _fill(uow.session, printer, name, host, port, width_mm, height_mm, dots_per_mm)
        printer.active = active
        uow.audit("printer.change", actor, printer)
        uow.commit()
    return printer


def _fill(
    session: Session,
    printer: LabelPrinter,
    name: str,
    host: str,
    port: int,
    width_mm: int,
    height_mm: int,
    dots_per_mm: int,
) -> None:
    fields: dict[str, list[str]] = {}
    if not _is_host(host.strip()):
        fields["host"] = [_("A host name or an IP address of the network, without port.")]
    if not 1 <= port <= 65535:
        fields["port"] = [_("A port lies between 1 and 65535.")]
    if dots_per_mm not in DOTS:
        fields["dots_per_mm"] = [_("Label printers have 6, 8, 12 or 24 dots per mm.")]
    for side, length in (("width_mm", width_mm), ("height_mm", height_mm)):
        if not 10 <= length <= 300:
            fields[side] = [_("The sides of a label measure 10 to 300 mm.")]
    if fields:
        raise InvalidInput(next(iter(fields.values()))[0], fields=fields)
    taken = session.scalar(select(LabelPrinter.id).where(LabelPrinter.name == name.strip()))
    if taken not in (None, printer.id):
        text = _("Another printer is called %(name)s.", name=name.strip())
        raise Conflict(text, code="printer_known", fields={"name": [text]})
    printer.name, printer.host, printer.port = name.strip(), host.strip(), port
    printer.width_mm, printer.height_mm, printer.dots_per_mm = width_mm, height_mm, dots_per_mm


def _is_host(host: str) -> bool:
    """Letters, digits, dots, hyphens and colons only: nothing that means more to a resolver."""
    return 0 < len(host) <= 200 and host.isascii() and all(c.isalnum() or c in ".-:" for c in host)


def send_to(host: str, port: int, content: bytes) -> None:
    """Raw printing (port 9100): open, write, close. Raises OSError when the printer does not take it."""
    with socket.create_connection((host, port), timeout=TIMEOUT_S) as wire:
        wire.sendall(content)
        wire.shutdown(socket.SHUT_WR)
        # A printer closes when it has read everything; one that keeps the line open is done as well.
        wire.settimeout(1.0)
        try:
            while wire.recv(1024):
                pass
        except TimeoutError:
            return
