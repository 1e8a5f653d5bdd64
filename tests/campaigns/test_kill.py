"""SIGKILL at random of web, worker and gateway while people work: nothing acknowledged is lost, nothing doubles.

The driver keeps its own ledger of what was acknowledged, and shares no code with the application: it speaks HTTP,
reads the gateway's spool and looks into the database with SQL. ``LIMS_KILLS`` (50) and ``LIMS_KILL_SEED`` (1) steer it.
"""

import base64
import json
import os
import random
import re
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import requests

from tests.browser.laboratory import ROOT, Laboratory

pytestmark = pytest.mark.campaign
KILLS = int(os.environ.get("LIMS_KILLS", "50"))
SEED = int(os.environ.get("LIMS_KILL_SEED", "1"))
CSRF = re.compile(r'name="csrf_token"[^>]*value="([^"]+)"')


@dataclass
class Ledger:
    """What was acknowledged, by the driver's own words."""

    orders: dict[str, int] = field(default_factory=dict)  # purpose -> id that was answered
    entered: dict[int, str] = field(default_factory=dict)  # test -> figure that was acknowledged
    verified: set[int] = field(default_factory=set)  # tests
    drafted: dict[int, int] = field(default_factory=dict)  # order -> certificate
    signed: set[int] = field(default_factory=set)  # certificates
    printed: list[str] = field(default_factory=list)  # figures the print key sent
    refused: list[str] = field(default_factory=list)  # definite answers nobody expected
    retries: int = 0


class Person:
    """One client: repeats a request with the same key until a definite answer comes."""

    def __init__(self, laboratory: Laboratory, username: str, ledger: Ledger) -> None:
        self.laboratory, self.ledger = laboratory, ledger
        self.session = requests.Session()
        self.sign_in(username)
        self.session.headers["Accept"] = "application/json"

    def sign_in(self, username: str) -> None:
        """As a browser does, before the first fault."""
        answer = self.session.get(f"{self.laboratory.address}/sign-in", timeout=30)
        form = {"username": username, "password": self.laboratory.passwords[username]}
        answer = self.session.post(answer.url, data={**form, "csrf_token": csrf_of(answer.text)}, timeout=30)
        if username in self.laboratory.secrets:
            form = {"code": self.laboratory.code(username), "csrf_token": csrf_of(answer.text)}
            answer = self.session.post(answer.url, data=form, timeout=30)
        assert answer.ok, answer.text
        self.session.headers["X-CSRFToken"] = csrf_of(answer.text)

    def ask(self, method: str, path: str, body: object = None, key: str = "") -> requests.Response:
        headers = {"Idempotency-Key": key} if key else {}
        until = time.monotonic() + 120
        while True:
            try:
                answer = self.session.request(
                    method, self.laboratory.address + path, json=body, headers=headers, timeout=30
                )
                if answer.status_code < 500 and answer.status_code != 429:
                    return answer
            except requests.RequestException:
                pass
            self.ledger.retries += 1
            assert time.monotonic() < until, f"no definite answer to {method} {path} in two minutes"
            time.sleep(0.2)

    def must(self, method: str, path: str, body: object = None, key: str = "") -> dict:
        answer = self.ask(method, path, body, key)
        if answer.status_code >= 400:
            self.ledger.refused.append(f"{method} {path}: {answer.status_code} {answer.text[:300]}")
            raise Refused
        return answer.json() if answer.content else {}

    def step(self, method: str, path: str, body: object, is_done: Callable[[], bool]) -> None:
        """A step without key: when the answer was lost, the second try is refused and the state says why."""
        answer = self.ask(method, path, body)
        if answer.status_code >= 400 and not is_done():
            self.ledger.refused.append(f"{method} {path}: {answer.status_code} {answer.text[:300]}")
            raise Refused


def csrf_of(page: str) -> str:
    found = CSRF.search(page)
    assert found, page[:500]
    return found[1]


class Refused(Exception):
    """A definite answer that the driver did not expect."""


