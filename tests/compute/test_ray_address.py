"""Whether a Ray cluster is at an address, before Ray itself is asked."""

import socket

import pytest

from gridkit.compute.ray_cluster import check_listening
from gridkit.errors import EnvironmentProblem


@pytest.mark.parametrize("form", ["127.0.0.1:{}", "ray://127.0.0.1:{}"])
def test_an_address_where_nothing_listens_is_refused_at_once(form) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = form.format(server.getsockname()[1])
        check_listening(address)
    with pytest.raises(EnvironmentProblem, match=f"no Ray cluster at {address}: .*ray start"):
        check_listening(address)


@pytest.mark.parametrize("address", ["", "auto", "local"])
def test_other_addresses_are_left_to_ray(address) -> None:
    check_listening(address)
