"""Commands about gateways: ``flask lims gateway-code``."""

import click
from flask.cli import with_appcontext

from lims.core.database import db
from lims.core.errors import LimsError
from lims.core.permissions import SYSTEM
from lims.core.web import settings, unit_of_work
from lims.equipment import gateways


@click.command("gateway-code")
@click.argument("name")
@click.option("--create", is_flag=True, help="Create the gateway when there is none of this name.")
@with_appcontext
def gateway_code(name: str, create: bool) -> None:
    """Print a one-time code with which the gateway NAME enrols within an hour."""
    found = gateways.find_gateway(db.session(), name)
    try:
        if found is not None:
            made = gateways.renew_code(unit_of_work(), actor=SYSTEM, gateway_id=found.id)
        elif create or settings().demo:
            made = gateways.create_gateway(unit_of_work(), actor=SYSTEM, name=name)
        else:
            raise click.ClickException(
                f"there is no gateway {name!r}; create it on its page, or with --create"
            )
    except LimsError as error:
        raise click.ClickException(error.message) from error
    click.echo(f"One-time code of {name}: {made.code}")


COMMANDS = (gateway_code,)
