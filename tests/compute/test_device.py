import pytest

from gridkit.compute.device import cuda_index
from gridkit.errors import EnvironmentProblem


def test_the_cpu_has_no_number():
    assert cuda_index("cpu") is None


@pytest.mark.parametrize("name", ["gpu", "cuda:", "cuda:x", "cuda:²", "CPU", ""])
def test_other_names_are_refused(name):
    with pytest.raises(EnvironmentProblem, match=r"no such device: .*; give cpu, cuda or cuda:N"):
        cuda_index(name)


def test_a_device_beyond_the_last_is_refused(monkeypatch):
    monkeypatch.setattr("torch.cuda.device_count", lambda: 2)
    assert (cuda_index("cuda"), cuda_index("cuda:1")) == (0, 1)
    with pytest.raises(EnvironmentProblem, match=r"no such device: cuda:2; torch .* sees 2 CUDA"):
        cuda_index("cuda:2")
