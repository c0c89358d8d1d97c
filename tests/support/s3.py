"""An S3-compatible server on the loopback: moto's, in threads of this process."""

import logging
from collections.abc import Iterator
from urllib.request import Request, urlopen

import pytest

from gridkit.storage.objects import _open

SECRET = "loopback-secret-that-nobody-may-see"
BUCKET = "corpora"


@pytest.fixture(scope="session")
def s3_endpoint() -> Iterator[str]:
    server = pytest.importorskip("moto.server", reason="moto is not installed (extra dev)")
    logging.getLogger("werkzeug").setLevel(logging.CRITICAL)
    running = server.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    running.start()
    host, port = running.get_host_and_port()
    yield f"http://{host}:{port}"
    running.stop()


@pytest.fixture
def s3(s3_endpoint, monkeypatch, tmp_path) -> str:
    """An empty bucket, and an environment that leads to it; the address of the bucket."""
    _post(s3_endpoint, "reset")
    _post(s3_endpoint, "reset-auth", b"inf")
    for name, value in {
        "AWS_ENDPOINT_URL": s3_endpoint,
        "AWS_ACCESS_KEY_ID": "loopback",
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_CONFIG_FILE": str(tmp_path / "none"),
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "none"),
        "AWS_EC2_METADATA_DISABLED": "true",
        "NO_PROXY": "127.0.0.1",
    }.items():
        monkeypatch.setenv(name, value)
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    backend().create_bucket(BUCKET, "us-east-1")
    _open.cache_clear()
    return f"s3://{BUCKET}"


def backend():
    """What the server holds: objects can be put and counted without a request each."""
    from moto.core import DEFAULT_ACCOUNT_ID
    from moto.s3.models import s3_backends

    return s3_backends[DEFAULT_ACCOUNT_ID]["aws"]


def objects() -> dict[str, bytes]:
    """The objects of the bucket by name."""
    return {name: key.value for name, key in backend().buckets[BUCKET].keys.items()}


def use_reader(monkeypatch, endpoint: str) -> None:
    """Have the environment hold the credentials of a user who may read the bucket and no more."""
    import boto3

    users = boto3.client("iam", endpoint_url=endpoint)
    users.create_user(UserName="reader")
    policy = (
        '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", '
        '"Action": ["s3:GetObject", "s3:ListBucket"], "Resource": "*"}]}'
    )
    users.put_user_policy(UserName="reader", PolicyName="reads", PolicyDocument=policy)
    key = users.create_access_key(UserName="reader")["AccessKey"]
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", key["AccessKeyId"])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", key["SecretAccessKey"])
    _open.cache_clear()
    check_credentials(endpoint)


def check_credentials(endpoint: str) -> None:
    """Have the server check credentials from now on, which it does not by itself."""
    _post(endpoint, "reset-auth", b"0")


def _post(endpoint: str, what: str, data: bytes = b"") -> None:
    headers = {"Content-Type": "text/plain"}
    request = Request(f"{endpoint}/moto-api/{what}", data=data, headers=headers, method="POST")
    with urlopen(request) as answer:
        assert answer.status == 200
