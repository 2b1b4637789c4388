"""``cbr-warehouse copy``: what it refuses before it asks a store. Copies themselves are in ``transfer``."""

import importlib.util
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cbr_warehouse.cli.main import app
from cbr_warehouse.errors import CbrWarehouseError
from support.object_stores import environment


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name, value in environment("http://127.0.0.1:9").items():
        monkeypatch.setenv(name, value)
    return tmp_path


def refused(*words: str) -> tuple[int, str]:
    raised = CliRunner().invoke(app, words).exception
    assert isinstance(raised, CbrWarehouseError), raised
    return raised.exit_status, str(raised)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "Say where to"),
        (("--to", "s3://bucket/a", "--from", "s3://bucket/b"), "one of both"),
        (("--from", "s3://bucket/a", "--verify"), "belong to --to"),
        (("--from", "s3://bucket/a", "--as-data-dir"), "belong to --to"),
        (("--to", "s3://bucket/a", "--as-data-dir", "--alone"), "a data directory is always verified"),
        (("--to", "obs://bucket/a"), "Write it as s3://bucket/prefix"),
    ],
)
def test_wrong_usage_is_a_sentence(words: tuple[str, ...], said: str) -> None:
    status, sentence = refused("copy", *words)
    assert status == 2
    assert said in sentence


def test_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(
        "cbr_warehouse.cli.copy.find_spec", lambda name: None if name == "obstore" else find(name)
    )
    assert refused("copy", "--to", "s3://bucket/a") == (
        2,
        "This needs the package obstore. Install it with pip install 'cbr-warehouse[store]'.",
    )


def test_there_must_be_something_to_copy() -> None:
    status, sentence = refused("copy", "--to", "s3://bucket/a")
    assert status == 1
    assert "there is nothing to copy" in sentence


def test_without_credentials_it_says_which_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    status, sentence = refused("copy", "--to", "s3://bucket/a")
    assert status == 2
    assert "AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY" in sentence


def test_a_url_of_another_kind_is_no_data_directory(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It became a folder named ``s3:``."""
    for words in (("--data-dir", "obs://bucket/a", "status"), ("status", "--data-dir", "https://bucket/a")):
        status, sentence = refused(*words)
        assert status == 2
        assert "in an object store: s3://bucket/prefix" in sentence
    (folder / "cbr-warehouse.toml").write_text('data_dir = "obs://bucket/a"\n')
    status, sentence = refused("status")
    assert status == 2
    assert "cbr-warehouse.toml: data_dir: a URL, not a path" in sentence
    assert [path.name for path in folder.iterdir()] == ["cbr-warehouse.toml"]