class Campaign:
    def __init__(self, laboratory: Laboratory) -> None:
        self.laboratory, self.ledger, self.stop = laboratory, Ledger(), threading.Event()
        names = ("reception", "head", "analyst1", "reviewer", "signatory1")
        self.people = {name: Person(laboratory, name, self.ledger) for name in names}
        self.analyst_id = self.people["analyst1"].must("GET", "/api/me")["id"]
        self.rows = {
            table: dict(self.sql(f"SELECT code, id FROM {table}"))
            for table in ("business_type", "test_item", "category", "customer")
        }

    def sql(self, statement: str, *values: object) -> list[tuple]:
        database = sqlite3.connect(f"file:{self.laboratory.data}/lims.sqlite?mode=ro", uri=True, timeout=30)
        try:
            return database.execute(statement, values).fetchall()
        finally:
            database.close()

    # -- work ------------------------------------------------------------------------------

    def work(self, worker: int) -> None:
        n = 0
        while not self.stop.is_set():
            n += 1
            try:
                self.one_order(f"campaign-{worker}-{n}", random.Random(f"{SEED}-{worker}-{n}"))
            except Refused:
                continue

    def one_order(self, purpose: str, dice: random.Random) -> None:
        desk, head, analyst = (self.people[n] for n in ("reception", "head", "analyst1"))
        body = {
            "business_type_id": self.rows["business_type"]["commissioned"],
            "customer_id": next(iter(self.rows["customer"].values())),
            "purpose": purpose,
            "items": [self.rows["test_item"]["ph"]],
            "samples": [{"name": purpose, "batch": purpose, "category_id": self.rows["category"]["water"]}],
        }
        order = desk.must("POST", "/api/orders", body, key=f"order-{purpose}")["id"]
        self.ledger.orders[purpose] = order
        self.accept_and_receive(desk, order)
        test = self.sql(
            "SELECT t.id FROM requested_test t JOIN sample s ON s.id = t.sample_id WHERE s.order_id = ?",
            order,
        )[0][0]
        give = {"test_ids": [test], "assignee_id": self.analyst_id}
        head.step("POST", "/api/assignments", give, lambda: self.test_state(test) != "to_do")
        sheet = analyst.must("POST", "/api/worksheets", {"test_ids": [test]}, key=f"sheet-{purpose}")["id"]
        figure = f"{7 + dice.randint(0, 99) / 100:.2f}"
        cells = {"cells": [{"test_id": test, "name": "reading", "text": figure}]}
        analyst.must("PUT", f"/api/worksheets/{sheet}/cells", cells)
        self.ledger.entered[test] = figure
        submit = {"test_ids": [test]}
        analyst.step("POST", "/api/results/submit", submit, lambda: self.test_state(test) == "submitted")
        self.verify_and_draft(order, test, purpose)

    def accept_and_receive(self, desk: Person, order: int) -> None:
        shown = desk.must("GET", f"/api/orders/{order}")
        version = shown["version"]
        accepted = lambda: desk.must("GET", f"/api/orders/{order}")["state"] != "registered"  # noqa: E731
        desk.step("POST", f"/api/orders/{order}/accept", {"version": version}, accepted)
        sample, version = self.sql("SELECT id, version FROM sample WHERE order_id = ?", order)[0]
        seen = {"seal": "none", "amount": "1 L", "condition": "完好", "version": version}
        desk.step(
            "POST", f"/api/samples/{sample}/receive", seen, lambda: self.sample_state(sample) != "expected"
        )

    def verify_and_draft(self, order: int, test: int, purpose: str) -> None:
        reviewer, desk = self.people["reviewer"], self.people["reception"]
        number = self.sql("SELECT current_version FROM result WHERE requested_test_id = ? AND current", test)[
            0
        ][0]
        seen = {"results": [{"test_id": test, "version_number": number}]}
        reviewer.step("POST", "/api/results/verify", seen, lambda: self.test_state(test) == "verified")
        self.ledger.verified.add(test)
        made = desk.must("POST", "/api/certificates", {"order_id": order}, key=f"draft-{purpose}")
        self.ledger.drafted[order] = made["id"]
        state = lambda: self.certificate_state(made["id"])  # noqa: E731
        path = f"/api/certificates/{made['id']}/review"
        reviewer.step("POST", path, {"version": made["version"]}, lambda: state() != "draft")

    def sign(self) -> None:
        """Every half minute all that wait, with one proof."""
        signatory = self.people["signatory1"]
        while not self.stop.is_set():
            waiting = self.sql("SELECT id, version FROM certificate WHERE state = 'reviewed' LIMIT 50")
            mine = [(i, v) for i, v in waiting if i in set(self.ledger.drafted.values())]
            if mine:
                body = {
                    "password": self.laboratory.passwords["signatory1"],
                    "code": self.laboratory.code("signatory1"),
                    "reason": "agreed",
                    "chosen": [{"id": i, "version": v} for i, v in mine],
                }
                # Once: a code is good for one try, so a lost answer is settled by the state, with a new code.
                with suppress(requests.RequestException):
                    signatory.session.post(
                        f"{self.laboratory.address}/api/certificates/approve", json=body, timeout=60
                    )
                self.ledger.signed |= {
                    i for i, _v in mine if self.certificate_state(i) in {"approved", "issued"}
                }
            self.stop.wait(5)

    def press_print(self) -> None:
        n = 0
        while not self.stop.is_set():
            n += 1
            weight = f"{10 + n / 1000:.4f}"
            try:
                self.laboratory.balance("load", weight)
                self.laboratory.balance("print")
            except subprocess.CalledProcessError:
                continue
            self.ledger.printed.append(weight)
            self.stop.wait(1.0)

    def test_state(self, test: int) -> str:
        return str(self.sql("SELECT state FROM requested_test WHERE id = ?", test)[0][0])

    def sample_state(self, sample: int) -> str:
        return str(self.sql("SELECT state FROM sample WHERE id = ?", sample)[0][0])

    def certificate_state(self, certificate: int) -> str:
        return str(self.sql("SELECT state FROM certificate WHERE id = ?", certificate)[0][0])

    # -- faults ----------------------------------------------------------------------------

    def kill(self, dice: random.Random) -> str:
        """One process of the laboratory, chosen by dice; the balance is no part of it."""
        name = dice.choice(("gunicorn", "gunicorn", "lims worker", "instruments run"))
        found: list[int] = []
        while not found:  # the one before may not have been started again yet
            time.sleep(0.2)
            found = [pid for pid, command in processes(self.laboratory.data) if name in command]
        os.kill(dice.choice(found), signal.SIGKILL)
        return name


