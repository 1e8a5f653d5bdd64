"""The command line: ``flask --app wsgi lims …``."""

import os
import signal
import socket
import sys
import threading

import click
from flask import Flask, current_app
from flask.cli import AppGroup

from lims.core.database import db, sqlite_module
from lims.core.jobs import run_worker
from lims.core.verify import run_checks
from lims.core.web import file_store
from lims.core.web import settings as house_settings
from lims.demo.commands import COMMANDS as DEMO_COMMANDS
from lims.equipment.commands import COMMANDS as GATEWAY_COMMANDS
from lims.people.commands import COMMANDS
from reports import doctor as reports_doctor
from reports.pdf import Renderer

lims = AppGroup("lims", help="Run and look after the laboratory.")


def register_commands(app: Flask) -> None:
    for command in (*COMMANDS, *GATEWAY_COMMANDS, *DEMO_COMMANDS):
        lims.add_command(command)
    app.cli.add_command(lims)


@lims.command("worker")
def worker() -> None:
    """Do the jobs that wait, until SIGTERM or Ctrl-C."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    engine = db.engine
    click.echo("worker ready")
    run_worker(
        lambda: db.session.session_factory(),
        f"{socket.gethostname()}-{os.getpid()}",
        stop.is_set,
        settings=current_app.extensions["lims_settings"],
    )
    engine.dispose()


@lims.command("verify")
def verify() -> None:
    """Check the audit chain, the stored files and what rooms can prove; exit 1 at the first broken row."""
    sound = True
    for name, outcome in run_checks(db.session(), file_store()):
        if not outcome.broken:
            click.echo(f"ok      {name}: {outcome.checked}")
            continue
        sound = False
        click.echo(f"BROKEN  {name}: {outcome.broken[0]}")
        if len(outcome.broken) > 1:
            click.echo(f"        and {len(outcome.broken) - 1} more")
    if not sound:
        sys.exit(1)


@lims.command("doctor")
def doctor() -> None:
    """Look at what this machine must have: database library, folders, fonts; exit 1 when something is missing."""
    findings = [_database_library(), *_folders(), *_reports()]
    for fit, sentence in findings:
        click.echo(f"{'ok     ' if fit else 'MISSING'} {sentence}")
    if not all(fit for fit, _sentence in findings):
        sys.exit(1)


def _database_library() -> tuple[bool, str]:
    if db.engine.dialect.name != "sqlite":
        return True, f"Database: {db.engine.dialect.name}"
    # An unsafe library would have been refused at the start.
    return True, f"Database: SQLite {sqlite_module().sqlite_version}"


def _folders() -> list[tuple[bool, str]]:
    """The data folder can be written, and its secret is nobody else's to read."""
    data = house_settings().data
    found = [(os.access(data, os.W_OK), f"Folder: {data} can be written")]
    secret = data / "secret_key"
    if secret.exists():
        private = secret.stat().st_mode & 0o077 == 0
        found.append((private, f"Folder: {secret} can be read by its owner only (chmod 600)"))
    return found


def _reports() -> list[tuple[bool, str]]:
    with Renderer() as renderer:
        return [(finding.fit, finding.sentence) for finding in reports_doctor.examine(renderer)]
