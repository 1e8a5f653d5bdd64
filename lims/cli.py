"""The command line: ``flask --app wsgi lims …``."""

import os
import signal
import socket
import threading

import click
from flask import Flask, current_app
from flask.cli import AppGroup

from lims.core.database import db
from lims.core.jobs import run_worker

lims = AppGroup("lims", help="Run and look after the laboratory.")


def register_commands(app: Flask) -> None:
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
