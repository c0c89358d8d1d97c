"""What a system's process may reach: files to read, devices, environment variables.

It needs the interpreter, the libraries and its own folder. Of the rest of the machine it gets
what torch and the CUDA driver look up, and never `/proc` whole: only its own entry
(docs/protocol.md section 8).
"""

import os
import site
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

import gridkit
from gridkit.compute.import_path import python_path
from gridkit.compute.openmp import brief_spinning
from gridkit.errors import UsageError
from gridkit.evaluation.sandbox.telling import inodes_of, telling_of_clips

_SYSTEM = (
    "/usr /lib /lib32 /lib64 /bin /sbin /nix/store "
    "/etc/ld.so.cache /etc/ld.so.conf /etc/ld.so.conf.d /etc/localtime /etc/timezone"
).split()
_KERNEL = (
    "/proc/self /proc/cpuinfo /proc/meminfo /proc/sys/vm/overcommit_memory "
    "/sys/devices/system/cpu /sys/devices/system/node"
).split()
_CUDA = (
    "/proc/devices /proc/modules /proc/driver/nvidia /proc/sys/vm/mmap_min_addr "
    "/proc/sys/vm/max_map_count /sys/devices/system/memory /sys/module/nvidia "
    "/sys/module/nvidia_uvm /sys/bus/pci /etc/nvidia /etc/OpenCL"
).split()
_DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")
_OF_PREFIX = "bin include lib lib32 lib64 libexec share etc ssl targets pyvenv.cfg".split()
"""Of the folder that Python is installed in: it may be a project's own, with corpora in it."""
_KEPT_VARIABLES = ("PATH", "LANG", "TZ", "LD_LIBRARY_PATH")
_KEPT_PREFIXES = ("LC_", "CUDA_", "NVIDIA_", "PYTORCH_", "CUBLAS_")
_SET_HERE = (
    "HOME TMPDIR XDG_CACHE_HOME PYTHONPATH PYTHONDONTWRITEBYTECODE PYTHONUNBUFFERED USER LOGNAME"
).split()
_OFFLINE = {"HF_HUB_OFFLINE": "1"}
_THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def readable_paths(
    own_folder: Path | None,
    *,
    device: str,
    hidden: Iterable[Path],
    extra: Iterable[Path] = (),
    follow_links: bool = False,
) -> list[str]:
    """Return the files and folders that a system's process may read.

    Args:
        own_folder: the system's, less what tells of clips in it: GRID's own files, corpora and
            results (`telling.py`). Folders of PYTHONPATH are looked through in the same way.
        device: `cpu`, `cuda` or `cuda:N`.
        hidden: corpora and results: left out, wherever they lie and whatever they are called there.
        extra: what else a person allows, less the same.
        follow_links: add what links in the system's folder lead to, less the same.
    """
    wanted = [*map(Path, _SYSTEM), *_interpreter()]
    hidden = [path.resolve() for path in hidden]
    others = (*map(Path, python_path()), *extra)
    own = [path.resolve() for path in others if path.exists()]
    if own_folder is not None:
        links = [path for path in own_folder.iterdir() if follow_links and path.is_symlink()]
        own += [path.resolve() for path in (own_folder, *links) if path.exists()]
    secret = inodes_of(hidden)
    hidden += [found for path in own for found in telling_of_clips(path, secret)]
    wanted += own
    resolved = dict.fromkeys(path.resolve() for path in wanted if path.exists())
    kept = [str(part) for path in resolved for part in without(path, hidden)]
    return kept + _KERNEL + (_CUDA if device != "cpu" else [])


def device_files(device: str) -> list[str]:
    """Return the device files that a system's process may use."""
    if device == "cpu":
        return list(_DEVICES)
    return [*_DEVICES, *sorted(str(path) for path in Path("/dev").glob("nvidia*"))]


def clean_environment(
    environment: Mapping[str, str],
    own_folder: Path,
    *,
    threads: int,
    given: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """Return the environment variables of a system's process.

    Args:
        environment: of this process; little of it is kept.
        own_folder: what the system may write in.
        threads: of numerical libraries.
        given: what a person gives it besides (`given_variables`).
    """
    kept = {
        name: value
        for name, value in environment.items()
        if name in _KEPT_VARIABLES or name.startswith(_KEPT_PREFIXES)
    }
    own = dict.fromkeys(("HOME", "TMPDIR", "XDG_CACHE_HOME"), str(own_folder))
    python = {
        "PYTHONPATH": os.pathsep.join([str(_package().parent), *python_path()]),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONUNBUFFERED": "1",  # what it printed before it crashed is in the log
    }
    user = dict.fromkeys(("USER", "LOGNAME"), "system")
    counts = dict.fromkeys(_THREAD_VARIABLES, str(threads))
    chosen = dict(given or {})
    spinning = brief_spinning({**environment, **chosen})
    return kept | chosen | own | python | user | counts | spinning | _OFFLINE


def given_variables(environment: Mapping[str, str], names: Iterable[str]) -> dict[str, str]:
    """Return the environment variables that a person gives a system, by name.

    Raises:
        UsageError: one is not set, or gridkit itself sets it.
    """
    for name in names:
        if name in _SET_HERE or name in _OFFLINE or name in _THREAD_VARIABLES:
            raise UsageError(f"--env {name}: gridkit itself sets it for a system")
        if name not in environment:
            raise UsageError(
                f"--env {name}: no such variable is set; give the name alone, and set the value "
                f"before: {name.partition('=')[0]}=... gridkit evaluate ..."
            )
    return {name: environment[name] for name in names}


def without(folder: Path, hidden: Iterable[Path]) -> list[Path]:
    """Return what of a folder may be read where parts of it are hidden.

    Rules of Landlock only add up, so a folder that holds a hidden one is opened child by child.

    Args:
        folder: resolved.
        hidden: resolved paths.
    """
    hidden = list(hidden)
    if any(folder.is_relative_to(path) for path in hidden):
        return []
    inside = [path for path in hidden if path.is_relative_to(folder)]
    if not inside:
        return [folder]
    try:
        children = sorted(folder.iterdir())
    except OSError:
        return []
    # a link could lead back up: what it points to is allowed on its own account, or not at all
    return [kept for child in children if not child.is_symlink() for kept in without(child, inside)]


def _interpreter() -> list[Path]:
    # gridkit's own package, not the folder around it: a checkout holds tests and demo corpora
    prefixes = {sys.prefix, sys.exec_prefix, sys.base_prefix, sys.base_exec_prefix}
    folders = [Path(prefix, part) for prefix in sorted(prefixes) for part in _OF_PREFIX]
    if site.ENABLE_USER_SITE:
        folders.append(Path(site.getusersitepackages()))
    return [_package(), *folders, *map(Path, site.getsitepackages())]


def _package() -> Path:
    return Path(gridkit.__file__).resolve().parent
