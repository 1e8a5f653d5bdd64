"""Writes the first revision from the models: see script/first-migration."""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from flask_migrate import revision

from lims.app import create_app
from lims.core.settings import read_settings

HERE = Path(__file__).parent
TARGET = HERE / "versions" / "0001_tables.py"


def write_first() -> Path:
    """Autogenerate against an empty database, in a copy: whoever migrates meanwhile is not disturbed."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "migrations"
        (copy / "versions").mkdir(parents=True)
        for name in ("env.py", "script.py.mako", "alembic.ini"):
            shutil.copy(HERE / name, copy / name)
        app = create_app(read_settings({"LIMS_DATA": f"{folder}/data", "LIMS_SECRET_KEY": "unused"}))
        with app.app_context():
            revision(directory=str(copy), message="tables", autogenerate=True, rev_id="0001")
        made = copy / "versions" / TARGET.name
        subprocess.run([sys.executable, "-m", "ruff", "format", "-q", str(made)], check=True)
        beside = TARGET.with_suffix(".new")
        shutil.copy(made, beside)
        beside.replace(TARGET)
    return TARGET


if __name__ == "__main__":
    print(f"wrote {write_first().relative_to(HERE.parent)}")
