"""Mutation testing of a pure room: change one thing in it, and see whether its tests notice.

    nice -n 10 .venv/bin/python -m script.mutate --sample 200 --seed 1 --minutes 20
    nice -n 10 .venv/bin/python -m script.mutate budgets coverage      # every mutant of two modules
    nice -n 10 .venv/bin/python -m script.mutate --again report.txt    # the survivors that a report names

One process collects the tests and runs them once, noting which test calls which function; while neither the room nor
its tests change, that is kept. For each mutant it forks; the child has the changed function and runs only the tests
that call it, the quickest first, until one fails. A change outside of functions (tables, defaults, enums), or in a
function that no test calls itself, is imported anew in the child. Hypothesis runs derandomised.

Mutated are comparisons, arithmetic, signs, and/or/not, numbers, True/False, and what is returned; not texts (so no
sentence of an error, and no figure that stands in a text), annotations or decorators (so neither slots nor the size of
a cache). All else counts. ``EQUIVALENT`` names the few mutants that no test can tell from the original, each with its
reason; the report says how many it met, and counts them neither as killed nor as survivors. A mutant that makes a test
run without end is killed too; the report says how many. What makes a dataclass has no file of its own, so a test that
only makes one is not seen to call its module: the runner rather reports a survivor too many.
"""

import argparse
import ast
import hashlib
import importlib.abc
import importlib.util
import json
import os
import random
import signal
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, FrameType, FunctionType, ModuleType
from typing import Any

import pytest
from _pytest.runner import runtestprotocol

