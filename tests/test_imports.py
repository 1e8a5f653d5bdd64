"""The law of the rooms: the import contracts of pyproject.toml, and what a linter of imports cannot say."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LIMS = ROOT / "lims"
ROOMS = (
    "people",
    "catalogue",
    "equipment",
    "accreditation",
    "intake",
    "bench",
    "certificates",
    "quality",
    "portal",
)
# Faces translate between people or machines and use cases; the rest of a room is use cases, tables and states.
FACES = {"api", "pages", "schemas", "forms", "identity", "cli", "face", "labels", "commands"}
SEEN_FROM_OUTSIDE = {"api", "pages", "schemas", "forms"}
TABLES = {"models", "states"}
# These find out who acts: there is no actor yet.
BEFORE_THE_ACTOR = {"people/sessions.py", "people/sign_in.py", "people/tries.py"}
PURE_STDLIB = sys.stdlib_module_names | {"numpy", "scipy", "lims"}


def modules(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.rglob("*.py")) if path.name != "__init__.py"]


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(), filename=str(path))


def where(path: Path, node: ast.AST) -> str:
    return f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 0)}"


def imported(path: Path) -> Iterator[tuple[str, ast.AST]]:
    """Every imported name in full, ``lims.intake.api`` for ``from lims.intake import api``."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from ((f"{node.module}.{alias.name}", node) for alias in node.names)


