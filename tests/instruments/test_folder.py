"""A watched folder: whole files, once, whatever writers, restarts and kills do; nothing in it is touched."""

import base64
import fcntl
import hashlib
import itertools
import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from instruments import folder as watched
from instruments.board import Board
from instruments.errors import SettingsWrong
from instruments.file_marks import FileMarks
from instruments.folder import FolderWatch, Sight, Stillness
from instruments.gateway import Gateway
from instruments.settings import FolderSettings, Settings, load_settings
from instruments.spool import Spool, SpoolReader
from tests.instruments.making import NOON, draft, wait_for
from tests.instruments.receiving import Receiving

ROOT = Path(__file__).parents[2]
STILL_S = 5.0


class HandClock:
    now = 1000.0

    def stamp(self):
        return NOON

    def seconds(self):
        return self.now


class Watched:
    """A folder, its watch and a real spool, in one thread: ``look`` is one scan and one commit."""

    def __init__(self, base: Path, **row: object) -> None:
        self.base, self.folder, self.clock = base, base / "export", HandClock()
        self.folder.mkdir(parents=True, exist_ok=True)
        self.spool, self.board = Spool(base / "spool.db"), Board()
        self.marks = FileMarks(self.spool)
        self.watch = FolderWatch(
            FolderSettings("icp", self.folder, still_s=STILL_S, **row),
            self.clock,
            "boot",
            known=self.marks,
            keep=self.keep,
            show=self.board.show,
        )

    def keep(self, found, then):
        for one in found.drafts[:-1]:
            self.spool.add(one, 0.0)
        self.spool.add(found.drafts[-1], 0.0, beside=self.marks.beside(found.mark, found.name))
        self.spool.commit()
        self.marks.stored(found.mark)
        then()

    def look(self, after_s: float = 0.0) -> list[tuple[str, bytes]]:
        """Every file in the spool, put together, after one more look at the folder."""
        self.clock.now += after_s
        self.watch.scan()
        return files_in(SpoolReader(self.base / "spool.db").after(0, rows=1000))

    def write(self, name: str, content: bytes) -> Path:
        path = self.folder / name
        path.write_bytes(content)
        os.utime(path)  # as if written in one go: time of change and of content alike
        return path


def files_in(rows) -> list[tuple[str, bytes]]:
    found: dict[tuple[str, int], bytes] = {}
    for row in rows:
        body = json.loads(row.body) if not isinstance(row, dict) else row
        event = body["event"]
        if event["kind"] != "file":
            continue
        place, _all = event["code"].split("/")
        first = body["seq"] - int(place) + 1
        key = (event["name"], first)
        found[key] = found.get(key, b"") + base64.b64decode(body["raw"])
        digest = event["sha256"]
        if int(place) == int(_all):
            assert hashlib.sha256(found[key]).hexdigest() == digest
    return [(name, content) for (name, _first), content in found.items()]


@pytest.fixture
def place(tmp_path):
    made = Watched(tmp_path)
    yield made
    made.spool.close()


def grown(place: Watched, name: str, content: bytes) -> None:
    """A file whose last write is its last change, as a program leaves it."""
    with (place.folder / name).open("ab") as stream:
        stream.write(content)


def test_a_file_is_taken_when_it_stands_still_and_not_before(place):
    grown(place, "a.csv", b"sample,Al\n")
    assert place.look() == []
    grown(place, "a.csv", b"S1,80.4\n")
    assert place.look(after_s=STILL_S) == []  # it grew since the last look: the wait begins again
    assert place.look(after_s=STILL_S - 1) == []
    assert place.look(after_s=1) == [("a.csv", b"sample,Al\nS1,80.4\n")]
    assert place.look(after_s=60) == [("a.csv", b"sample,Al\nS1,80.4\n")]


def test_folders_inside_are_watched_where_the_row_says_so(tmp_path):
    place = Watched(tmp_path, subfolders=True, patterns=("run*.csv",))
    deep = "/".join(f"{n:02}-{'x' * 20}" for n in range(5))
    for inner in ("2026-11-26", ".hidden", deep):
        (place.folder / inner).mkdir(parents=True)
    place.write("run1.csv", b"1")
    for name in ("2026-11-26/run2.csv", "2026-11-26/other.csv", ".hidden/run3.csv", f"{deep}/run4.csv"):
        place.write(name, name.encode())
    (place.folder / "loop").symlink_to(place.folder, target_is_directory=True)
    place.look()
    (place.folder / "2026-11-26/run2.csv").rename(
        place.folder / "run2.csv"
    )  # moved: the same content, taken at once
    assert sorted(place.look(after_s=0.1)) == [("run2.csv", b"2026-11-26/run2.csv")]
    names = dict(place.look(after_s=STILL_S))
    assert {name.rpartition("/")[2] for name in names} == {"run1.csv", "run2.csv", "run4.csv"}
    assert max(map(len, names)) == 80  # of a long way the end, with the kind of the file
    place.spool.close()
    plain = Watched(tmp_path / "plain")
    (plain.folder / "inner").mkdir()
    plain.write("inner/a.csv", b"1")
    plain.look()
    assert plain.look(after_s=STILL_S) == []
    plain.spool.close()


