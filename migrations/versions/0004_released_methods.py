"""released method versions and uncertainty budgets and the figures of a limit stay: results name them for ever

Revision ID: 0004
Revises: 0003
"""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

# Of a released version only retired_at is filled, once; ``version`` counts that.
SAYS = (
    "method_id",
    "number",
    "result_kind",
    "unit",
    "formula",
    "round_to",
    "significant",
    "lod",
    "loq",
    "range_low",
    "range_high",
    "conditions_required",
    "released_at",
    "created_at",
)
BUDGET_SAYS = (
    "method_id",
    "number",
    "range_low",
    "range_high",
    "k",
    "probability",
    "cmc",
    "cmc_percent",
    "note",
    "released_at",
    "created_at",
)
# A limit may end earlier than it said; nothing else of it changes.
BOUND = (
    "standard_id",
    "test_item_id",
    "category_id",
    "kind",
    "low",
    "high",
    "n",
    "c",
    "m_small",
    "m_large",
    "unit",
    "comparison",
    "not_detected",
    "valid_from",
    "note",
)
VERSION = "a released method version is never changed"
BUDGET = "a released uncertainty budget is never changed"
# Table, its columns, what is said, tables of its parts, their column that names it.
RELEASED = (
    (
        "method_version",
        SAYS,
        VERSION,
        ("method_input", "method_equipment", "method_case"),
        "method_version_id",
    ),
    ("uncertainty_budget", BUDGET_SAYS, BUDGET, ("budget_source", "budget_correlation"), "budget_id"),
)
LIMIT = "the figures of a limit are never changed: supersede it"
DECIDED = "what was decided about a standard is never changed"
CLOSED = "a closed check of standards is never changed"
# Of a closed check only the PDF of its evidence sheet is filled in, once.
CHECK_SAYS = (
    "number",
    "source",
    "file_name",
    "file_sha256",
    "list_rows",
    "left_out",
    "made_on",
    "made_by",
    "made_at",
    "closed_by",
    "closed_at",
    "document_sha256",
)


def upgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        _sqlite()
    else:
        _postgresql()


def _changed(columns: tuple[str, ...], differs: str) -> str:
    return " OR ".join(f"NEW.{c} {differs} OLD.{c}" for c in columns)


def _released_changed(columns: tuple[str, ...], differs: str) -> str:
    again = f"(OLD.retired_at IS NOT NULL AND NEW.retired_at {differs} OLD.retired_at)"
    return f"OLD.released_at IS NOT NULL AND ({_changed(columns, differs)} OR {again})"


def _guards(differs: str) -> list[tuple[str, str, str]]:
    """(table, condition, sentence)"""
    released = [(table, _released_changed(says, differs), text) for table, says, text, *_parts in RELEASED]
    again = f"(OLD.evidence_sha256 IS NOT NULL AND NEW.evidence_sha256 {differs} OLD.evidence_sha256)"
    closed = f"OLD.closed_at IS NOT NULL AND ({_changed(CHECK_SAYS, differs)} OR {again})"
    return [
        *released,
        ("spec_limit", _limit_changed(differs), LIMIT),
        ("standard_finding", "OLD.decided_at IS NOT NULL", DECIDED),
        ("standards_check", closed, CLOSED),
    ]


def _limit_changed(differs: str) -> str:
    longer = "(OLD.valid_to IS NOT NULL AND (NEW.valid_to IS NULL OR NEW.valid_to > OLD.valid_to))"
    return f"{_changed(BOUND, differs)} OR {longer}"


def _sqlite() -> None:
    for table, condition, sentence in _guards("IS NOT"):
        op.execute(
            f"CREATE TRIGGER {table}_stays BEFORE UPDATE ON {table} WHEN {condition} "
            f"BEGIN SELECT RAISE(ABORT, '{table}: {sentence}'); END"
        )
    for owner, _says, sentence, parts, column in RELEASED:
        for table in parts:
            for verb, rows in (("INSERT", ("NEW",)), ("UPDATE", ("OLD", "NEW")), ("DELETE", ("OLD",))):
                owners = ", ".join(f"{row}.{column}" for row in rows)
                op.execute(
                    f"CREATE TRIGGER {table}_stays_{verb[0].lower()} BEFORE {verb} ON {table} WHEN EXISTS "
                    f"(SELECT 1 FROM {owner} WHERE id IN ({owners}) AND released_at IS NOT NULL) "
                    f"BEGIN SELECT RAISE(ABORT, '{table}: {sentence}'); END"
                )


def _postgresql() -> None:
    op.execute(
        "CREATE FUNCTION lims_refuse_saying() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "RAISE EXCEPTION '%: %', TG_TABLE_NAME, TG_ARGV[0] "
        "USING ERRCODE = 'integrity_constraint_violation'; END $$"
    )
    for table, condition, sentence in _guards("IS DISTINCT FROM"):
        op.execute(
            f"CREATE TRIGGER {table}_stays BEFORE UPDATE ON {table} FOR EACH ROW WHEN ({condition}) "
            f"EXECUTE FUNCTION lims_refuse_saying('{sentence}')"
        )
    for owner, _says, sentence, parts, column in RELEASED:
        op.execute(
            f"CREATE FUNCTION lims_refuse_released_{owner}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
            f"IF EXISTS (SELECT 1 FROM {owner} WHERE released_at IS NOT NULL "
            f"AND id IN (OLD.{column}, NEW.{column})) THEN "
            f"RAISE EXCEPTION '%: {sentence}', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation'; "
            "END IF; RETURN COALESCE(NEW, OLD); END $$"
        )
        for table in parts:
            op.execute(
                f"CREATE TRIGGER {table}_stays BEFORE INSERT OR UPDATE OR DELETE ON {table} "
                f"FOR EACH ROW EXECUTE FUNCTION lims_refuse_released_{owner}()"
            )


def downgrade() -> None:
    raise NotImplementedError("records are not unlocked; restore a backup of before the upgrade")
