"""T18: guessing passwords and codes, finding out names, going round the second factor."""

import threading
import time
from datetime import timedelta
from statistics import median

import pyotp
import pytest
from sqlalchemy import select

from lims.app import create_app
from lims.core.audit import AuditEvent
from lims.core.database import db
from lims.core.errors import InvalidInput, TooManyRequests
from lims.core.permissions import Role
from lims.core.ratelimit import hit
from lims.core.uow import UnitOfWork
from lims.people import passwords
from lims.people.models import LoginAttempt, RecoveryCode
from lims.people.own_account import replace_recovery_codes
from lims.people.sign_in import HalfWay, Next, Visitor, give_password, give_second_factor
from lims.people.signing import confirm_signature
from lims.people.tries import FREE_TRIES, LONGEST_WAIT, TRIES_PER_ADDRESS
from tests.people.test_sign_in_pages import give
from tests.support.accounts import PASSWORD, SECRET, actor_of, code_now, make_account
from tests.support.backends import settings_for

HERE = Visitor("10.0.0.7", "test")


@pytest.fixture
def analyst(uow):
    return make_account(uow, Role.ANALYST, username="li")


def guess(uow, username="li", password="wrong password", ip="10.0.0.7"):
    try:
        give_password(uow, username=username, password=password, visitor=Visitor(ip, "test"))
    except InvalidInput as refusal:
        return refusal.code
    except TooManyRequests as refusal:
        return refusal.retry_after_s
    return "in"


def half_way(uow, analyst):
    entered = give_password(uow, username="li", password=PASSWORD, visitor=HERE)
    return HalfWay(entered.session.session_id, analyst.id, "li", Next.CODE)


def test_after_some_free_tries_each_must_wait_twice_as_long(uow, analyst, clock):
    assert [guess(uow) for _ in range(FREE_TRIES)] == ["sign_in_refused"] * FREE_TRIES
    waits = []
    for _ in range(4):
        waits.append(guess(uow))
        clock.advance(seconds=waits[-1])
        assert guess(uow) == "sign_in_refused"
    assert waits == [1, 2, 4, 8]


def test_waiting_is_never_for_ever_and_the_right_password_opens_again(uow, analyst, clock):
    """Anybody can make another person wait: a lockout would be a weapon."""
    waits = []
    for _ in range(40):
        wait = guess(uow)
        if isinstance(wait, int):
            waits.append(wait)
            clock.advance(seconds=wait)
    assert max(waits) == LONGEST_WAIT.total_seconds()
    clock.advance(LONGEST_WAIT)
    assert guess(uow, password=PASSWORD) == "in"
    assert guess(uow) == "sign_in_refused", "free tries again"


def test_the_right_password_does_not_open_while_one_must_wait(uow, analyst):
    for _ in range(FREE_TRIES):
        guess(uow)
    assert isinstance(guess(uow, password=PASSWORD), int)


def test_names_that_do_not_exist_are_slowed_down_alike(uow, analyst):
    known = [guess(uow, "li") for _ in range(FREE_TRIES + 1)]
    unknown = [guess(uow, "nobody", ip="10.0.0.8") for _ in range(FREE_TRIES + 1)]
    assert known == unknown


def test_the_answer_does_not_say_whether_the_name_exists(client, uow, analyst):
    pages = []
    for username in ("li", "somebody"):
        page = give(client, "/sign-in", username=username, password="wrong password")
        form = page.text[page.text.index('<form method="post" action="/sign-in"') :]
        pages.append((page.status_code, form[: form.index("</form>")].replace(f'value="{username}"', "")))
    strip = [(status, text.split('name="csrf_token"')[0]) for status, text in pages]
    assert strip[0] == strip[1]


def test_a_name_that_does_not_exist_costs_the_same_work(app, monkeypatch):
    """Compared is the processor's time, at a cost that dwarfs everything else."""
    passwords.set_cost(8 * 1024)
    try:
        stored = passwords.hash_password(PASSWORD)
        passwords.verify_password(None, "x")  # the hash of nobody is made at the first use

        def work(kept):
            before = time.process_time()
            passwords.verify_password(kept, "wrong password")
            return time.process_time() - before

        known, unknown = (median(work(kept) for _ in range(15)) for kept in (stored, None))
    finally:
        passwords.set_cost(64)
    assert 0.5 < unknown / known < 2


