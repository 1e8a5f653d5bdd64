"""A private PostgreSQL: in a temporary folder, on a unix socket, gone when its owner is gone.

The server is the child of a small guardian process which waits for the end of its own standard input.
Whatever ends the owner (also Ctrl-C and SIGKILL) closes that pipe, and the guardian stops the server and
removes the folder.
"""

import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

# Nothing here must survive a power cut, so nothing waits for the disk.
SETTINGS = {
    "listen_addresses": "",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum": "off",  # would hold on to the template database
    "jit": "off",
    "max_connections": "100",
    "shared_buffers": "128MB",
    "max_wal_size": "4GB",
    "timezone": "UTC",
    "log_statement": "none",
}


class PostgresMissing(RuntimeError):
    """No PostgreSQL server programs on this machine."""


def programs() -> Path:
    """The folder of initdb and postgres; Debian keeps it off the PATH. The newest version wins."""
    on_path = shutil.which("initdb")
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda p: int(p.parts[-3]))
    if not on_path and not found:
        raise PostgresMissing("PostgreSQL is not installed: run script/setup --for-tests")
    return Path(on_path).resolve().parent if on_path else found[-1].parent


class PrivatePostgres:
    """Start with ``start()``; ``url(name)`` is then an SQLAlchemy URL. ``stop()`` may be called twice."""

    def __init__(self) -> None:
        self._guardian: subprocess.Popen[str] | None = None
        self.folder = ""

    def start(self) -> None:
        programs()
        self._guardian = subprocess.Popen(
            [sys.executable, "-m", "tests.support.postgres"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[2],
            start_new_session=True,  # Ctrl-C in the terminal is for the owner alone
        )
        assert self._guardian.stdout is not None
        answer = self._guardian.stdout.readline().strip()
        if not answer.startswith("ready "):
            self.stop()
            raise RuntimeError(f"the private PostgreSQL did not start: {answer or 'no answer'}")
        self.folder = answer.removeprefix("ready ")

    def url(self, database: str) -> str:
        return url_in(self.folder, database)

    def stop(self) -> None:
        if self._guardian is None:
            return
        assert self._guardian.stdin is not None
        assert self._guardian.stdout is not None
        self._guardian.stdin.close()
        self._guardian.wait(timeout=30)
        self._guardian.stdout.close()
        self._guardian = None


def url_in(folder: str, database: str) -> str:
    return f"postgresql+psycopg://lims@/{database}?host={folder}"


def _server_user() -> str | None:
    """PostgreSQL refuses to run as root: then it runs as the package's own user."""
    if os.getuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        with suppress(KeyError):
            return pwd.getpwnam(name).pw_name
    raise PostgresMissing("running as root, and there is no user 'postgres' to run PostgreSQL as")


def _server_group() -> int | None:
    user = _server_user()
    return None if user is None else pwd.getpwnam(user).pw_gid


def _new_folder() -> Path:
    """Short: a socket's path may have 107 bytes. 0700: the server trusts whoever connects."""
    folder = Path(tempfile.mkdtemp(prefix="lims-pg-"))
    if len(str(folder)) > 80:
        folder.rmdir()
        folder = Path(tempfile.mkdtemp(prefix="lims-pg-", dir="/tmp"))
    user = _server_user()
    if user is not None:
        shutil.chown(folder, user)
    return folder


def _initialise(folder: Path) -> None:
    command = [str(programs() / "initdb"), "-D", str(folder / "data"), "-U", "lims", "--auth=trust"]
    command += ["--encoding=UTF8", "--locale=C.UTF-8", "--no-sync", "--no-instructions"]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        cwd=folder,
        check=False,
        user=_server_user(),
        group=_server_group(),
    )
    if done.returncode:
        raise RuntimeError(f"initdb: {done.stderr.strip()}")
    with (folder / "data" / "postgresql.conf").open("a") as settings:
        settings.writelines(f"{name} = '{value}'\n" for name, value in SETTINGS.items())
        settings.write(f"unix_socket_directories = '{folder}'\n")


def _guard() -> None:
    """Run the server until standard input ends."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    folder = _new_folder()
    server = None
    try:
        _initialise(folder)
        tool = [str(programs() / "postgres"), "-D", str(folder / "data")]
        with (folder / "log").open("w") as log:
            server = subprocess.Popen(
                tool, stdout=log, stderr=log, cwd=folder, user=_server_user(), group=_server_group()
            )
        _wait_until_it_answers(folder, server)
        print(f"ready {folder}", flush=True)
        sys.stdin.read()
    except (OSError, RuntimeError, subprocess.SubprocessError) as problem:
        print(problem, flush=True)
    finally:
        if server is not None:
            server.send_signal(signal.SIGQUIT)  # at once: nothing in it is wanted any more
            server.wait(timeout=20)
        shutil.rmtree(folder, ignore_errors=True)


def _wait_until_it_answers(folder: Path, server: subprocess.Popen[bytes]) -> None:
    ask = [str(programs() / "pg_isready"), "-q", "-h", str(folder), "-U", "lims", "-d", "postgres"]
    for _ in range(200):
        if server.poll() is not None:
            raise RuntimeError(f"postgres ended: {(folder / 'log').read_text()[-500:]}")
        if subprocess.run(ask, check=False).returncode == 0:
            return
        with suppress(subprocess.TimeoutExpired):
            server.wait(timeout=0.05)
    raise RuntimeError("postgres does not answer")


if __name__ == "__main__":
    _guard()
