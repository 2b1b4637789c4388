"""Mutation testing: changes the code in small ways, and counts which changes the tests notice.

``make mutate SAMPLE=150 SEED=1 ROOM=extract,load`` tries that many mutants a package, drawn at random
from the lines that the fast tests execute, each with the tests that execute its function. The results
go to ``.venv/mutation/``, from which ``tools/mutation_page.py`` makes the tables of
``docs/mutation.md``. mutmut makes and runs the mutants (settings in ``pyproject.toml``); this file draws
the sample, limits the time a mutant may take, and leaves out changes that no test could notice.

Everything happens in copies below ``mutants/``, whose tests write to temporary folders only.
"""

import argparse
import ast
import hashlib
import json
import random
import shutil
import subprocess
import textwrap
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import libcst as cst
from coverage import Coverage
from mutmut import __main__ as mutmut
from mutmut.configuration import config
from mutmut.mutation import file_mutation, mutators
from mutmut.mutation.data import MutantLineSpans
from mutmut.mutation.diff_apply import find_mutant, generated_function_names, get_diff_for_mutant
from mutmut.runners.harness import PytestRunner
from mutmut.state import state
from mutmut.stats import status_by_exit_code
from mutmut.utils.file_utils import copy_also_copy_files, copy_src_dir, setup_source_paths
from mutmut.utils.format_utils import mangled_name_from_mutant_name
from mutmut.workers.isolation import ForkServerRunner, MutantRunner

ROOMS = ("extract", "raw", "tables", "load", "warehouse")
RESULTS = Path(".venv/mutation")
COPY = Path("mutants")
COVERAGE = COPY / "coverage.sqlite"
MEASURED = COPY / "measured.txt"
"""The digest of the code whose lines the coverage has."""

SECONDS_A_MUTANT = 60
"""Tests of a mutant are run in their order while their sum is below; a mutant that only slower
tests would notice counts as survived."""

UNNOTICEABLE_ARGUMENTS = {"encoding", "strict"}
"""Every machine of the tests writes UTF-8, and strict=True of zip() is an assertion."""

UNNOTICEABLE_CALLS = {"cast", "TypeVar"}
"""Calls for the type checker alone."""


def noticeable_string(node: cst.BaseString) -> Iterable[cst.BaseString]:
    """Mutants of a text; its case is left alone where it is SQL or a sentence (it has a space)."""
    mutants = list(mutators.operator_string(node))
    is_words = isinstance(node, cst.SimpleString) and " " in node.value.strip()
    return mutants[:1] if is_words else mutants


def noticeable_arguments(node: cst.Call) -> Iterable[cst.Call]:
    """Mutants of a call's arguments, without those that no test could notice."""
    if isinstance(node.func, cst.Name) and node.func.value in UNNOTICEABLE_CALLS:
        return
    exempt = [arg for arg in node.args if arg.keyword and arg.keyword.value in UNNOTICEABLE_ARGUMENTS]
    for mutant in mutators.operator_arg_removal(node):
        if all(any(arg is kept for kept in mutant.args) for arg in exempt):
            yield mutant


REPLACED = {
    mutators.operator_string: noticeable_string,
    mutators.operator_arg_removal: noticeable_arguments,
}


class MeasuringRunner(PytestRunner):
    """Measures which lines the tests execute while mutmut determines which functions each executes."""

    def run_stats(self, *, tests: Iterable[str]) -> int:
        """Runs all tests once, on the unchanged copies of the functions."""
        measured = Coverage(data_file=str(COVERAGE.absolute()), source=[str(COPY.absolute() / "src")])
        if COVERAGE.exists():  # what the tests executed that are not run again
            measured.load()
        with measured.collect():
            code = super().run_stats(tests=tests)
        measured.save()
        return code


def new_runner(jobs: int) -> MutantRunner:
    """A process that imports the tests once and is forked for each mutant."""
    return ForkServerRunner(max_workers=jobs, test_runner_class=MeasuringRunner, test_runner_args={})


