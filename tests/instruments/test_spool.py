"""What the spool says it has, it has: after kill -9, after a full disk, and until the server has it too."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from instruments.canonical import canonical
from instruments.captures import Draft, Source, first_link, number, with_hash
from instruments.errors import SpoolUnsafe
from instruments.readings import Event, Kind
from instruments.spool import Spool, SpoolReader, is_safe
from tests.instruments.making import draft, wait_for

WRITER = """
import sys
import time
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from tests.instruments.making import draft
from instruments.errors import SpoolUnsafe
from instruments.spool import Spool
spool = Spool(Path(sys.argv[1]))
n = spool.last_seq
while True:
    for _ in range(3):
        n += 1
        spool.add(draft(raw=b"frame %d" % n), 0.0, lambda row: print(row.seq, row.hash, flush=True))
    spool.commit()
"""


def test_numbers_and_hashes_go_on_where_they_stopped_and_tie_the_chain_to_its_epoch(tmp_path):
    path = tmp_path / "spool.db"
    for expected in (1, 2):
        with Spool(path) as spool:
            spool.add(draft(), 0.0)
            (row,) = spool.commit()
            assert row.seq == expected
            epoch = spool.epoch
    reader = SpoolReader(path)
    first, second = reader.after(0, rows=9)
    assert json.loads(first.body)["prev_hash"] == first_link(epoch)
    assert json.loads(second.body)["prev_hash"] == first.hash
    assert list(reader.faults()) == []
    reader.close()


EVERY_FACT = frozenset(
    [
        "device",
        "profile",
        "codec",
        "port",
        "trigger",
        "raw",
        "event",
        "first",
        "last",
        "boot_id",
        "request_id",
        "serial",
        "identity",
        "asked",
    ]
)


@pytest.mark.parametrize(
    "named",
    [
        {},
        {"request_id": "r-1", "serial": 'B"1\\', "identity": "match", "raw": b"\x00\xff", "asked": b"SI\r\n"},
        {
            "event": Event(
                Kind.ERROR, code="\x02\u2028Fehler ü", more={"identity": "x", "extra": {"hash": ["1", None]}}
            )
        },
        {"device": "天平 1", "port": "COM12", "event": Event(Kind.UNPARSED, code=',"identity":')},
    ],
)
def test_a_capture_has_one_spelling(named):
    """The quick one is the canonical one, with and without the hash. ``EVERY_FACT``: so that none is forgotten."""
    assert {*Draft._fields, *Source.__annotations__} - {"source"} == EVERY_FACT
    document = draft(**named).as_json(7, "0" * 64)
    row = number(draft(**named), 7, "0" * 64)
    assert row.body == canonical(document)
    assert with_hash(row) == canonical({**document, "hash": row.hash})


def test_a_recreated_spool_has_a_new_epoch(tmp_path):
    with Spool(tmp_path / "a.db") as a, Spool(tmp_path / "b.db") as b:
        assert a.epoch != b.epoch


def test_nothing_leaves_the_spool_before_the_server_has_it(tmp_path):
    path = tmp_path / "spool.db"
    with Spool(path) as spool:
        for _ in range(5):
            spool.add(draft(), 0.0)
        spool.commit()
        with pytest.raises(Exception, match="does not have this capture"):
            spool._db.execute("DELETE FROM capture WHERE seq = 3")
        with pytest.raises(Exception, match="never changed"):
            spool._db.execute("UPDATE capture SET body = x'00' WHERE seq = 3")
        reader = SpoolReader(path)
        reader.acknowledge(3, keep_s=0)
        assert [row.seq for row in reader.after(0, rows=9)] == [4, 5]
        assert (reader.oldest, reader.pending, list(reader.faults())) == (4, 2, [])
        reader.close()


def test_only_the_front_leaves_the_spool_even_where_the_clock_was_set_back(tmp_path):
    path, clock = tmp_path / "spool.db", iter([0.0, time.time(), 0.0, time.time() + 1e7])
    with Spool(path, wall=lambda: next(clock)) as spool:
        for _ in range(3):
            spool.add(draft(), 0.0)
            spool.commit()
        reader = SpoolReader(path)
        reader.acknowledge(3, keep_s=3600)
        assert [row.seq for row in reader.after(0, rows=9)] == [
            2,
            3,
        ]  # the third is old, but behind a young one
        reader.acknowledge(3, keep_s=-1)
        spool.add(draft(), 0.0)
        spool.commit()  # in a year that has not come yet
        reader.acknowledge(4, keep_s=3600)
        assert (reader.oldest, list(reader.faults())) == (5, [])
        reader.close()


def test_a_changed_capture_is_named(tmp_path):
    path = tmp_path / "spool.db"
    with Spool(path) as spool:
        for _ in range(3):
            spool.add(draft(), 0.0)
        spool.commit()
        spool._db.execute("DROP TRIGGER capture_is_never_changed")
        spool._db.execute("UPDATE capture SET body = replace(body, '100.00', '900.00') WHERE seq = 2")
        reader = SpoolReader(path)
        assert list(reader.faults()) == ["capture 2 does not match its hash"]
        reader.close()


def test_kill_9_loses_nothing_that_was_reported_durable(tmp_path):
    path = tmp_path / "spool.db"
    here = Path(__file__)
    reported: dict[int, str] = {}
    for _ in range(4):
        output = tmp_path / "reported"
        with output.open("w") as sink:
            writer = subprocess.Popen(
                [sys.executable, "-c", WRITER, str(path), str(here.parents[2])], stdout=sink
            )
            wait_for(lambda: output.read_text().count("\n") > 40)  # noqa: B023
            os.kill(writer.pid, signal.SIGKILL)
            writer.wait()
        whole_lines = output.read_text().rpartition("\n")[0].splitlines()
        reported |= {int(seq): link for seq, link in (line.split() for line in whole_lines)}
    reader = SpoolReader(path)
    held = {row.seq: row for row in reader.after(0, rows=1 << 60)}
    assert list(reader.faults()) == []
    assert all(held[seq].hash == link for seq, link in reported.items())
    assert list(held) == list(range(1, len(held) + 1))
    reader.close()


def test_a_full_disk_keeps_the_captures_waiting_and_writes_them_when_there_is_room(tmp_path):
    path = tmp_path / "spool.db"
    with Spool(path) as spool:
        pages = spool._db.execute("PRAGMA page_count").fetchone()[0]
        spool._db.execute(f"PRAGMA max_page_count = {pages}")
        done = []
        for _ in range(50):
            spool.add(draft(), 0.0, lambda row: done.append(row.seq))
        with pytest.raises(Exception, match="full"):
            spool.commit()
        assert (spool.waiting, done, spool.last_seq) == (50, [], 0)
        spool._db.execute("PRAGMA max_page_count = 100000")
        spool.commit()
        assert done == list(range(1, 51))


@pytest.mark.parametrize(
    ("version", "safe"),
    [((3, 40, 1), False), ((3, 51, 2), False), ((3, 51, 3), True), ((3, 53, 4), True), ((3, 50, 7), True)],
)
def test_an_sqlite_that_can_damage_its_log_is_not_used(version, safe):
    assert is_safe(version) is safe


def test_a_file_that_is_no_spool_is_refused_with_what_to_do(tmp_path):
    path = tmp_path / "spool.db"
    path.write_bytes(b"not a database" * 1000)
    with pytest.raises(SpoolUnsafe, match="move it away"):
        Spool(path)
