"""The loopback Hub as a fixture."""

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from support.hub.server import WRITER_TOKEN, HubServer, serve


@pytest.fixture
def hub_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HubServer]:
    """A Hub on the loopback, for this process too; see `support.hub.server`."""
    from huggingface_hub import constants, file_download
    from huggingface_hub.utils import _http

    hub, server = serve(tmp_path / "hf-home")
    monkeypatch.setenv("HF_ENDPOINT", hub.endpoint)
    monkeypatch.setenv("HF_TOKEN", WRITER_TOKEN)
    # read when huggingface_hub is imported, which may be long ago; its ENDPOINT stays as it is, so
    # that a call that does not pass the endpoint on fails
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(hub.home / "hub"))
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(hub.home / "token"))
    # the client waits before it tries again; a test need not
    for module in (_http, file_download):
        monkeypatch.setattr(module, "time", SimpleNamespace(sleep=hub.waits_s.append))
    yield hub
    server.shutdown()
    server.server_close()