def processes(data: Path) -> list[tuple[int, str]]:
    """The processes of this laboratory, by its data folder in their environment."""
    found = []
    for folder in Path("/proc").iterdir():
        if not folder.name.isdecimal():
            continue
        try:
            environment = (folder / "environ").read_bytes()
            command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if f"LIMS_DATA={data}".encode() in environment.split(b"\0"):
            found.append((int(folder.name), command))
    return found


@pytest.fixture(scope="module")
def campaign(tmp_path_factory):
    laboratory = Laboratory(tmp_path_factory.mktemp("killed"))
    laboratory.start()
    try:
        yield worked_and_killed(laboratory)
    finally:
        laboratory.stop()


def worked_and_killed(laboratory: Laboratory) -> Campaign:
    running = Campaign(laboratory)
    dice = random.Random(SEED)
    threads = [threading.Thread(target=running.work, args=(n,)) for n in range(3)]
    threads += [threading.Thread(target=running.sign), threading.Thread(target=running.press_print)]
    for thread in threads:
        thread.start()
    running.kills = Counter()
    for _n in range(KILLS):
        time.sleep(dice.uniform(0.5, 5))
        running.kills[running.kill(dice)] += 1
    time.sleep(40)  # the last signature needs a code of its own
    running.stop.set()
    for thread in threads:
        thread.join(180)
    settle(running)
    return running