def make_mutants(jobs: int) -> None:
    """Copies code and tests, and writes every mutant of the rooms into the copy."""
    file_mutation.mutation_operators[:] = [
        (kind, REPLACED.get(operator, operator)) for kind, operator in mutators.mutation_operators
    ]
    COPY.mkdir(exist_ok=True)
    print("Copying the code and making mutants", flush=True)
    with mutmut.CatchOutput():
        copy_src_dir()
        copy_also_copy_files()
        setup_source_paths()
        mutmut.create_mutants(jobs)


def chosen_tests(name: str) -> list[str]:
    """The tests that execute a mutant's function, within the time of a mutant.

    Those of its own package come first, and the fastest of them: they look at it most closely.
    """
    seconds = state().duration_by_test
    own = f"/{name.split('.')[1]}/"
    tests = sorted(
        state().tests_by_mangled_function_name.get(mangled_name_from_mutant_name(name), ()),
        key=lambda test: (own not in test, seconds.get(test, 0), test),
    )
    chosen, total = [], 0.0
    for test in tests:
        total += seconds.get(test, 0)
        if chosen and total > SECONDS_A_MUTANT:
            break
        chosen.append(test)
    return chosen


@cache
def executed(path: str) -> frozenset[int]:
    """The lines of a file with mutants that the tests executed."""
    measured = Coverage(data_file=str(COVERAGE.absolute()))
    measured.load()
    return frozenset(measured.get_data().lines(str((COPY / path).absolute())) or ())


def is_covered(name: str) -> bool:
    """Whether a test executes the statement that a mutant changes."""
    path = find_mutant(name).path
    spans = MutantLineSpans.load(path)
    if spans is None:
        raise SystemExit(f"{path} has no list of its mutants: run without --keep")
    original, mutant = generated_function_names(name)
    before, after = (source.splitlines() for source in spans.read_function_sources([original, mutant]))
    # The heads differ by the name of the mutant.
    head = next(place for place, line in enumerate(before) if original in line)
    pairs = zip(before[head + 1 :], after[head + 1 :], strict=False)
    changed = next((head + 2 + place for place, (old, new) in enumerate(pairs) if old != new), head + 1)
    statements = [
        (node.lineno, (node.body[0].lineno - 1 if hasattr(node, "body") else node.end_lineno) or 0)
        for node in ast.walk(ast.parse(textwrap.dedent("\n".join(before))))
        if isinstance(node, ast.stmt)
    ]
    around = [(first, last) for first, last in statements if first <= changed <= last]
    first, last = max(around, default=(changed, changed))
    start = spans.span_by_function_name[original].start
    return any(start + line - 1 in executed(str(path)) for line in range(first, last + 1))


def drops_assertion(name: str) -> bool:
    """Whether a mutant only makes a strict zip() one that is not."""
    lines = changed_lines(name)
    before, after = ([line[1:] for line in lines if line[0] == sign] for sign in "-+")
    return [line.replace("strict=True", "strict=False") for line in before] == after


def draw(room: str, sample: int, seed: int) -> list[str]:
    """A random sample of the mutants of a room on lines that tests execute; all if ``sample`` is 0."""
    mutants, _ = mutmut.collect_source_file_mutation_data(mutant_names=())
    names = sorted(name for _, name, _ in mutants if name.startswith(f"cbr_warehouse.{room}."))
    random.Random(seed).shuffle(names)  # noqa: S311 - repeatable
    drawn = []
    for name in names:
        if chosen_tests(name) and is_covered(name) and not drops_assertion(name):
            drawn.append(name)
        if len(drawn) == sample:
            break
    return drawn


def try_mutants(runner: MutantRunner, names: Sequence[str]) -> dict[str, str]:
    """Runs the tests of each mutant; returns what happened to it, by name."""
    results: dict[str, str] = {}

    def note() -> None:
        result = runner.wait_for_result()
        status = results[result.mutant_name] = status_by_exit_code[result.exit_code]
        print(f"{len(results)} of {len(names)}: {status}, {result.mutant_name}", flush=True)
        if status == "survived":
            print(*changed_lines(result.mutant_name), "", sep="\n  ", flush=True)

    runner.startup()
    try:
        for name in names:
            tests = chosen_tests(name)
            expected = sum(state().duration_by_test.get(test, 0) for test in tests)
            wall = (expected + config().timeout_constant) * config().timeout_multiplier
            while not runner.has_capacity():
                note()
            runner.submit(name, tests, int(wall * 2), expected)
        runner.signal_work_complete()
        while runner.pending_count():
            note()
    finally:
        runner.shutdown()
    return results