def test_hashes_are_argon2id_and_dear():
    """The house's cost: 64 MiB, two passes (OWASP asks for 19 MiB)."""
    assert passwords.MEMORY_KIB == 64 * 1024
    passwords.set_cost(passwords.MEMORY_KIB)
    try:
        stored = passwords.hash_password(PASSWORD)
    finally:
        passwords.set_cost(64)
    assert stored.startswith("$argon2id$v=19$m=65536,t=2,p=1$")
    assert PASSWORD not in stored


def test_one_address_that_tries_many_names_must_wait(uow):
    made = [guess(uow, username=f"name{n}") for n in range(25)]
    assert isinstance(made[-1], int)
    assert guess(uow, username="name0", ip="10.9.9.9") == "sign_in_refused", "another address is not held"


def test_the_limit_of_an_address_is_one_for_all_workers(app, database, analyst):
    """Two applications on one database, as two workers are. Right passwords: no other limit counts them."""
    settings = settings_for(database.url, database.data)
    second = create_app(settings, clock=database.clock, TESTING=True, PASSWORD_MEMORY_KIB=64)
    answers = []
    for number in range(TRIES_PER_ADDRESS + 2):
        browser = (app, second)[number % 2].test_client()
        answers.append(give(browser, "/sign-in", username="li", password=PASSWORD).status_code)
    with second.app_context():
        db.engine.dispose()
    assert answers == [302] * TRIES_PER_ADDRESS + [429, 429]


