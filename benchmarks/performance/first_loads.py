"""First loads by all loaders in turn, and a load of ours after each that finds nothing new."""

import shutil
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from loaders import OWN, Loader
from measured import files_below, megabytes, run, served, stats

Say = Callable[[str], None]


def compare_first_loads(
    file: Path, size: int, loaders: Sequence[Loader], repeats: int, say: Say
) -> dict[str, Any]:
    """Measures first loads, alternating between the loaders.

    Args:
        file: The records.
        size: Number of records.
        loaders: The loaders.
        repeats: How often each loads.
        say: Reports progress.

    Returns:
        The runs of each loader by name, and those of the loads that follow ours.

    Raises:
        SystemExit: A loader failed, or stored other rows than the first one.
    """
    runs: dict[str, list[dict[str, Any]]] = {loader.name: [] for loader in loaders}
    again: list[dict[str, Any]] = []
    expected = None
    with served(file) as url:
        for number in range(repeats):
            for loader in loaders:
                folder = Path(tempfile.mkdtemp(prefix="bench-", dir=file.parent))
                try:
                    measured = _measure(loader, loader.prepare(url, file, folder), folder, url)
                    stored = loader.stored(folder)
                    expected = expected or stored
                    if stored != expected or stored.tasks != size:
                        raise SystemExit(f"{loader.name} stored {stored}, not {size:,} tasks or {expected}")
                    runs[loader.name].append(measured)
                    say(f"{number + 1}/{repeats} {loader.name}: {_line(measured, size)}")
                    if loader is OWN:
                        again.append(_measure(loader, loader.prepare(url, file, folder), folder, url))
                        say(f"{number + 1}/{repeats} nothing new: {_line(again[-1], size)}")
                finally:
                    shutil.rmtree(folder, ignore_errors=True)
    return {"size": size, "json_mb": megabytes([file]), "runs": runs, "nothing new": again}


def _measure(loader: Loader, words: list[str], folder: Path, url: str) -> dict[str, Any]:
    before = stats(url)
    measured = run(words, folder).as_json()
    after = stats(url)
    files = files_below(folder)
    measured |= {name: after[name] - before[name] for name in ("requests", "records")}
    measured |= {"files": len(files), "stored_mb": megabytes(files)}
    if loader is OWN:
        for name in ("raw", "tables"):
            measured[f"{name}_mb"] = megabytes(files_below(folder / "data" / name))
    return measured


def _line(measured: dict[str, Any], size: int) -> str:
    return (
        f"{measured['cpu_seconds']:.2f} CPU-s ({size / measured['cpu_seconds']:,.0f} records/CPU-s), "
        f"{measured['wall_seconds']:.1f} s, peak {measured['peak_mb']:.0f} MB, "
        f"{measured['requests']} requests, {measured['files']} files"
    )
