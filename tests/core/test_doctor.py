"""``flask lims doctor``: what this machine must have, and what is wrong with the data folder."""

import pytest


@pytest.fixture
def run(app):
    return lambda: app.test_cli_runner().invoke(args=["lims", "doctor"])


@pytest.fixture
def secret(database):
    path = database.data / "secret_key"
    path.write_text("x")
    yield path
    path.unlink()


def test_the_database_and_the_folder_are_named(run, database, secret):
    secret.chmod(0o600)
    done = run()
    kind = "Database: SQLite 3." if database.name == "sqlite" else "Database: postgresql"
    assert f"ok      {kind}" in done.output
    assert f"ok      Folder: {database.data} can be written" in done.output
    assert f"ok      Folder: {secret} can be read by its owner only" in done.output


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o606])
def test_a_secret_that_others_can_read_is_named(run, secret, mode):
    secret.chmod(mode)
    done = run()
    assert done.exit_code == 1
    assert f"MISSING Folder: {secret} can be read by its owner only (chmod 600)" in done.output
