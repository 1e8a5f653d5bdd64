"""Settings of one installation, from the environment or a folder; nothing is secret in the code."""

import os
import secrets
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Settings:
    """``data`` holds database, files, mail and keys of the embedded installation."""

    data: Path
    database_url: str
    secret_key: str
    base_url: str
    demo: bool
    secure_cookies: bool
    trusted_proxies: int
    max_body_bytes: int = 32 * 1024 * 1024

    @property
    def files(self) -> Path:
        return self.data / "files"


def read_settings(environ: "os._Environ[str] | dict[str, str] | None" = None) -> Settings:
    """Variables: LIMS_DATA, LIMS_DATABASE_URL, LIMS_SECRET_KEY, LIMS_BASE_URL, LIMS_PORT, LIMS_DEMO,
    LIMS_SECURE_COOKIES, LIMS_TRUSTED_PROXIES."""
    env = os.environ if environ is None else environ
    data = Path(env.get("LIMS_DATA", "var")).resolve()
    data.mkdir(parents=True, exist_ok=True)
    base_url = env.get("LIMS_BASE_URL", f"http://127.0.0.1:{env.get('LIMS_PORT', '8080')}").rstrip("/")
    return Settings(
        data=data,
        database_url=env.get("LIMS_DATABASE_URL", f"sqlite:///{data / 'lims.sqlite'}"),
        secret_key=env.get("LIMS_SECRET_KEY") or _kept_secret(data / "secret_key"),
        base_url=base_url,
        demo=env.get("LIMS_DEMO", "") == "1",
        secure_cookies=env.get("LIMS_SECURE_COOKIES", "1" if base_url.startswith("https") else "0") == "1",
        trusted_proxies=int(env.get("LIMS_TRUSTED_PROXIES", "0")),
    )


def _kept_secret(path: Path) -> str:
    """The secret of this data folder, made at the first start, readable by its owner only."""
    try:
        return path.read_text().strip()
    except FileNotFoundError:
        pass
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w") as stream:
        stream.write(secrets.token_urlsafe(48))
    return path.read_text().strip()
