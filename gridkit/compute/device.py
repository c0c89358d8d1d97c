"""What models compute on: the CPU, or one of the CUDA devices of this machine."""

from gridkit.errors import EnvironmentProblem


def cuda_index(name: str) -> int | None:
    """Return the number of the CUDA device that a name means, None for the CPU.

    Args:
        name: `cpu`, `cuda` (the first) or `cuda:N`.

    Raises:
        EnvironmentProblem: the name has another form, or this machine does not have the device.
    """
    if name == "cpu":
        return None
    kind, colon, number = name.partition(":")
    if kind != "cuda" or (colon and not (number.isascii() and number.isdigit())):
        raise EnvironmentProblem(f"no such device: {name}; give cpu, cuda or cuda:N")
    import torch

    index, count = int(number or "0"), torch.cuda.device_count()
    if index >= count:
        raise EnvironmentProblem(
            f"no such device: {name}; torch {torch.__version__} sees {count} CUDA devices; "
            "run with --device cpu"
        )
    return index