def changed_lines(name: str) -> list[str]:
    """What a mutant changes: the lines of its diff, without context."""
    lines = get_diff_for_mutant(name).splitlines()
    return [line for line in lines if line[:1] in "+-" and line[:3] not in ("---", "+++")]


def revision() -> str:
    """The commit whose copy is changed, and whether anything was not committed."""
    command = ["git", "describe", "--always", "--exclude=*", "--dirty"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def read_results(room: str) -> dict[str, Any]:
    """The results of the last run of a package."""
    found: dict[str, Any] = json.loads((RESULTS / f"{room}.json").read_text(encoding="utf-8"))
    return found


def code_digest() -> str:
    """Identifies the code of the packages that can be changed."""
    paths = sorted(path for room in ROOMS for path in Path("src/cbr_warehouse", room).rglob("*.py"))
    return hashlib.blake2b(b"".join(path.read_bytes() for path in paths)).hexdigest()


def run(
    rooms: Sequence[str], sample: int, seed: int, jobs: int, tests: Sequence[str], *, again: bool
) -> None:
    """Tries a sample of each room, or the survivors of the last run again, and writes the results."""
    tried = revision()
    if not again and MEASURED.exists() and MEASURED.read_text(encoding="utf-8") != code_digest():
        raise SystemExit("The code changed since its lines were measured: run without --keep")
    make_mutants(jobs)
    print("Running the fast tests once", flush=True)
    mutmut.collect_or_load_stats(new_runner(jobs))
    MEASURED.write_text(code_digest(), encoding="utf-8")
    mutmut.set_mutant_under_test("")
    RESULTS.mkdir(parents=True, exist_ok=True)
    for room in rooms:
        before = read_results(room) if again else {}
        if again:
            names = [survivor["mutant"] for survivor in before["survivors"]]
        else:
            names = draw(room, sample, seed)
        started = time.monotonic()
        print(f"{room}: {len(names)} mutants")
        results = try_mutants(new_runner(jobs), names)
        survivors = [
            {"mutant": name, "change": changed_lines(name)}
            for name, result in sorted(results.items())
            if result == "survived"
        ]
        counts = Counter(results.values())
        if again:
            counts.update(before["counts"])
            counts["survived"] = len(survivors)
            at_first = {"survived_at_first": before.get("survived_at_first", len(names))}
            found = before | at_first | {"again": tried, "counts": dict(counts), "survivors": survivors}
        else:
            drawn = {"room": room, "sample": sample, "seed": seed, "revision": tried, "tests": list(tests)}
            found = drawn | {"counts": dict(counts), "survivors": survivors}
        (RESULTS / f"{room}.json").write_text(json.dumps(found, indent=1), encoding="utf-8")
        print(f"{room}: {counts} in {time.monotonic() - started:.0f} s")


def main() -> None:
    """Reads the options."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--room", default=",".join(ROOMS), help="packages, separated by commas")
    parser.add_argument("--sample", type=int, default=150, help="mutants a package; 0 for all")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--tests", nargs="+", help="these tests alone, instead of those of pyproject.toml")
    parser.add_argument(
        "--keep", action="store_true", help="run only new tests before, all others as the run before found"
    )
    parser.add_argument(
        "--again",
        action="store_true",
        help="only the survivors of the last run; those noticed now count as noticed",
    )
    options = parser.parse_args()
    rooms = options.room.split(",")
    if unknown := set(rooms) - set(ROOMS):
        parser.error(f"{', '.join(sorted(unknown))}: no package with mutants; there are {', '.join(ROOMS)}")
    if options.tests:
        config().pytest_add_cli_args_test_selection = options.tests
    if not options.keep:
        shutil.rmtree(COPY, ignore_errors=True)
    run(rooms, options.sample, options.seed, options.jobs, options.tests or (), again=options.again)


if __name__ == "__main__":
    main()
