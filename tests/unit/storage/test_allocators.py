"""What threads free goes back to the system: they allocate from one arena."""

import platform
import subprocess
import sys

import pytest

from support.command_line import PACKAGES

PROGRAM = """
import ctypes
from threading import Barrier, Thread

{before}
import pyarrow

together = Barrier(6)
kept = []

def fill():
    together.wait()
    kept.extend(bytes(2000) for _ in range(3000))
    together.wait()

threads = [Thread(target=fill) for _ in range(6)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(pyarrow.default_memory_pool().backend_name, flush=True)
libc = ctypes.CDLL(None)
libc.fdopen.restype = ctypes.c_void_p
libc.malloc_info(0, ctypes.c_void_p(libc.fdopen(1, b"w")))
libc.fflush(None)
"""
CHOOSE = "from cbr_warehouse.storage.allocators import choose_allocators; choose_allocators()"


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc has arenas")
def test_threads_share_one_arena_and_pyarrow_allocates_from_it_too() -> None:
    assert run(CHOOSE) == ["system", "0"]
    assert int(run("")[1]) > 1


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc has arenas")
@pytest.mark.parametrize(
    ("name", "value"), [("MALLOC_ARENA_MAX", "4"), ("GLIBC_TUNABLES", "glibc.malloc.arena_max=4")]
)
def test_a_number_of_arenas_that_the_user_has_set_stays(name: str, value: str) -> None:
    pool, arenas = run(CHOOSE, **{name: value})
    assert (pool, int(arenas) > 0) == ("system", True)


def test_an_allocator_that_the_user_has_set_stays() -> None:
    assert run(CHOOSE, ARROW_DEFAULT_MEMORY_POOL="mimalloc")[0] == "mimalloc"


def run(before: str, **own: str) -> list[str]:
    """Allocator of pyarrow, and arenas besides the first one, of a process with six threads."""
    environ = {"PYTHONPATH": str(PACKAGES), **own}
    words = [sys.executable, "-c", PROGRAM.format(before=before)]
    done = subprocess.run(words, env=environ, capture_output=True, text=True, check=True)
    pool, information = done.stdout.split("\n", 1)
    return [pool, str(information.count("<heap nr=") - 1)]
