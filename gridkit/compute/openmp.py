"""How long a thread of OpenMP spins before it sleeps, for every process in which torch computes.

libgomp, which torch computes with on Linux, lets a thread that waits for others spin for longer
than the kernel leaves it on a core. Where another process wants a core, both threads of a model
may come to lie on one; each waits for the other through whole turns of the kernel, at each of
hundreds of operations. Measured with torch 2.13 on two cores beside one busy process, in medians:
v2s-gan-s1 3.5 s per clip and 0.11 s with this count, lip2audspec-s1 8.8 and 0.26 s, a training with
two threads 0.4 and 5.5 clips/s. On a quiet machine the times are the same, within 2 %.
"""

from collections.abc import Mapping, MutableMapping

SPIN_COUNT = "GOMP_SPINCOUNT"
WAIT_POLICY = "OMP_WAIT_POLICY"
ROUNDS = 3000
"""About 70 microseconds; libgomp's own is 300,000."""


def brief_spinning(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that limit spinning, as they are where a person has set one of them.

    Args:
        environment: of the process that starts, or of this one.
    """
    given = {name: environment[name] for name in (SPIN_COUNT, WAIT_POLICY) if name in environment}
    return given or {SPIN_COUNT: str(ROUNDS)}


def spin_briefly(environment: MutableMapping[str, str]) -> None:
    """Limit spinning in this process, and in those it starts; before torch is imported."""
    environment.update(brief_spinning(environment))
