"""``flask lims seed-demo``: fill an empty, migrated database with the demonstration; and what its analyser measures."""

import click
from flask.cli import with_appcontext
from sqlalchemy.orm import Session, sessionmaker

from lims.core.clock import utc_now
from lims.core.database import db
from lims.core.errors import LimsError
from lims.core.uow import guard
from lims.core.web import settings
from lims.demo.bench import analyser_worklist
from lims.demo.people import write_accounts
from lims.demo.seed import ORDERS, seed_demo


@click.command("seed-demo")
@click.option("--orders", type=click.IntRange(0, 5000), default=ORDERS, show_default=True)
@with_appcontext
def seed(orders: int) -> None:
    """Make the demonstration's people, catalogue, devices and past work. Only in a demonstration."""
    house = settings()
    if not house.demo:
        raise click.ClickException("only a demonstration (LIMS_DEMO=1) is seeded")
    try:
        made = seed_demo(plain_sessions(), house, now=utc_now(), orders=orders)
    except LimsError as error:
        raise click.ClickException(error.message) from error
    write_accounts(house.data / "demo_accounts.json", made.staff)
    click.echo(f"{made.orders} orders of the past and of today")


def plain_sessions() -> sessionmaker[Session]:
    """Sessions that also work in a thread of their own, outside the application's context."""
    found: sessionmaker[Session] = sessionmaker(
        db.engine, class_=type("SeedSession", (Session,), {}), expire_on_commit=False
    )
    guard(found)
    return found


@click.command("analyser-worklist")
@with_appcontext
def worklist() -> None:
    """Print the samples that wait for the demonstration's analyser, a number a line."""
    for number in analyser_worklist(db.session()):
        click.echo(number)


COMMANDS = (seed, worklist)
