"""Whatever goes wrong at the Hub is one line that says what, where and what next."""

import logging
import re
from collections.abc import Callable

import httpx2
import pytest
from huggingface_hub import CommitOperationAdd, HfApi, constants
from support.hub.server import READER_TOKEN, WRITER_TOKEN, Fault, HubServer

from gridkit.errors import (
    EXIT_NETWORK,
    GridkitError,
    HubConflictError,
    HubError,
    NetworkError,
    UsageError,
)
from gridkit.hub.client import BAD_TOKEN, has_token, hub_errors, open_hub

WHERE = "hf:lab/grid@main"
TIMEOUT = Fault(status=504)


def info(api: HfApi) -> None:
    api.dataset_info("lab/grid")


def download(api: HfApi) -> None:
    api.hf_hub_download("lab/grid", "a.txt", repo_type="dataset", local_dir=constants.HF_HUB_CACHE)


def push(api: HfApi) -> None:
    api.create_commit(
        "lab/grid",
        [CommitOperationAdd("a.parquet", b"new" * 1000), CommitOperationAdd("b.txt", b"new")],
        commit_message="more",
        repo_type="dataset",
    )


@pytest.fixture
def repo(hub_server: HubServer) -> HubServer:
    hub_server.create_repo("lab/grid")
    hub_server.commit("lab/grid", {"a.txt": b"a"})
    return hub_server


def fails(call: Callable[[HfApi], object]) -> GridkitError:
    with pytest.raises(GridkitError) as raised, hub_errors(WHERE):
        call(open_hub())
    text = str(raised.value)
    assert text.startswith(f"{WHERE}: ")
    assert "\n" not in text
    assert WRITER_TOKEN not in text
    assert "http" not in text  # addresses may carry signatures
    return raised.value


@pytest.mark.parametrize(
    ("call", "route", "fault", "kind", "says"),
    [
        (info, "info", Fault(status=401), HubError, "whose token it is"),
        (info, "info", Fault(status=403), HubError, r"no right to do this \(this is a test\)"),
        (info, "info", Fault(status=500), HubError, "fails with 500 .*run again later"),
        (info, "info", Fault(status=418), HubError, "refuses with 418"),
        (info, "info", Fault(status=429, headers={"Retry-After": "77"}), HubError, "in 77 s"),
        (info, "info", Fault(status=403, error_code="GatedRepo"), HubError, "owners grant access"),
        (info, "info", Fault(loses_answer=True), NetworkError, "cannot be reached .*disconnected"),
        (info, "info", Fault(cut_after_bytes=9), NetworkError, "cannot be reached"),
        (download, "head", TIMEOUT, HubError, "fails with 504"),
        (download, "resolve", Fault(status=500), HubError, "fails with 500"),
        (download, "resolve", Fault(cut_after_bytes=0), NetworkError, "cannot be reached"),
        (push, "preupload", Fault(status=404, error_code="RepoNotFound"), HubError, "private one"),
        (
            push,
            "preupload",
            Fault(status=401),
            HubError,
            "not accept the token, which may have expired",
        ),
        (
            push,
            "commit",
            Fault(status=401),
            HubError,
            "not accept the token, which may have expired",
        ),
        (push, "upload", Fault(status=403), HubError, "no right"),
        (push, "upload", Fault(cut_after_bytes=99), NetworkError, "cannot be reached"),
        (push, "commit", Fault(status=409), HubConflictError, "someone else changed it"),
        (push, "commit", Fault(status=412), HubConflictError, "someone else changed it"),
    ],
)
def test_a_failure_is_one_line(
    repo: HubServer,
    call: Callable[[HfApi], None],
    route: str,
    fault: Fault,
    kind: type[GridkitError],
    says: str,
) -> None:
    repo.fail(route, fault, times=None)
    error = fails(call)
    assert type(error) is kind
    assert error.exit_status == EXIT_NETWORK
    with pytest.raises(kind, match=says):
        raise error