def test_workers_that_open_a_window_at_once_count_together(new_session, clock):
    limit, seen = 5, []

    def worker():
        with new_session() as session:
            try:
                hit(UnitOfWork(session, clock), "test", "10.0.0.7", limit=limit, window=timedelta(minutes=1))
                seen.append("in")
            except TooManyRequests:
                seen.append("held")

    threads = [threading.Thread(target=worker) for _ in range(12)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    assert sorted(seen) == ["held"] * (12 - limit) + ["in"] * limit


def test_tries_at_the_same_moment_see_each_other(new_session, uow, analyst, clock):
    outcomes = []

    def worker():
        with new_session() as session:
            outcomes.append(guess(UnitOfWork(session, clock)))

    threads = [threading.Thread(target=worker) for _ in range(12)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    assert outcomes.count("sign_in_refused") == FREE_TRIES


def test_a_code_is_used_up_by_using_it(uow, analyst):
    code = code_now(uow)
    give_second_factor(uow, half=half_way(uow, analyst), code=code, recovery=False, visitor=HERE)
    with pytest.raises(InvalidInput):
        give_second_factor(uow, half=half_way(uow, analyst), code=code, recovery=False, visitor=HERE)


def test_a_code_that_signed_in_signs_nothing(uow, analyst):
    code = code_now(uow)
    give_second_factor(uow, half=half_way(uow, analyst), code=code, recovery=False, visitor=HERE)
    with pytest.raises(InvalidInput) as refusal:
        confirm_signature(uow, actor=actor_of(analyst), password=PASSWORD, code=code)
    assert refusal.value.code == "signature_refused"


def test_an_older_code_is_not_taken_after_a_newer_one(uow, analyst):
    newer, older = code_now(uow), code_now(uow, steps_ahead=-1)
    give_second_factor(uow, half=half_way(uow, analyst), code=newer, recovery=False, visitor=HERE)
    with pytest.raises(InvalidInput):
        give_second_factor(uow, half=half_way(uow, analyst), code=older, recovery=False, visitor=HERE)


def test_of_many_who_use_one_code_at_once_one_gets_in(new_session, uow, analyst, clock):
    code, half = code_now(uow), half_way(uow, analyst)
    inside = []

    def worker():
        with new_session() as session:
            try:
                mine = UnitOfWork(session, clock)
                give_second_factor(mine, half=half, code=code, recovery=False, visitor=HERE)
                inside.append("in")
            except (InvalidInput, TooManyRequests):
                pass

    threads = [threading.Thread(target=worker) for _ in range(8)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    assert inside == ["in"]


@pytest.mark.parametrize("steps", [-2, 2])
def test_a_code_of_another_time_is_refused(uow, analyst, steps):
    with pytest.raises(InvalidInput):
        give_second_factor(
            uow,
            half=half_way(uow, analyst),
            code=code_now(uow, steps_ahead=steps),
            recovery=False,
            visitor=HERE,
        )


@pytest.mark.parametrize("code", ["", "12345", "1234567", "abcdef", "１２３４５６", "000000\x00", " " * 6])
def test_what_is_no_code_is_refused(uow, analyst, code):
    with pytest.raises(InvalidInput):
        give_second_factor(uow, half=half_way(uow, analyst), code=code, recovery=False, visitor=HERE)


def test_codes_cannot_be_tried_one_after_the_other(uow, analyst):
    half = half_way(uow, analyst)
    for number in range(FREE_TRIES):
        with pytest.raises(InvalidInput):
            give_second_factor(uow, half=half, code=f"{number:06d}", recovery=False, visitor=HERE)
    with pytest.raises(TooManyRequests):
        give_second_factor(uow, half=half, code=code_now(uow), recovery=False, visitor=HERE)


def test_the_second_factor_is_asked_of_all_staff(uow, client):
    fresh = make_account(uow, Role.ANALYST, second_factor=False)
    answer = give(client, "/sign-in", username=fresh.username, password=PASSWORD)
    assert answer.location == "/sign-in/authenticator?next=/"
    assert client.get("/account").location.startswith("/sign-in")


def test_half_a_sign_in_does_not_enrol_a_second_authenticator(client, uow, analyst):
    give(client, "/sign-in", username="li", password=PASSWORD)
    assert client.get("/sign-in/authenticator").location.startswith("/sign-in/code")


def test_a_recovery_code_works_once_and_signs_nothing(uow, analyst, clock):
    clock.advance(minutes=1)
    codes = replace_recovery_codes(uow, actor=actor_of(analyst), password=PASSWORD, code=code_now(uow))
    half = half_way(uow, analyst)
    entered = give_second_factor(uow, half=half, code=codes[0], recovery=True, visitor=HERE)
    assert entered.next is Next.NOTHING
    with pytest.raises(InvalidInput):
        give_second_factor(uow, half=half_way(uow, analyst), code=codes[0], recovery=True, visitor=HERE)
    with pytest.raises(InvalidInput):
        confirm_signature(uow, actor=actor_of(analyst), password=PASSWORD, code=codes[1])
    assert codes[1] not in uow.session.scalars(select(RecoveryCode.code_hash)).all()


def test_signing_needs_the_password_too(uow, analyst):
    with pytest.raises(InvalidInput):
        confirm_signature(uow, actor=actor_of(analyst), password="wrong password", code=code_now(uow))
    assert confirm_signature(uow, actor=actor_of(analyst), password=PASSWORD, code=code_now(uow))


def test_guessing_at_an_account_stands_in_the_audit_trail(uow, analyst):
    for _ in range(FREE_TRIES):
        guess(uow)
    event = uow.session.scalars(select(AuditEvent).order_by(AuditEvent.seq.desc())).first()
    assert (event.verb, event.object_id, event.ip) == ("session.guessed", str(analyst.id), "10.0.0.7")


def test_no_password_is_kept_of_a_try(uow, analyst):
    guess(uow, password="my other password")
    row = uow.session.scalars(select(LoginAttempt)).one()
    assert "my other password" not in str(vars(row))


def test_the_secret_of_the_authenticator_lies_sealed(uow, analyst):
    assert SECRET not in analyst.totp_secret
    assert pyotp.TOTP(SECRET).generate_otp(1) not in analyst.totp_secret


@pytest.mark.parametrize(
    "password",
    [
        "short",
        "aaaaaaaaaaaaaaaa",
        "abcdefghijklmnop",
        "123456789012",
        "password1234",
        "qwertyuiop12",
        "zhang san 12",
        "x" * 200,
    ],
)
def test_passwords_that_are_guessed_first_are_refused(password):
    with pytest.raises(InvalidInput) as refusal:
        passwords.check_password(password, names=("Zhang San",))
    assert refusal.value.code == "weak_password"


def test_a_password_of_several_words_is_taken_in_any_script():
    for password in ("seven quiet balances", "七台 安静 的 电子 天平 称量", "Tr0ub4dor&3-extra"):
        passwords.check_password(password, names=("Zhang San",))
