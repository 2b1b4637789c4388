"""Writes the table of layers in ``CONTRIBUTING.md`` from the rules of ``tests/architecture/test_imports.py``.

Run by ``make docs``. A test fails while the table differs from the rules.
"""

import re
import runpy
from collections.abc import Mapping, Set
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "CONTRIBUTING.md"
RULES = ROOT / "tests" / "architecture" / "test_imports.py"
_BLOCK = re.compile(r"(?<=<!-- layers -->\n).*?(?=<!-- /layers -->)", re.DOTALL)
_NOT_PACKAGES = {"__init__", "errors", "amounts", "definitions", "component", "docs_page"}
"""Single modules: open to all, or entry points."""


def layers() -> str:
    """The table: a line for each package, after all that it may import."""
    rules = runpy.run_path(str(RULES))
    return "".join(
        f"```\n{title}\n{_lines(rules[name])}```\n"
        for title, name in (("cbr_warehouse", "MAY_IMPORT"), ("cbr_emulator", "EMULATOR_MAY_IMPORT"))
    )


def with_layers(page: str) -> str:
    """The page with its table replaced by the current one."""
    return _BLOCK.sub(lambda _: layers(), page)


def _lines(may_import: Mapping[str, Set[str]]) -> str:
    order: list[str] = []
    while len(order) < len(may_import):
        ready = [name for name in may_import if name not in order and may_import[name] <= set(order)]
        if not ready:
            raise SystemExit(f"{RULES}: these packages import each other in a circle: {may_import}")
        order += ready
    packages = [name for name in order if name not in _NOT_PACKAGES]
    width = max(map(len, packages))
    return "".join(
        f"  {name:{width}}  may import  {_imports(may_import[name], packages[:place]) or '-'}\n"
        for place, name in enumerate(packages)
    )


def _imports(allowed: Set[str], earlier: list[str]) -> str:
    left_out = [name for name in earlier if name not in allowed]
    if len(earlier) > 5 and len(left_out) <= 2:
        return "all above" + (f" but {', '.join(left_out)}" if left_out else "")
    return ", ".join(name for name in earlier if name in allowed)


if __name__ == "__main__":
    PAGE.write_text(with_layers(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