ROOM, TESTS = "lims.metrology", "tests/metrology"
#: Seconds after which a test that does not end is ended. A child that has only seen tests pass gives up sooner, and its
#: mutant counts as a survivor.
PATIENCE, GIVES_UP = 120, 40
#: Place and change, as the report prints them without the line: why no test can tell.
EQUIVALENT: dict[str, str] = {
    "positions.span_of 1 -> 2": "a point is only compared with edges at -1, 0 and 1",
    "positions. 1 -> 2": "a point is only compared with edges at -1, 0 and 1",
    "conformity_risk. 24 -> 25": "points in each panel of an integral; it stays right to 1E-11",
    "conformity_risk. 15 -> 16": "how far panels of an integral reach; the rest is below 1E-40",
    "conformity_risk. 16 -> 17": "how far panels of an integral reach; the rest is below 1E-40",
    "conformity_risk._ends_around middle + reach * width -> middle - reach * width": "the reach goes to both sides",
    "conformity_risk._ends_around reach * width -> reach / width": "where panels end; the integral stays right to 1E-11",
    "conformity_risk._integral middle + half * node -> middle - half * node": "a panel's points lie alike to both sides",
    "conformity_risk._gamma_ends 1 -> 2": "where panels end; the integral stays right to 1E-11",
    "conformity_risk._gamma_ends 2 -> 3": "where panels end; the integral stays right to 1E-11",
    "conformity_risk._gamma_ends 0 -> 1": "where panels end; the integral stays right to 1E-11",
    "conformity_risk._gamma_ends 25 -> 26": "where panels end; the integral stays right to 1E-11",
    "conformity_risk._gamma_ends 45 -> 46": "where panels end; the integral stays right to 1E-11",
    "conformity_risk._gamma_ends 0.0 -> 1.0": "the first panel holds 1E-13 of the mean",
    "conformity_risk._gamma_density eta > 0 -> eta >= 0": "no point of a panel is its end",
    "uncertainty_statements.round_at_least last_place(rounded) < place -> last_place(rounded) <= place": (
        "up to its own place a figure stays"
    ),
    "method_budgets.check_budget 0 -> 1": "an estimate that nobody looks at",
    "method_budgets._with_result 0 -> 1": "nobody reads where the added part stands in the text",
    "method_budgets. maxsize=256 -> maxsize=257": "the size of a cache",
    "conformity_risk._between low > 0 -> low >= 0": "at 0 both differences are the same",
    "conformity_risk._between 0 -> 1": "for ends from 0 to 1 neither difference is better",
    "formula_tree. start=1 -> start=2": "only the order of the bindings counts",
    "probability. 10000 -> 10001": "below and above, both ways to Student's distribution agree to 12 digits",
    "probability.student_cdf dof > _MANY -> dof >= _MANY": "there both ways agree to 12 digits",
    "probability.student_cdf t > 0 -> t >= 0": "at 0 either tail is one half",
    "probability. 1000 -> 1001": "the fraction ends long before",
    "probability._continued_fraction abs(c * d - 1) < 1e-15 -> abs(c * d - 1) <= 1e-15": "one more round changes nothing",
    "probability._away_from_zero abs(value) > _TINY -> abs(value) >= _TINY": "next to nothing is next to nothing",
    "probability._upper_quantile 40.0 -> 41.0": "the bracket of a bisection",
    "probability._upper_quantile 350.0 -> 351.0": "the bracket of a bisection",
    "probability._incomplete_beta x * b < rest * a -> x * b <= rest * a": "at the mean either fraction serves",
    "probability._log_gamma_step 100 -> 101": "just below and above, both ways agree to 12 digits",
    "probability._log_gamma_step a < 100 -> a <= 100": "just below and above, both ways agree to 12 digits",
    "probability._log rest < x -> rest <= x": "at one half either logarithm serves",
    "method_budgets._stated last_place(U) < place -> last_place(U) <= place": "U is rounded to that place already",
    "control_rules._find_opposite points[place].z * here.z -> points[place].z / here.z": "only the sign counts",
    "control_rules._find_opposite points[place].z * here.z < 0 -> points[place].z * here.z <= 0": "neither z is 0",
    "limits._write_count count < 1000 -> count <= 1000": "1000 is a power of ten and was written as one",
    "control_rules._find_beyond points[place].z * here -> points[place].z / here": "only the sign counts",
    "robust_mean.algorithm_a to_fraction(deviation) < nothing -> to_fraction(deviation) <= nothing": "both 0: mean is median",
    "rounding._nearest_even numerator < 0 -> numerator <= 0": "0 has no sign",
    "rounding._nearest_even 0 -> 1": "a whole number below 1 that is not below 0 is 0",
    "coverage.trapezoid_factor p * (1 + edge) < 2 * edge -> p * (1 + edge) <= 2 * edge": "there both formulas meet",
    "uncertainty_sources.variance_together one.figure is not figure -> one.figure is figure": "the same sum, slower",
    "budgets. repr=False -> repr=True": "whether a field stands in the repr",
    "formula. repr=False -> repr=True": "whether a field stands in the repr",
    "sensitivities._stepped 10 -> 11": "any small step serves a quantity that adds nothing",
    "sensitivities._stepped 6 -> 7": "any small step serves a quantity that adds nothing",
    "sensitivities._stepped 1 -> 2": "any small step serves a quantity that adds nothing",
    "formula_circle._arc_tangent x.copy_abs() > Decimal('0.01') -> x.copy_abs() >= Decimal('0.01')": "a halving more",
    "formula_circle. prec=70 -> prec=71": "20 digits to spare, or 21",
}

_SWAPPED: dict[type[ast.AST], Any] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult,
    ast.Pow: ast.Mult,
    ast.And: ast.Or,
    ast.Or: ast.And,
}


@dataclass(frozen=True, slots=True)
class Mutant:
    """``number``: which of the module's places is changed; ``function``: outermost one, "" outside of any."""

    module: str
    number: int
    function: str
    line: int
    text: str

    @property
    def name(self) -> str:
        return f"{self.module.rpartition('.')[2]}.{self.function} {self.text}"


@dataclass(frozen=True, slots=True)
class _Place:
    node: ast.AST
    function: str


