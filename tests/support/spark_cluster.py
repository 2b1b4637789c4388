"""A standalone Spark cluster of processes on loopback, from the pip package: a master and two workers."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

SETTINGS = """
spark.master.rest.enabled false
spark.driver.host 127.0.0.1
spark.driver.memory 512m
spark.executor.memory 512m
spark.executor.cores 1
spark.ui.enabled false
spark.log.level ERROR
spark.network.timeout 60s
spark.executor.extraJavaOptions -XX:TieredStopAtLevel=1 -XX:+UseSerialGC
spark.driver.extraJavaOptions -XX:TieredStopAtLevel=1 -XX:+UseSerialGC
"""
"""Little memory, and no compilation for speed: the JVMs only pass shares on."""


@dataclass(frozen=True)
class Cluster:
    """A running cluster.

    Attributes:
        master: Its address.
        environment: What a driver needs in its environment.
    """

    master: str
    environment: dict[str, str]


@contextmanager
def spark_cluster(folder: Path, *, workers: int = 2) -> Iterator[Cluster]:
    """Starts a master and workers with one core each, and ends them with all their executors.

    Args:
        folder: Gets configuration, logs and work.
        workers: How many workers.
    """
    spec = find_spec("pyspark")
    assert spec is not None
    assert spec.origin is not None
    (folder / "conf").mkdir(parents=True)
    (folder / "conf" / "spark-defaults.conf").write_text(SETTINGS, encoding="utf-8")
    environment = {
        "SPARK_HOME": str(Path(spec.origin).parent),
        "SPARK_CONF_DIR": str(folder / "conf"),
        "SPARK_LOCAL_IP": "127.0.0.1",
        "SPARK_LOCAL_DIRS": str(folder / "local"),
        "PYSPARK_PYTHON": sys.executable,
        # Shares of the tests are functions of tests/support.
        "PYTHONPATH": str(Path(__file__).parents[1]),
        "SPARK_DAEMON_JAVA_OPTS": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
        "SPARK_DAEMON_MEMORY": "256m",
    }
    with ExitStack() as stack:
        master = stack.enter_context(_daemon(folder, environment, "Master", "--host", "127.0.0.1"))
        found = _wait_for(master, r"Starting Spark master at (spark://\S+)")
        address = found[1]
        for number in range(workers):
            place = ["--work-dir", str(folder / f"work-{number}"), "--cores", "1", "--memory", "1g", address]
            log = stack.enter_context(
                _daemon(folder, environment, "Worker", "--host", "127.0.0.1", *place, name=f"worker-{number}")
            )
            _wait_for(log, r"Successfully registered with master")
        yield Cluster(address, environment)


@contextmanager
def _daemon(
    folder: Path, environment: dict[str, str], kind: str, *words: str, name: str = "master"
) -> Iterator[Path]:
    """One process of the cluster, with a session of its own; gives its log."""
    log = folder / f"{name}.log"
    command = [
        f"{environment['SPARK_HOME']}/bin/spark-class",
        f"org.apache.spark.deploy.{kind.lower()}.{kind}",
        *("--port", "0", "--webui-port", "0", "--properties-file", str(folder / "conf/spark-defaults.conf")),
        *words,
    ]
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, env=os.environ | environment, stdout=output, stderr=output, start_new_session=True
        )
    try:
        yield log
    finally:
        process.terminate()  # a worker ends its executors, and they their Python processes
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(20)


def _wait_for(log: Path, pattern: str, seconds: float = 60) -> re.Match[str]:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := re.search(pattern, log.read_text(encoding="utf-8", errors="replace")):
            return found
        time.sleep(0.05)
    raise AssertionError(f"{log} does not say {pattern}: {log.read_text(encoding='utf-8')[-2000:]}")