def settle(running: Campaign) -> None:
    """Until the worker has issued what is signed and the gateway has delivered what it holds."""
    until = time.monotonic() + 180
    while time.monotonic() < until:
        open_jobs = running.sql("SELECT count(*) FROM job WHERE state IN ('waiting', 'running')")[0][0]
        if not open_jobs and len(stored(running)) >= len(spooled(running)):
            return
        time.sleep(1)


def spooled(running: Campaign) -> dict[tuple[str, int], bytes]:
    """What the gateway acknowledged to the device: (epoch, sequence) -> the frame's bytes."""
    spool = running.laboratory.data / "gateway" / "spool.db"
    database = sqlite3.connect(f"file:{spool}?mode=ro", uri=True)
    epoch = database.execute("SELECT value FROM meta WHERE key = 'epoch'").fetchone()[0]
    rows = database.execute("SELECT seq, body FROM capture").fetchall()
    database.close()
    return {(epoch, seq): base64.b64decode(json.loads(body)["raw"]) for seq, body in rows}


def stored(running: Campaign) -> list[tuple[str, int, bytes]]:
    return running.sql("SELECT epoch, seq, raw FROM capture")


def test_the_campaign_worked_and_every_refusal_was_expected(campaign):
    ledger = campaign.ledger
    print(
        f"\nkills {dict(campaign.kills)}; orders {len(ledger.orders)}, figures {len(ledger.entered)}, "
        f"verified {len(ledger.verified)}, drafts {len(ledger.drafted)}, signed {len(ledger.signed)}, "
        f"printed {len(ledger.printed)}, requests repeated {ledger.retries}"
    )
    assert ledger.refused == []
    assert len(ledger.orders) > KILLS // 5
    assert ledger.signed


def test_every_acknowledged_order_is_there_once(campaign):
    kept = Counter(campaign.sql("SELECT purpose FROM customer_order WHERE purpose LIKE 'campaign-%'"))
    assert {purpose: kept[(purpose,)] for purpose in campaign.ledger.orders} == dict.fromkeys(
        campaign.ledger.orders, 1
    )
    assert all(count == 1 for count in kept.values())


def test_every_acknowledged_figure_counts_and_was_entered_once(campaign):
    for test, figure in campaign.ledger.entered.items():
        kept = campaign.sql("SELECT text FROM input_value WHERE requested_test_id = ?", test)
        assert kept == [(figure,)], test
        assert campaign.test_state(test) in {"in_progress", "submitted", "verified"}


def test_every_signed_report_is_issued_once_under_one_number(campaign):
    rows = campaign.sql("SELECT id, number, state, pdf_sha256 FROM certificate WHERE number IS NOT NULL")
    numbers = [number for _i, number, _s, _f in rows]
    assert len(numbers) == len(set(numbers))
    state = {i: (s, f) for i, _n, s, f in rows}
    for certificate in campaign.ledger.signed:
        assert state[certificate][0] == "issued"
        assert state[certificate][1]
    serials = sorted(int(number.rsplit("-", 1)[1]) for number in numbers)
    assert serials == list(range(1, len(serials) + 1)), "no number is skipped"


def test_every_capture_of_the_spool_is_stored_once_byte_for_byte(campaign):
    kept = stored(campaign)
    assert len({(e, s) for e, s, _r in kept}) == len(kept)
    there = {(e, s): r for e, s, r in kept}
    for place, raw in spooled(campaign).items():
        assert there[place] == raw
    text = b"".join(raw for _e, _s, raw in kept)
    doubled = [w for w in campaign.ledger.printed if text.count(f" {w} ".encode()) > 1]
    assert doubled == []


def test_chain_files_and_signatures_verify(campaign):
    done = subprocess.run(
        [sys.executable, "-m", "flask", "--app", "wsgi", "lims", "verify"],
        cwd=ROOT,
        env=campaign.laboratory.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