def places(node: ast.AST, function: str = "", path: str = "") -> Iterator[_Place]:
    """Nodes that can be mutated, in the order of the source."""
    if isinstance(node, ast.FunctionDef):
        for default in (*node.args.defaults, *filter(None, node.args.kw_defaults)):
            yield from places(default, function, path)
        inner = function or path + node.name
        for statement in node.body:
            yield from places(statement, inner)
        return
    if isinstance(node, ast.ClassDef):
        for statement in node.body:
            yield from places(statement, function, f"{path}{node.name}.")
        return
    if isinstance(node, ast.AnnAssign):
        if node.value is not None:
            yield from places(node.value, function, path)
        return
    if _mutable(node):
        yield _Place(node, function)
    if isinstance(node, ast.keyword) and _mutable(node):
        return  # its constant is changed together with its name, so that the report tells what it is
    for child in ast.iter_child_nodes(node):
        yield from places(child, function, path)


def _mutable(node: ast.AST) -> bool:
    match node:
        case ast.Compare(ops=[_]) | ast.BoolOp() | ast.UnaryOp(op=ast.Not() | ast.USub()):
            return True
        case ast.BinOp(op=op):
            return type(op) in _SWAPPED
        case ast.Constant(value=value) | ast.keyword(value=ast.Constant(value=value)):
            return isinstance(value, int | float)
        case ast.Return(value=ast.expr() as value):
            # Nothing is as false as False, which is changed to True.
            return not (isinstance(value, ast.Constant) and value.value in (None, False))
        case _:
            return False


def mutate(node: Any) -> str:
    """Change the node in place; returns what was changed, as text."""
    before = ast.unparse(node)
    match node:
        case ast.Compare():
            node.ops = [_SWAPPED[type(node.ops[0])]()]
        case ast.BoolOp() | ast.BinOp():
            node.op = _SWAPPED[type(node.op)]()
        case ast.UnaryOp(op=ast.Not()):
            node.operand = ast.UnaryOp(ast.Not(), node.operand)
        case ast.UnaryOp():
            node.op = ast.UAdd()
        case ast.keyword():
            mutate(node.value)
        case ast.Constant():
            value: Any = node.value
            node.value = not value if isinstance(value, bool) else value + 1
        case ast.Return():
            node.value = ast.Constant(None)
    ast.fix_missing_locations(node)
    return " ".join(f"{before} -> {ast.unparse(node)}".split())[:160]


def mutants_of(module: ModuleType) -> list[Mutant]:
    tree = ast.parse(Path(str(module.__file__)).read_text(encoding="utf-8"))
    return [
        Mutant(
            module.__name__, n, place.function, getattr(place.node, "lineno", 0), mutate(deepcopy(place.node))
        )
        for n, place in enumerate(places(tree))
    ]


def mutated_code(mutant: Mutant) -> CodeType:
    path = str(sys.modules[mutant.module].__file__)
    tree = ast.parse(Path(path).read_text(encoding="utf-8"))
    mutate(list(places(tree))[mutant.number].node)
    return compile(tree, path, "exec")


# -- in the child --------------------------------------------------------------------


def _code_of(code: CodeType, qualname: str) -> CodeType:
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            if constant.co_qualname == qualname:
                return constant
            if qualname.startswith(f"{constant.co_qualname}."):
                return _code_of(constant, qualname)
    raise LookupError(qualname)


def _live_function(module: ModuleType, qualname: str) -> FunctionType:
    found: Any = module
    for part in qualname.split("."):
        found = found.__dict__[part]
    for inner in ("fget", "func", "__func__", "__wrapped__"):
        found = getattr(found, inner, found)
    assert isinstance(found, FunctionType), qualname
    return found


def _patch(mutant: Mutant) -> None:
    module = sys.modules[mutant.module]
    _live_function(module, mutant.function).__code__ = _code_of(mutated_code(mutant), mutant.function)
    for name, other in list(sys.modules.items()):
        if name.startswith(ROOM):
            for value in vars(other).values():
                if hasattr(value, "cache_clear"):
                    value.cache_clear()