def test_a_folder_inside_that_cannot_be_read_is_said_and_hides_no_other(tmp_path, monkeypatch):
    place = Watched(tmp_path, subfolders=True)
    for inner in ("closed", "open"):
        (place.folder / inner).mkdir()
        place.write(f"{inner}/a.csv", inner.encode())
    scandir = os.scandir

    def refuse(path):  # whoever runs the tests may be allowed everything
        if Path(path).name == "closed":
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    place.look()
    assert place.look(after_s=STILL_S) == [("open/a.csv", b"open")]
    (view,) = place.board.views()
    assert (view.state, view.reason) == ("connected", "closed cannot be read: Permission denied.")
    place.spool.close()


def test_a_file_renamed_into_place_is_taken_at_once(place):
    grown(place, "a.csv.part", b"S1,80.4\n")
    place.look()
    (place.folder / "a.csv.part").rename(place.folder / "a.csv")
    assert place.look() == [("a.csv", b"S1,80.4\n")]


def test_a_file_that_somebody_has_open_for_writing_or_locked_waits_however_still_it_is(place):
    with (place.folder / "a.csv").open("ab") as writer:
        writer.write(b"half")
        writer.flush()
        place.look()
        assert place.look(after_s=3600) == []
    with (place.folder / "b.csv").open("wb") as other:
        other.write(b"b")
    holder = (place.folder / "b.csv").open("rb")
    fcntl.flock(holder, fcntl.LOCK_EX)
    place.look()
    assert place.look(after_s=3600) == [("a.csv", b"half")]
    holder.close()
    assert place.look(after_s=1) == [("a.csv", b"half"), ("b.csv", b"b")]


def test_the_same_content_is_taken_once_and_a_file_written_anew_is_a_new_one(place, tmp_path):
    place.write("a.csv", b"one")
    place.write("copy.csv", b"one")
    place.look()
    assert [content for _name, content in place.look(after_s=STILL_S)] == [b"one"]
    place.write("a.csv", b"two!")
    place.look()
    assert [content for _name, content in place.look(after_s=STILL_S)] == [b"one", b"two!"]
    place.spool.close()
    again = Watched(tmp_path)  # the gateway was started anew: it remembers what it took
    again.look()
    assert [content for _name, content in again.look(after_s=STILL_S)] == [b"one", b"two!"]
    again.spool.close()


def test_a_large_file_goes_in_chunks_and_a_too_large_one_is_told_of_once(place, monkeypatch):
    content = os.urandom(600_000)
    place.write("big.csv", content)
    place.look()
    assert place.look(after_s=STILL_S) == [("big.csv", content)]
    monkeypatch.setattr(watched, "MOST_BYTES", 1000)
    place.write("huge.csv", bytes(1001))
    place.look()
    place.look(after_s=STILL_S)
    place.look(after_s=STILL_S)
    (view,) = place.board.views()
    assert view.reason.startswith("huge.csv has 0.0 MB")
    told = [row for row in SpoolReader(place.base / "spool.db").after(0, rows=99) if b"too_large" in row.body]
    assert len(told) == 1


def test_other_files_links_and_what_is_older_than_the_day_are_left_alone(tmp_path):
    place = Watched(tmp_path, not_before=datetime(2026, 1, 1, tzinfo=UTC))
    for name in ("~$a.csv", ".b.csv", "c.raw"):
        place.write(name, b"x")
    old = place.write("old.csv", b"old")
    os.utime(old, (1_700_000_000, 1_700_000_000))
    (place.folder / "link.csv").symlink_to(place.folder / "c.raw")
    place.write("EMPTY.csv", b"")
    before = sorted((p.name, p.lstat().st_mtime_ns) for p in place.folder.iterdir())
    place.look()
    assert place.look(after_s=60) == []
    assert sorted((p.name, p.lstat().st_mtime_ns) for p in place.folder.iterdir()) == before
    place.spool.close()


