"""One form names a repository on the Hub."""

import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridkit.errors import UsageError
from gridkit.hub.address import HubAddress, check_branch, is_hub_address, parse_hub_address


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("hf:lab/grid", HubAddress("lab/grid")),
        ("hf:lab/grid@v1.0", HubAddress("lab/grid", "v1.0")),
        ("hf:a-b.c/D_e.f@refs/pr/1", HubAddress("a-b.c/D_e.f", "refs/pr/1")),
    ],
)
def test_what_is_written_is_what_is_named(text: str, address: HubAddress) -> None:
    assert parse_hub_address(text, "--data") == address
    assert str(address) == text


@pytest.mark.parametrize(
    "text",
    ["grid", "hf:", "hf:grid", "hf:a/b/c", "hf:lab/grid@", "hf:lab/grid@a b", "hf:../grid",
     "hf:lab/..", "hf:/etc/grid", "hf:lab/grid.", "HF:lab/grid"],
)  # fmt: skip
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match=r"--data .*expected hf:ORG/NAME@REVISION"):
        parse_hub_address(text, "--data")


@given(st.text())
def test_no_text_breaks_it(text: str) -> None:
    try:
        address = parse_hub_address(f"hf:{text}", "--data")
    except UsageError:
        return
    assert str(address) == f"hf:{text}"
    assert is_hub_address(str(address))
    assert ".." not in address.repo.split("/")


BRANCHES = ["main", "draft", "v1.0", "feature/a-b", "_x", "refs/pr/1", "refs/pr/12", "abcdef1"]
NO_BRANCHES = [
    "", " ", "a b", "../x", "a/../b", "a..b", "-x", "/a", "a/", "a//b", "a/.b", ".a", "a.", "a./b",
    "a.lock", "a.lock/b", "HEAD", "refs/heads/main", "refs/pr/", "refs/pr/0", "refs/pr/x",
    "refs/pr/1/x", "0123456789" * 4, "ABCDEF0123" * 4, "a\nb", "a\n", "a@b", "a:b", "a~1", "é",
]  # fmt: skip


@pytest.mark.parametrize("name", BRANCHES)
def test_a_branch(name: str) -> None:
    check_branch(name)
    assert parse_hub_address(f"hf:lab/grid@{name}", "--data").revision == name


@pytest.mark.parametrize("name", NO_BRANCHES)
def test_no_branch(name: str) -> None:
    with pytest.raises(UsageError, match=r"^--revision .*expected a branch, as draft") as raised:
        check_branch(name)
    assert "\n" not in str(raised.value)


@given(st.text(alphabet="aZ9_./-", min_size=1, max_size=12))
def test_git_takes_every_branch(name: str) -> None:
    """By `git check-ref-format --branch`, as `git branch` asks for it."""
    try:
        check_branch(name)
    except UsageError:
        return
    asked = subprocess.run(["git", "check-ref-format", "--branch", name], capture_output=True)
    assert asked.returncode == 0, name
