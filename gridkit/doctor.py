"""What this machine has: packages, extras, devices, codecs, models, recipes, free disk."""

import importlib
import importlib.metadata
import importlib.util
import platform
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from gridkit import __version__
from gridkit.compute.local import usable_cores
from gridkit.errors import GridkitError

CORE_MODULES = {
    "av": "av",
    "cv2": "opencv-python-headless",
    "datasets": "datasets",
    "dlib": "dlib-bin",
    "httpx2": "httpx2",
    "huggingface_hub": "huggingface-hub",
    "jiwer": "jiwer",
    "numpy": "numpy",
    "pesq": "pesq",
    "pocketsphinx": "pocketsphinx",
    "pyarrow": "pyarrow",
    "pystoi": "pystoi",
    "scipy": "scipy",
    "soundfile": "soundfile",
    "soxr": "soxr",
    "torch": "torch",
}
"""Distribution (the name that pip takes) by module."""

EXTRAS = {
    "app": {"starlette": "starlette", "uvicorn": "uvicorn"},
    "synth": {"espeakng_loader": "espeakng-loader", "skimage": "scikit-image"},
    "train": {"tensorboard": "tensorboard"},
    "onnx": {"onnxruntime": "onnxruntime"},
    "hf-asr": {"transformers": "transformers"},
    "webdataset": {"webdataset": "webdataset"},
    "lhotse": {"lhotse": "lhotse"},
}
"""Distribution by module, by extra."""

DECODERS = ("mpeg1video", "mp2", "h264", "flac")
ENCODERS = ("libx264", "ffv1", "mpeg1video", "mp2")
MIN_FREE_GB = 25


@dataclass(frozen=True)
class Finding:
    """One line of the examination."""

    subject: str
    ok: bool
    needed: bool
    """Whether the core needs it."""
    detail: str


def examine() -> tuple[Finding, ...]:
    """Look at everything; what is missing is a finding, not an error."""
    return (
        Finding("gridkit", True, True, f"{__version__} on Python {platform.python_version()}"),
        Finding("machine", True, True, f"{platform.platform()}, {usable_cores()} cores"),
        *(_package(module, name, None) for module, name in CORE_MODULES.items()),
        *(
            _package(module, name, extra)
            for extra, modules in EXTRAS.items()
            for module, name in modules.items()
        ),
        _torchcodec(),
        *_codecs(),
        _landmarks(),
        _recipes(),
        _device(),
        _disk(),
    )


def _package(module: str, distribution: str, extra: str | None) -> Finding:
    subject = distribution if extra is None else f"{distribution} [{extra}]"
    if importlib.util.find_spec(module) is None:
        command = f'pip install "gridkit[{extra}]"' if extra else f"pip install {distribution}"
        return Finding(subject, False, extra is None, command)
    return Finding(subject, True, extra is None, _version(module, distribution))


def _torchcodec() -> Finding:
    """Say whether torchcodec loads: it needs FFmpeg of the system, and a torch that fits."""
    finding = _package("torchcodec", "torchcodec", "decode")
    if not finding.ok:
        return finding
    try:
        importlib.import_module("torchcodec.decoders")
    except (ImportError, OSError, RuntimeError):
        return replace(
            finding,
            ok=False,
            detail=f"{finding.detail} does not load: it needs the libraries of FFmpeg 4 to 8 "
            "(apt-get install ffmpeg), and from 0.14 on a torch for CUDA: "
            'pip install -c constraints.txt "gridkit[decode]"',
        )
    return finding


def _version(module: str, distribution: str) -> str:
    # dlib and opencv come under several names: ask which distribution brought the module
    names = importlib.metadata.packages_distributions().get(module, [distribution])
    brought = {name.lower().replace("_", "-"): name for name in names}
    name = brought.get(distribution, names[0])
    other = "" if distribution in brought else f" ({name})"
    return f"{importlib.metadata.version(name)}{other}"


def _codecs() -> Iterator[Finding]:
    import av.codec

    for mode, kind, names in (("r", "decoder", DECODERS), ("w", "encoder", ENCODERS)):
        for name in names:
            try:
                detail = av.codec.Codec(name, mode).long_name
                yield Finding(f"{kind} {name}", True, True, detail)
            except ValueError:
                detail = "this FFmpeg does not have it: pip install --force-reinstall av"
                yield Finding(f"{kind} {name}", False, True, detail)


def _landmarks() -> Finding:
    from gridkit.media.landmarks_model import default_landmark_model, load_landmark_model

    try:
        model = load_landmark_model(default_landmark_model().path)
    except GridkitError as error:
        return Finding("landmark model", False, True, str(error))
    return Finding("landmark model", True, True, f"{model.name}: {model.licence}")


def _recipes() -> Finding:
    if importlib.util.find_spec("torch") is None:
        return Finding("recipes", False, True, "torch is missing")
    from gridkit.recipe.shelf import shipped_folder

    try:
        folder = shipped_folder()
    except GridkitError as error:
        return Finding("recipes", False, True, str(error))
    names = sorted(path.parent.name for path in folder.glob("*/weights.safetensors"))
    return Finding("recipes", bool(names), True, f"{', '.join(names)} in {folder}")


def _device() -> Finding:
    if importlib.util.find_spec("torch") is None:
        return Finding("GPU", False, False, "torch is missing")
    import torch

    if not torch.cuda.is_available():
        return Finding("GPU", False, False, "no CUDA device: models run on the CPU")
    names = [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())]
    return Finding("GPU", True, False, f"{', '.join(names)}, CUDA {torch.version.cuda}")


def _disk() -> Finding:
    free_gb = shutil.disk_usage(Path.cwd()).free / 1e9
    enough = free_gb >= MIN_FREE_GB
    detail = f"{free_gb:.0f} GB free here; all of GRID needs 16 GB to download, 5 GB prepared"
    return Finding("disk", enough, False, detail)
