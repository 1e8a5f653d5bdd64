"""full text of samples: pairs of characters, found by index also for two-character Chinese words

Revision ID: 0003
Revises: 0002
"""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        # rowid is the sample's id; the words themselves are not kept.
        op.execute(
            "CREATE VIRTUAL TABLE sample_fts USING fts5("
            "words, content='', contentless_delete=1, tokenize='unicode61', detail=full)"
        )
        return
    op.execute(
        "CREATE TABLE sample_fts ("
        "sample_id BIGINT PRIMARY KEY REFERENCES sample (id) ON DELETE CASCADE, words TSVECTOR NOT NULL)"
    )
    op.execute("CREATE INDEX ix_sample_fts_words ON sample_fts USING GIN (words) WITH (fastupdate = off)")


def downgrade() -> None:
    op.execute("DROP TABLE sample_fts")