class _Mutated(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Gives one module its changed code when it is imported anew."""

    def __init__(self, mutant: Mutant) -> None:
        self.mutant, self.code = mutant, mutated_code(mutant)

    def find_spec(self, fullname: str, path: object, target: object = None) -> Any:
        return importlib.util.spec_from_loader(fullname, self) if fullname == self.mutant.module else None

    def exec_module(self, module: ModuleType) -> None:
        path = Path(__file__).parent.parent.joinpath(*self.mutant.module.split(".")).with_suffix(".py")
        module.__file__ = str(path)
        exec(self.code, module.__dict__)  # our own source, changed in one place


def _import_anew(mutant: Mutant, files: list[str]) -> bool:
    """Whether tests of these files fail with the whole module changed."""
    finder = _Mutated(mutant)
    for name in [name for name in sys.modules if name.startswith((ROOM, TESTS.replace("/", ".")))]:
        del sys.modules[name]
    sys.meta_path.insert(0, finder)
    options = ["-x", "-q", "-W", "ignore", "-p", "no:cacheprovider", "--no-header"]
    kept = (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED)
    return any(pytest.main([*options, file]) not in kept for file in files)


def _state() -> str:
    """Of the room and its tests, so that an old map is not believed."""
    files = sorted(path for folder in (ROOM.replace(".", "/"), TESTS) for path in Path(folder).glob("*.py"))
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()


def _files(tests: list[str], items: dict[str, pytest.Item]) -> list[str]:
    """Files of these tests, first those that have little else."""
    wanted, whole = (Counter(test.partition("::")[0] for test in some) for some in (tests, items))
    return sorted(wanted, key=lambda file: wanted[file] / whole[file], reverse=True)


def _survivors(report: str) -> set[str]:
    lines = Path(report).read_text().splitlines()
    return {line.split(": ", 2)[2] for line in lines if line.startswith("survived: ")}


def _fails(item: pytest.Item) -> bool:
    return any(report.failed for report in runtestprotocol(item, log=False, nextitem=None))


# -- in the parent -------------------------------------------------------------------


class Campaign:
    """Takes the place of pytest's own loop over the tests it has collected."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.calls: dict[str, set[str]] = defaultdict(set)  # function -> tests
        self.seconds: dict[str, float] = {}
        self.endless = 0

    def pytest_configure(self) -> None:
        # Not before: pytest rewrites what it loads.
        from hypothesis import settings

        settings.register_profile("mutate", derandomize=True, database=None, max_examples=25, deadline=None)
        settings.load_profile("mutate")

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        items = {item.nodeid: item for item in session.items}
        kept, state = Path(self.options.map), _state()
        before = json.loads(kept.read_text()) if kept.exists() else {}
        if isinstance(before, dict) and before.get("state") == state:
            self.seconds = before["seconds"]
            self.calls.update({name: set(tests) for name, tests in before["calls"].items()})
        for item in items.values():
            if item.nodeid not in self.seconds:
                self._observe(item)
        calls = {name: sorted(tests) for name, tests in self.calls.items()}
        kept.write_text(json.dumps({"state": state, "seconds": self.seconds, "calls": calls}))
        print(f"\n{len(items)} tests in {sum(self.seconds.values()):.0f} s", flush=True)
        self._run(items)
        return True

    def _observe(self, item: pytest.Item) -> None:
        here = f"{os.sep}{ROOM.replace('.', os.sep)}{os.sep}"
        called: set[CodeType] = set()

        def note(frame: FrameType, event: str, _: object) -> None:
            if event == "call" and here in frame.f_code.co_filename:
                called.add(frame.f_code)

        began = time.perf_counter()
        sys.setprofile(note)
        failed = _fails(item)
        sys.setprofile(None)
        if failed:
            raise SystemExit(f"fails without a mutant: {item.nodeid}")
        self.seconds[item.nodeid] = time.perf_counter() - began
        for code in called:
            module = f"{ROOM}.{Path(code.co_filename).stem}"
            self.calls[f"{module}:{code.co_qualname.partition('.<locals>')[0]}"].add(item.nodeid)
            self.calls[module].add(item.nodeid)

    def _run(self, items: dict[str, pytest.Item]) -> None:
        everything = [mutant for module in self._modules() for mutant in mutants_of(module)]
        if self.options.again:
            everything = [one for one in everything if one.name in _survivors(self.options.again)]
        chosen = everything
        if self.options.sample < len(everything):
            chosen = random.Random(self.options.seed).sample(everything, self.options.sample)
        ends = time.monotonic() + 60 * self.options.minutes
        killed, survivors, equal = 0, [], 0
        for n, mutant in enumerate(chosen, start=1):
            if time.monotonic() > ends:
                break
            if mutant.name in EQUIVALENT:
                equal += 1
                continue
            if self._is_killed(mutant, items):
                killed += 1
            else:
                survivors.append(mutant)
                print(f"survived: line {mutant.line}: {mutant.name}", flush=True)
            if n % 25 == 0:
                print(f"{n}: {killed} killed, {len(survivors)} survived", flush=True)
        total = killed + len(survivors)
        print(
            f"{killed} of {total} killed ({killed / max(total, 1):.1%}), {self.endless} of them because a test did "
            f"not end; {equal} equivalent left out; of {len(everything)} mutants, seed {self.options.seed}"
        )

    def _modules(self) -> list[ModuleType]:
        wanted = {Path(one).stem for one in self.options.modules}
        found = {
            name.rpartition(".")[2]: module
            for name, module in sorted(sys.modules.items())
            if name.startswith(f"{ROOM}.") and module.__file__
        }
        if unknown := wanted - found.keys():
            raise SystemExit(f"no module of {ROOM}: {', '.join(sorted(unknown))}")
        return [module for name, module in found.items() if name in wanted or not wanted]

    def _is_killed(self, mutant: Mutant, items: dict[str, pytest.Item]) -> bool:
        own = self.calls[f"{mutant.module}:{mutant.function}"] & items.keys() if mutant.function else set()
        tests = sorted(own or self.calls[mutant.module] & items.keys(), key=self.seconds.__getitem__)
        child = os.fork()
        if not child:
            self._in_child(mutant, tests, items, anew=not own)
        ended = os.waitpid(child, 0)[1]
        self.endless += os.WIFSIGNALED(ended) and os.WTERMSIG(ended) == signal.SIGALRM
        return ended != 0

    def _in_child(
        self, mutant: Mutant, tests: list[str], items: dict[str, pytest.Item], *, anew: bool
    ) -> None:
        # Ends the child. Imported anew, all its tests run in one go, and need the time they need.
        signal.alarm(PATIENCE + (int(5 * sum(map(self.seconds.__getitem__, tests))) if anew else 0))
        silence = os.open(os.devnull, os.O_WRONLY)
        for stream in (1, 2):
            os.dup2(silence, stream)
        killed = True
        try:
            if anew:
                killed = _import_anew(mutant, _files(tests, items))
            else:
                _patch(mutant)
                ends = time.monotonic() + GIVES_UP
                killed = any(_fails(items[test]) for test in tests if time.monotonic() < ends)
        finally:
            os._exit(1 if killed else 0)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "modules", nargs="*", help="names or paths; all mutants of them unless --sample says less"
    )
    parser.add_argument("--sample", type=int)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--again", help="a report: try its survivors once more")
    parser.add_argument("--map", default=".mutate-map.json", help="keeps which test calls what")
    parser.add_argument("--minutes", type=float, default=60.0)
    options = parser.parse_args()
    if options.sample is None:
        options.sample = sys.maxsize if options.modules or options.again else 200
    sys.exit(
        pytest.main(["-q", "-W", "ignore", "-p", "no:cacheprovider", TESTS], plugins=[Campaign(options)])
    )


if __name__ == "__main__":
    main()