def calls(path: Path) -> Iterator[tuple[str, ast.Call]]:
    """Every call with the last part of what is called."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), node


def kind_of(path: Path, kinds: set[str]) -> str | None:
    """What a module of a room is part of: ``pages.py``, ``pages/orders.py``, ``order_pages.py``, ``order/pages.py``."""
    parts = path.relative_to(LIMS).with_suffix("").parts[1:]
    return next((k for k in kinds for part in parts if part == k or part.endswith(f"_{k}")), None)


def face_of(path: Path) -> str | None:
    return kind_of(path, FACES)


def use_case_modules() -> list[Path]:
    found = [p for room in ROOMS for p in modules(LIMS / room) if face_of(p) is None]
    return [p for p in found if kind_of(p, TABLES) is None]


def test_the_import_contracts_hold():
    tool = Path(sys.executable).parent / "lint-imports"
    done = subprocess.run([tool, "--no-logo"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_every_use_case_takes_a_unit_of_work_first_and_the_actor_by_name():
    """A public function that commits is a use case."""
    wrong = []
    for path in use_case_modules():
        if str(path.relative_to(LIMS)) in BEFORE_THE_ACTOR:
            continue
        for node in tree(path).body:
            if not isinstance(node, ast.FunctionDef) or node.name.startswith("_"):
                continue
            called = {ast.unparse(n.func) for n in ast.walk(node) if isinstance(n, ast.Call)}
            if not {"uow.commit", "uow.audit"} <= called:
                continue  # technical rows only: without an audit event nothing else can be committed
            first = node.args.args[0].arg if node.args.args else None
            named = {a.arg for a in node.args.kwonlyargs}
            if first != "uow" or "actor" not in named:
                wrong.append(f"{where(path, node)} {node.name}")
    assert wrong == [], "use cases are verb_noun(uow, *, actor, ...)"


def test_nothing_but_the_unit_of_work_commits():
    wrong = [
        f"{where(path, node)} {name}"
        for path in modules(LIMS)
        if path != LIMS / "core" / "uow.py"
        for name, node in calls(path)
        if name.split(".")[-1] == "commit" and not name.endswith(("uow.commit", "work.commit"))
    ]
    assert wrong == []


def test_faces_never_commit_and_never_write_rows():
    wrong = [
        f"{where(path, node)} {name}"
        for room in ROOMS
        for path in modules(LIMS / room)
        if face_of(path) in SEEN_FROM_OUTSIDE
        for name, node in calls(path)
        if name.endswith(("uow.commit", "session.add", "session.delete", "uow.add", "session.flush"))
    ]
    assert wrong == []


def test_schemas_never_touch_a_session():
    wrong = [
        f"{where(path, node)} {name}"
        for room in ROOMS
        for path in modules(LIMS / room)
        if face_of(path) == "schemas"
        for name, node in imported(path)
        if name.startswith(("sqlalchemy", "lims.core.database", "lims.core.uow", "lims.core.web"))
    ]
    assert wrong == []


def test_use_cases_know_neither_flask_nor_marshmallow():
    forbidden = {"flask", "flask_smorest", "flask_wtf", "wtforms", "marshmallow", "werkzeug"}
    wrong = [
        f"{where(path, node)} {name}"
        for path in use_case_modules()
        for name, node in imported(path)
        if name.split(".")[0] in forbidden or name.startswith("lims.core.web")
    ]
    assert wrong == []


def test_only_the_application_imports_a_rooms_faces():
    """``api``, ``pages`` and ``schemas`` stand on the use cases, and nothing stands on them."""
    faces = {
        ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for room in ROOMS
        for path in modules(LIMS / room)
        if kind_of(path, SEEN_FROM_OUTSIDE)
    }
    assert {"lims.intake.order_pages", "lims.bench.control.api"} <= faces
    wrong = []
    for path in modules(LIMS):
        own_room = path.relative_to(LIMS).parts[0]
        for name, node in imported(path):
            hit = name if name in faces else name.rpartition(".")[0]
            if hit not in faces or path.name == "app.py":
                continue
            if own_room != hit.split(".")[1] or face_of(path) is None:
                wrong.append(f"{where(path, node)} imports {name}")
    assert wrong == []


def test_a_room_never_writes_the_rows_of_a_lower_one():
    """Building another room's row, or changing one in bulk, goes through that room's use case."""
    owner = {
        node.name: room
        for room in ROOMS
        for path in modules(LIMS / room)
        if kind_of(path, {"models"})
        for node in tree(path).body
        if isinstance(node, ast.ClassDef) and any(ast.unparse(base) == "Base" for base in node.bases)
    }
    assert owner["Nonconformity"] == "quality"
    assert owner["CaptureReading"] == "bench"
    wrong = []
    for room in ROOMS:
        for path in modules(LIMS / room):
            for name, node in calls(path):
                target = name
                if name in {"insert", "update", "delete", "uow.insert_many"} and node.args:
                    target = ast.unparse(node.args[0])
                if owner.get(target, room) != room:
                    wrong.append(f"{where(path, node)} writes {target} of {owner[target]}")
    assert wrong == []


@pytest.mark.parametrize("path", modules(LIMS / "metrology"), ids=lambda p: p.stem)
def test_metrology_counts_in_decimals_and_reads_no_clock(path):
    allowed = "float is meant" in path.read_text()  # numpy modules say so in their first lines
    forbidden = {"float", "round", "datetime.now", "datetime.utcnow", "date.today", "time.time", "open"}
    wrong = [f"{where(path, node)} {name}" for name, node in calls(path) if name in forbidden]
    assert allowed or wrong == []


@pytest.mark.parametrize("path", modules(LIMS / "metrology"), ids=lambda p: p.stem)
def test_metrology_imports_the_standard_library_only(path):
    outside = {name for name, _ in imported(path) if name.split(".")[0] not in PURE_STDLIB}
    rooms = {name for name, _ in imported(path) if name.startswith("lims.")}
    assert outside == set()
    assert all(name.startswith("lims.metrology") for name in rooms)


@pytest.mark.parametrize(
    ("code", "caught"),
    [("float(x)", True), ("round(x, 2)", True), ("x.quantize(y)", False), ("my.round(x)", False)],
)
def test_the_search_for_floats_finds_them(tmp_path, code, caught):
    (tmp_path / "m.py").write_text(code)
    assert any(name in {"float", "round"} for name, _ in calls(tmp_path / "m.py")) is caught
