"""One form names a repository on the Hub."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridkit.errors import UsageError
from gridkit.hub.address import HubAddress, is_hub_address, parse_hub_address


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
