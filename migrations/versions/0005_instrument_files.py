"""files of instruments and what was taken from them stay; a released mapping is never changed

Revision ID: 0005
Revises: 0004
"""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

APPENDED = ("instrument_file", "file_import", "file_value")
# Of a released mapping only retired_at is filled, once.
SAYS = (
    *("name", "number", "equipment_class", "equipment_id", "layout", "example_name", "example_sha256"),
    *("released_at", "created_at", "created_by"),
)
KEPT = "what was recorded is never changed or deleted"
RELEASED = "a released mapping is never changed"


def upgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        _sqlite()
    else:
        _postgresql()


def _changed(differs: str) -> str:
    again = f"(OLD.retired_at IS NOT NULL AND NEW.retired_at {differs} OLD.retired_at)"
    said = " OR ".join(f"NEW.{column} {differs} OLD.{column}" for column in SAYS)
    return f"OLD.released_at IS NOT NULL AND ({said} OR {again})"


def _sqlite() -> None:
    for table in APPENDED:
        for verb in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_kept_{verb[0].lower()} BEFORE {verb} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{table}: {KEPT}'); END"
            )
    op.execute(
        f"CREATE TRIGGER file_mapping_stays BEFORE UPDATE ON file_mapping WHEN {_changed('IS NOT')} "
        f"BEGIN SELECT RAISE(ABORT, 'file_mapping: {RELEASED}'); END"
    )
    op.execute(
        "CREATE TRIGGER file_mapping_kept_d BEFORE DELETE ON file_mapping "
        f"BEGIN SELECT RAISE(ABORT, 'file_mapping: {KEPT}'); END"
    )


def _postgresql() -> None:
    for table in APPENDED:
        op.execute(
            f"CREATE TRIGGER {table}_kept BEFORE UPDATE OR DELETE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION lims_refuse()"
        )
    op.execute(
        "CREATE TRIGGER file_mapping_kept BEFORE DELETE ON file_mapping "
        "FOR EACH ROW EXECUTE FUNCTION lims_refuse()"
    )
    op.execute(
        f"CREATE TRIGGER file_mapping_stays BEFORE UPDATE ON file_mapping FOR EACH ROW "
        f"WHEN ({_changed('IS DISTINCT FROM')}) EXECUTE FUNCTION lims_refuse_saying('{RELEASED}')"
    )
    for table in (*APPENDED, "file_mapping"):
        op.execute(
            f"CREATE TRIGGER {table}_whole BEFORE TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION lims_refuse()"
        )


def downgrade() -> None:
    raise NotImplementedError("records are not unlocked; restore a backup of before the upgrade")
