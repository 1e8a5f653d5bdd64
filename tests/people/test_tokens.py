"""Tokens for programs: shown once, with scopes and an end, never more than their owner."""

from dataclasses import replace

import pytest

from lims.core.errors import InvalidInput, NotFound, PermissionDenied
from lims.core.permissions import Permission, Role
from lims.core.uow import RequestKey
from lims.people.models import ApiToken
from lims.people.tokens import MOST_TOKENS, create_token, list_tokens, revoke_token
from tests.support.accounts import actor_of, make_account


@pytest.fixture
def analyst(uow):
    return replace(actor_of(make_account(uow, Role.ANALYST)), session_id=1)


def make(uow, actor, *scopes, days=30, **more):
    return create_token(
        uow, actor=actor, name="export", scopes=scopes or [Permission.SAMPLE_READ], days=days, **more
    )


def test_the_table_keeps_only_a_hash(uow, analyst):
    made = make(uow, analyst)
    row = uow.session.get(ApiToken, made.row.id)
    secret = made.text.split("_", 2)[2]
    assert made.text.startswith(f"lims_{row.id}_")
    assert secret not in row.secret_hash
    assert len(secret) >= 43  # 256 bits


@pytest.mark.parametrize(
    ("scopes", "days", "code"),
    [
        ([Permission.ACCOUNT_EDIT], 30, "scope_too_wide"),
        ([], 30, "invalid_input"),
        ([Permission.SAMPLE_READ], 0, "invalid_input"),
        ([Permission.SAMPLE_READ], 366, "invalid_input"),
    ],
)
def test_what_a_token_cannot_be(uow, analyst, scopes, days, code):
    with pytest.raises(InvalidInput) as refusal:
        create_token(uow, actor=analyst, name="x", scopes=scopes, days=days)
    assert refusal.value.code == code


def test_a_token_makes_no_token(uow, analyst):
    with pytest.raises(PermissionDenied) as refusal:
        make(uow, replace(analyst, session_id=None))
    assert refusal.value.code == "session_needed"


def test_the_same_request_again_gives_one_token_and_a_text_that_works(uow, analyst):
    key = RequestKey("k", "f" * 64)
    first, second = make(uow, analyst, request_key=key), make(uow, analyst, request_key=key)
    assert first.row.id == second.row.id
    assert first.text != second.text
    assert len(list_tokens(uow, actor=analyst)) == 1


def test_ended_and_revoked_tokens_are_not_listed(uow, analyst, clock):
    make(uow, analyst, days=1)
    kept = make(uow, analyst, days=2)
    gone = make(uow, analyst, days=2)
    revoke_token(uow, actor=analyst, token_id=gone.row.id)
    clock.advance(days=1)
    assert [row.id for row, _use in list_tokens(uow, actor=analyst)] == [kept.row.id]


def test_nobody_revokes_anothers(uow, analyst):
    made = make(uow, analyst)
    other = replace(actor_of(make_account(uow, Role.ANALYST)), session_id=1)
    with pytest.raises(NotFound):
        revoke_token(uow, actor=other, token_id=made.row.id)
    assert len(list_tokens(uow, actor=analyst)) == 1


def test_there_is_an_end_to_tokens(uow, analyst):
    for _number in range(MOST_TOKENS):
        make(uow, analyst)
    with pytest.raises(InvalidInput) as refusal:
        make(uow, analyst)
    assert refusal.value.code == "too_many_tokens"
