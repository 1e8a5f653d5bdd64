"""Commands about accounts: ``flask lims init``, and the codes of a demonstration."""

import click
from flask.cli import with_appcontext

from lims.core.errors import LimsError
from lims.core.web import settings, unit_of_work
from lims.people.accounts import Invited
from lims.people.installation import demo_code, reset_named, start_installation


@click.command("init")
@click.option("--username", prompt="User name of the first administrator")
@click.option("--name", prompt="Name of the first administrator")
@with_appcontext
def init(username: str, name: str) -> None:
    """Make the first administrator of a new, migrated installation, and print the one-time code."""
    try:
        invited = start_installation(unit_of_work(), username=username, name=name)
    except LimsError as error:
        raise click.ClickException(error.message) from error
    _show(invited)


def _show(invited: Invited) -> None:
    click.echo(f"Account:       {invited.account.username}")
    click.echo(f"One-time code: {invited.code}")
    click.echo(f"Sign in within seven days at {settings().base_url}/sign-in/first")


@click.command("reset-account")
@click.argument("username")
@click.option("--reason", prompt="Why (it stands in the audit trail)")
@with_appcontext
def reset(username: str, reason: str) -> None:
    """Void password and second factor of USERNAME, and print a one-time code: for the only administrator."""
    try:
        invited = reset_named(unit_of_work(), username=username, reason=reason)
    except LimsError as error:
        raise click.ClickException(error.message) from error
    _show(invited)


@click.command("demo-code")
@click.argument("username")
@with_appcontext
def show_demo_code(username: str) -> None:
    """Print the present second-factor code of an account of the demonstration."""
    if not settings().demo:
        raise click.ClickException("only a demonstration (LIMS_DEMO=1) has accounts with known codes")
    try:
        click.echo(demo_code(unit_of_work(), username))
    except LimsError as error:
        raise click.ClickException(error.message) from error


COMMANDS = (init, reset, show_demo_code)