def test_what_is_missing_is_told_apart(repo: HubServer) -> None:
    repo.create_repo("lab/own", private=True)
    assert "no such repository" in str(fails(lambda api: api.dataset_info("lab/none")))
    assert "no such revision" in str(fails(lambda api: api.dataset_info("lab/grid", revision="v9")))
    missing = fails(lambda api: api.hf_hub_download("lab/grid", "d/b.txt", repo_type="dataset"))
    assert "it has no file d/b.txt" in str(missing)
    name = fails(lambda api: api.dataset_info("lab/grid/more"))
    assert isinstance(name, UsageError)
    assert "not the name of a repository" in str(name)


def test_tokens(repo: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_nobodys")
    assert "does not know the token" in str(fails(info))
    assert "does not know the token" in str(fails(lambda api: api.whoami()))
    monkeypatch.setenv("HF_TOKEN", READER_TOKEN)
    assert "no right to do this (Forbidden: you must have write access" in str(fails(push))
    monkeypatch.delenv("HF_TOKEN")
    assert not has_token()
    assert "no token for the Hub; log in with `hf auth login`" in str(
        fails(lambda api: api.whoami())
    )
    assert "or one that needs a token; check the name, or log in" in str(fails(push))


BROKEN_TOKENS = ["hf_x\x0by", "hf_é", "hf_a b", "hf_\udcff", "hf_a\x7f"]


@pytest.mark.parametrize("token", BROKEN_TOKENS)
def test_a_token_that_cannot_be_one_is_refused_unsaid(
    repo: HubServer, monkeypatch: pytest.MonkeyPatch, token: str
) -> None:
    monkeypatch.setenv("HF_TOKEN", token)
    for call in (open_hub, has_token):
        with pytest.raises(HubError) as raised, hub_errors(WHERE):
            call()
        assert str(raised.value) == BAD_TOKEN
    assert not repo.seen


def test_a_stored_token_that_is_no_text(repo: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HF_TOKEN")
    repo.home.mkdir()
    (repo.home / "token").write_bytes(b"hf_\xff\xfe")
    with pytest.raises(HubError) as raised:
        open_hub()
    assert str(raised.value) == BAD_TOKEN


def test_what_a_header_is_refused_for_is_not_said(
    repo: HubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The client's own error has the header's value in its text."""
    monkeypatch.setattr("gridkit.hub.client._VISIBLE_ASCII", re.compile(".*", re.DOTALL))
    monkeypatch.setenv("HF_TOKEN", "hf_secret\x0by")
    with pytest.raises(httpx2.LocalProtocolError, match="hf_secret"):
        info(open_hub())
    assert "hf_secret" not in str(fails(info))


def test_no_network(repo: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9/")  # nobody listens there
    for call in (info, download):
        error = fails(call)
        assert type(error) is NetworkError
        assert "cannot be reached (ConnectError: " in str(error)
    monkeypatch.setenv("HF_ENDPOINT", repo.endpoint)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert "HF_HUB_OFFLINE is set" in str(fails(download))


def test_a_server_that_is_no_hub(repo: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", f"{repo.endpoint}/elsewhere")
    assert "refuses with 404" in str(fails(info))


def test_bugs_stay_bugs() -> None:
    with pytest.raises(ZeroDivisionError), hub_errors(WHERE):
        _ = 1 // 0


def test_warnings_come_without_what_is_secret(capsys: pytest.CaptureFixture[str]) -> None:
    open_hub()
    open_hub()
    logger = logging.getLogger("huggingface_hub.utils._http")
    record = logger.makeRecord(
        logger.name, logging.WARNING, "", 0, "%s failed", ("PUT http://a/b?sig=secret",), None
    )
    handlers = logging.getLogger("huggingface_hub").handlers
    assert handlers
    for handler in handlers:
        handler.filter(record)
    assert record.getMessage() == "PUT http://a/b failed"
