"""What was recorded stays: triggers refuse to change or delete it, whatever program asks.

Revision: 0002, after 0001 (hand-written: models cannot say this)
"""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

# Rows are added and never touched again.
APPEND_ONLY = (
    "audit_event",
    "capture_batch",
    "capture",
    "capture_claim",
    "input_value",
    "result_version",
    "custody_event",
    "calibration_record",
    "link_download",
    "signature",
    "stored_file",
)
# Rows change by their steps and are never deleted.
KEPT = (
    "account",
    "audit_head",
    "certificate",
    "customer_order",
    "requested_test",
    "result",
    "sample",
)
# Once given, these columns of a certificate keep their value.
FROZEN = ("number", "check_code", "document", "document_sha256", "pdf_sha256", "approved_by", "issued_at")
FROZEN_BREACH = " OR ".join(f"(OLD.{c} IS NOT NULL AND NEW.{c} IS DISTINCT FROM OLD.{c})" for c in FROZEN)
ITEM_BREACH = (
    "EXISTS (SELECT 1 FROM certificate WHERE id = {row}.certificate_id "
    "AND state IN ('approved', 'issued', 'withdrawn'))"
)


def upgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        for_sqlite()
    else:
        for_postgresql()


def for_sqlite() -> None:
    for table in APPEND_ONLY:
        refuse_sqlite(table, "UPDATE", "1", f"{table}: recorded rows cannot be changed")
    for table in (*APPEND_ONLY, *KEPT):
        refuse_sqlite(table, "DELETE", "1", f"{table}: recorded rows cannot be deleted")
    breach = FROZEN_BREACH.replace("IS DISTINCT FROM", "IS NOT")
    refuse_sqlite("certificate", "UPDATE", breach, "certificate: what was approved cannot be changed")
    for event, row in (("INSERT", "NEW"), ("UPDATE", "OLD"), ("DELETE", "OLD")):
        breach = ITEM_BREACH.format(row=row)
        refuse_sqlite("certificate_item", event, breach, "certificate_item: the certificate is approved")


def refuse_sqlite(table: str, event: str, when: str, sentence: str) -> None:
    op.execute(
        f"CREATE TRIGGER {table}_refuse_{event.lower()} BEFORE {event} ON {table} FOR EACH ROW WHEN {when} "
        f"BEGIN SELECT RAISE(ABORT, '{sentence}'); END"
    )


def for_postgresql() -> None:
    op.execute(
        "CREATE FUNCTION lims_refuse() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION '%', TG_ARGV[0] USING ERRCODE = 'integrity_constraint_violation'; END $$"
    )
    for table in APPEND_ONLY:
        refuse_postgresql(table, "UPDATE", None, f"{table}: recorded rows cannot be changed")
    for table in (*APPEND_ONLY, *KEPT):
        refuse_postgresql(table, "DELETE", None, f"{table}: recorded rows cannot be deleted")
        refuse_postgresql(table, "TRUNCATE", None, f"{table}: recorded rows cannot be deleted")
    refuse_postgresql(
        "certificate", "UPDATE", FROZEN_BREACH, "certificate: what was approved cannot be changed"
    )
    # A trigger's WHEN may not look into other tables.
    op.execute(
        "CREATE FUNCTION lims_refuse_item() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        f"IF TG_OP <> 'INSERT' AND {ITEM_BREACH.format(row='OLD')} "
        f"OR TG_OP = 'INSERT' AND {ITEM_BREACH.format(row='NEW')} THEN "
        "RAISE EXCEPTION 'certificate_item: the certificate is approved' "
        "USING ERRCODE = 'integrity_constraint_violation'; END IF; "
        "RETURN COALESCE(NEW, OLD); END $$"
    )
    op.execute(
        "CREATE TRIGGER certificate_item_refuse BEFORE INSERT OR UPDATE OR DELETE ON certificate_item "
        "FOR EACH ROW EXECUTE FUNCTION lims_refuse_item()"
    )


def refuse_postgresql(table: str, event: str, when: str | None, sentence: str) -> None:
    each = "STATEMENT" if event == "TRUNCATE" else "ROW"
    condition = f"WHEN ({when})" if when else ""
    op.execute(
        f"CREATE TRIGGER {table}_refuse_{event.lower()} BEFORE {event} ON {table} "
        f"FOR EACH {each} {condition} EXECUTE FUNCTION lims_refuse('{sentence}')"
    )


def downgrade() -> None:
    raise RuntimeError("going back is not offered: restore the backup that was made before the upgrade")
