"""`gridkit app`: what keeps the page from being opened, in one line each."""

import socket

import pytest
from support.small_recipes import LIPREADER, write_recipe

from gridkit.app import serve
from gridkit.app.loaded import load_recipes
from gridkit.cli.main import main
from gridkit.errors import RecipeError


def run(*arguments):
    with pytest.raises(SystemExit) as left:
        main(["app", "--no-browser", *map(str, arguments)])
    return left.value.code


def test_a_port_that_is_taken_is_one_line(capsys):
    pytest.importorskip("uvicorn", reason='pip install "gridkit[app]"')
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert run("--port", port) == 4
    said = capsys.readouterr().err.strip()
    assert said.startswith(f"gridkit: cannot listen at 127.0.0.1, port {port}: ")
    assert said.endswith("in use; give another --port, or end what uses this one")


def test_an_address_of_another_machine_is_one_line(capsys):
    pytest.importorskip("uvicorn", reason='pip install "gridkit[app]"')
    assert run("--host", "192.0.2.1", "--port", 0) == 4
    said = capsys.readouterr().err.strip()
    assert said.startswith("gridkit: cannot listen at 192.0.2.1, port 0: ")
    assert said.endswith("; give another --host")


def test_a_missing_extra_is_one_line(capsys, monkeypatch):
    monkeypatch.setattr(serve, "find_spec", lambda name: None)
    assert run() == 4
    wanted = 'starlette is not installed; run: pip install "gridkit[app]"'
    assert capsys.readouterr().err == f"gridkit: {wanted}\n"


def test_a_folder_without_recipes_says_so(tmp_path):
    with pytest.raises(RecipeError, match="has no lipreading recipe with weights"):
        load_recipes(tmp_path)


def test_a_recipe_that_does_not_fit_is_left_out_and_named(tmp_path):
    write_recipe(tmp_path / "whole", LIPREADER)
    write_recipe(tmp_path / "untrained", LIPREADER, with_weights=False)
    broken = write_recipe(tmp_path / "broken", LIPREADER.replace("small", "broken"))
    (broken / "weights.safetensors").write_bytes(b"cut off")
    loaded = load_recipes(tmp_path)
    assert list(loaded.readers) == ["small"]
    [refused] = loaded.refused
    assert str(broken) in refused


def test_a_space_is_not_written_over_something(capsys, tmp_path):
    (tmp_path / "mine.txt").write_text("")
    assert run("--space", tmp_path) == 2
    assert "is there and not empty" in capsys.readouterr().err