def test_a_folder_that_is_gone_is_said_and_comes_back(place):
    place.folder.rename(place.base / "away")
    place.look()
    (view,) = place.board.views()
    assert (view.state, "cannot be read" in view.reason) == ("unplugged", True)
    (place.base / "away").rename(place.folder)
    place.look()
    assert place.board.views()[0].state == "connected"


def test_nothing_is_ready_before_its_time_in_any_order_of_looks():
    sizes = (1, 1, 2, 2, 2, 2)
    for steps in itertools.product((1.0, 2.0, 3.0), repeat=len(sizes)):
        stillness, now, since, before = Stillness(STILL_S), 0.0, 0.0, None
        for size, step in zip(sizes, steps, strict=True):
            now += step
            since = now if size != before else since
            before = size
            still, moved = stillness.look({"a": Sight(1, size, size, size)}, now)
            assert (still == ["a"]) == (now - since >= STILL_S)
            assert moved == []


def test_the_configuration_names_folders_and_refuses_what_is_wrong(tmp_path):
    path = tmp_path / "gateway.toml"
    head = '[gateway]\nfolder = "state"\n[[folder]]\nkey = "icp"\npath = "export"\n'
    path.write_text(head + 'patterns = ["*.rpt"]\nnot_before = 2026-11-01\nstill_s = 3\n')
    (row,) = load_settings(path).folders
    assert (row.path, row.patterns, row.still_s) == (tmp_path / "export", ("*.rpt",), 3)
    for wrong in (
        "still_s = 0",
        'subfolders = "yes"',
        'patterns = "x"',
        'not_before = "1.1."',
        'colour = "red"',
    ):
        path.write_text(head + wrong)
        with pytest.raises(SettingsWrong):
            load_settings(path)
    path.write_text(head + head.split("\n", 2)[2])
    with pytest.raises(SettingsWrong, match="same key"):
        load_settings(path)


class Process:
    """The real gateway process on a real folder."""

    def __init__(self, base: Path, server: Receiving) -> None:
        self.base, self.export, self.running = base, base / "export", None
        self.export.mkdir()
        (base / "gateway.toml").write_text(
            f'[gateway]\nname = "bench-1"\nserver = "{server.address}"\nfolder = "state"\n'
            '[[folder]]\nkey = "icp"\npath = "export"\nstill_s = 1\n'
        )

    def run(self, *words: str) -> subprocess.Popen:
        with (self.base / "log").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "instruments", *words], cwd=ROOT, stdout=log, stderr=log
            )

    def start(self) -> None:
        self.running = self.run("run", str(self.base / "gateway.toml"))

    def kill(self) -> None:
        self.running.kill()
        self.running.wait()


@pytest.fixture
def bench(tmp_path):
    with Receiving() as server:
        process = Process(tmp_path, server)
        yield process, server
        process.kill()


def test_files_reach_the_server_once_though_the_gateway_is_killed_in_the_middle(bench, tmp_path):
    process, server = bench
    process.start()  # not enrolled: works without the server
    contents = {f"run-{n}.csv": os.urandom(700_000) + b"%d" % n for n in range(3)}
    for name, content in contents.items():
        (process.export / name).write_bytes(content)
    spool = tmp_path / "state" / "spool.db"
    wait_for((tmp_path / "state" / "status.json").exists, seconds=30)
    wait_for(lambda: SpoolReader(spool).last_seq, seconds=30)
    process.kill()  # between two files, or in the middle of one: what is not whole is not there
    (process.export / "later.csv").write_bytes(b"S1,1\n")
    assert process.run("enrol", str(tmp_path / "gateway.toml"), "--code", "K7QM-2FZD").wait() == 0
    process.start()
    expected = sorted([*contents.items(), ("later.csv", b"S1,1\n")])
    wait_for(lambda: sorted(files_in(server.all_captures())) == expected, seconds=30)
    process.running.terminate()
    process.running.wait()
    assert not list(SpoolReader(spool).faults())
    assert {p.name: p.read_bytes() for p in process.export.iterdir()} == dict(expected)


def test_a_file_and_the_memory_of_it_are_one_commit(tmp_path):
    """Without it a kill between the two takes a file twice, or never."""
    gateway = Gateway(Settings(tmp_path / "state", ()))
    found = watched.FoundFile("a.csv", "m" * 64, [draft(b"x"), draft(b"y")])
    gateway.keep_file(found, lambda: None)
    gateway._take_files(0.0)
    assert "m" * 64 not in FileMarks(gateway.spool)  # not before the captures are durable
    gateway.spool.commit()
    assert "m" * 64 in FileMarks(gateway.spool)
    assert gateway.spool.last_seq == 2
    gateway._shut()
