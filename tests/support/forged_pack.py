"""Evidence packs that somebody changed: with checksums that still fit, or not."""

import hashlib
import json
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

Manifest = dict[str, Any]


def read_pack(pack: Path) -> dict[str, bytes]:
    """The files of a pack by name."""
    with zipfile.ZipFile(pack) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def write_zip(place: Path, files: Mapping[str, bytes]) -> Path:
    """An archive of these files."""
    with zipfile.ZipFile(place, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return place


def changed(pack: Path, place: Path, changes: Mapping[str, bytes | None]) -> Path:
    """A pack with files changed, removed (None) or added, and nothing else."""
    files = read_pack(pack) | changes
    return write_zip(place, {name: content for name, content in files.items() if content is not None})


def forged(
    pack: Path,
    place: Path,
    changes: Mapping[str, bytes | None],
    edit: Callable[[Manifest], None] = lambda _manifest: None,
) -> Path:
    """The same by somebody who corrects all checksums, and may edit the manifest."""
    files: dict[str, bytes | None] = {**read_pack(pack), **changes}
    kept = {name: content for name, content in files.items() if content is not None}
    manifest = json.loads(kept["manifest.json"])
    own = ("manifest.json", "manifest.sha256")
    manifest["files"] = [
        {"file": name, "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        for name, content in sorted(kept.items())
        if name not in own
    ]
    edit(manifest)
    content = (json.dumps(manifest, ensure_ascii=False, indent=1) + "\n").encode()
    digest = hashlib.sha256(content).hexdigest()
    return write_zip(
        place, {**kept, "manifest.json": content, "manifest.sha256": f"{digest}  manifest.json\n".encode()}
    )


def of_another_release(manifest: Manifest) -> None:
    """Says that another release made the pack, whose SQL this one does not know."""
    manifest["made_by"] = "cbr-warehouse 0.0.0"
