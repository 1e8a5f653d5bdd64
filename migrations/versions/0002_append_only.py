"""what was recorded stays: the database itself refuses to change or delete it

Revision ID: 0002
Revises: 0001
"""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

# Rows that are written once.
APPENDED = (
    "analyser_order",
    "analyser_order_event",
    "analyser_worklist",
    "audit_event",
    "budget_simulation",
    "calibration_record",
    "capture",
    "capture_batch",
    "capture_claim",
    "capture_reading",
    "certificate_item",
    "control_evaluation",
    "custody_event",
    "held_test",
    "input_value",
    "label_print",
    "limit_member",
    "link_download",
    "nonconformity_cover",
    "result_version",
    "signature",
    "stored_file",
    "worksheet_control",
)
# Rows that live on, with columns that never change once they are filled.
FROZEN = {
    "certificate": (
        "number",
        "check_code",
        "document",
        "document_sha256",
        "pdf_sha256",
        "approved_by",
        "approved_at",
        "issued_at",
        "issued_on",
        "withdrawn_at",
    ),
    "control_hold": ("decision", "reason", "decided_by", "decided_at"),
    "control_line": (
        *(
            "method_id",
            "kind",
            "material",
            "at_start",
            "at_end",
            "every",
            "low",
            "high",
            "target",
            "deviation",
        ),
        *("spike_added", "rule_set", "memory", "own_points", "retired_at"),
    ),
    "device_profile": ("key", "created_at"),
    "device_profile_version": (
        "profile_id",
        "number",
        "title",
        "protocol",
        "text",
        "sha256",
        "note",
        "made_by",
        "made_at",
        "released_by",
        "released_at",
        "retired_at",
    ),
    "nonconformity": ("number", "opened_at", "opened_by", "what", "decided_by", "decided_at", "closed_at"),
    "result": ("verified_by", "verified_at"),
    "customer_order": ("number",),
    "sample": ("number",),
}
# Rows that may end but never vanish.
KEPT = (
    "account",
    "api_token",
    "assignment",
    "authorisation",
    "certificate",
    "control_hold",
    "control_line",
    "customer",
    "customer_link",
    "customer_order",
    "device_profile",
    "device_profile_version",
    "equipment",
    "gateway",
    "method_version",
    "nonconformity",
    "requested_test",
    "result",
    "review_finding",
    "sample",
    "sampling_form",
    "scope_row",
    "signing_grant",
    "spec_limit",
    "standard_edition",
    "worksheet",
)


def upgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        _sqlite()
    else:
        _postgresql()


def _sqlite() -> None:
    for table in APPENDED:
        _sqlite_trigger(table, "UPDATE", "a", f"{table}: what was recorded is never changed")
    for table in APPENDED + KEPT:
        _sqlite_trigger(table, "DELETE", "d", f"{table}: what was recorded is never deleted")
    for table, columns in FROZEN.items():
        changed = " OR ".join(f"(OLD.{c} IS NOT NULL AND NEW.{c} IS NOT OLD.{c})" for c in columns)
        op.execute(
            f"CREATE TRIGGER {table}_frozen BEFORE UPDATE ON {table} WHEN {changed} "
            f"BEGIN SELECT RAISE(ABORT, '{table}: this column is never changed once it is filled'); END"
        )


def _sqlite_trigger(table: str, verb: str, mark: str, sentence: str) -> None:
    op.execute(
        f"CREATE TRIGGER {table}_kept_{mark} BEFORE {verb} ON {table} "
        f"BEGIN SELECT RAISE(ABORT, '{sentence}'); END"
    )


def _postgresql() -> None:
    op.execute(
        "CREATE FUNCTION lims_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "RAISE EXCEPTION '%: what was recorded is never changed or deleted', TG_TABLE_NAME "
        "USING ERRCODE = 'integrity_constraint_violation'; END $$"
    )
    for table in APPENDED:
        op.execute(
            f"CREATE TRIGGER {table}_kept BEFORE UPDATE OR DELETE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION lims_refuse()"
        )
    for table in KEPT:
        op.execute(
            f"CREATE TRIGGER {table}_kept BEFORE DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION lims_refuse()"
        )
    for table in APPENDED + KEPT:
        op.execute(
            f"CREATE TRIGGER {table}_whole BEFORE TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION lims_refuse()"
        )
    for table, columns in FROZEN.items():
        changed = " OR ".join(f"(OLD.{c} IS NOT NULL AND NEW.{c} IS DISTINCT FROM OLD.{c})" for c in columns)
        op.execute(
            f"CREATE TRIGGER {table}_frozen BEFORE UPDATE ON {table} FOR EACH ROW WHEN ({changed}) "
            "EXECUTE FUNCTION lims_refuse()"
        )


def downgrade() -> None:
    raise NotImplementedError("records are not unlocked; restore a backup of before the upgrade")
