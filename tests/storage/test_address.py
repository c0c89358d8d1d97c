import pytest

from gridkit.errors import UsageError
from gridkit.storage.address import ObjectAddress, parse_object_address


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("s3://lab/corpora/grid", ObjectAddress("lab", "corpora/grid")),
        ("s3://lab/corpora/grid/", ObjectAddress("lab", "corpora/grid")),
        ("s3://lab", ObjectAddress("lab", "")),
        ("s3://lab/", ObjectAddress("lab", "")),
        ("s3://a.b-c1/speaker=s1/v1.0", ObjectAddress("a.b-c1", "speaker=s1/v1.0")),
    ],
)
def test_what_an_address_names(text, address):
    assert parse_object_address(text, "--data") == address
    assert parse_object_address(str(address), "--data") == address


@pytest.mark.parametrize(
    "text",
    [
        "s3://",
        "s3:///grid",
        "s3://Lab/grid",
        "s3://lab//grid",
        "s3://lab/a/../b",
        "s3://lab/./b",
        "s3://lab/a b",
        "s3://lab/a\nb",
        "s3://key:secret@lab/grid",
        "s3:/lab/grid",
    ],
)
def test_what_is_not_an_address(text):
    with pytest.raises(UsageError, match="expected s3://BUCKET/PREFIX"):
        parse_object_address(text, "--data")
