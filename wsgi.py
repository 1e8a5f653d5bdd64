"""WSGI entry: ``gunicorn wsgi:app``, ``flask --app wsgi …``."""

from lims.app import create_app

app = create_app()
