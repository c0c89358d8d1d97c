"""The page as a folder that runs by itself: a Space of the Hugging Face Hub, or a container.

It holds gridkit as it is here, the recipes that have weights, and what has to be installed:

    app.py   requirements.txt   Dockerfile   README.md   LICENSE   gridkit/   recipes/
"""

import shutil
from importlib.metadata import distributions, version
from pathlib import Path

import gridkit
from gridkit.app.loaded import is_offered
from gridkit.errors import UsageError
from gridkit.recipe.schema import TRAINED_ON_FILE, WEIGHTS_FILE, load_recipe
from gridkit.recipe.shelf import RECIPE_FILE

PACKAGE = Path(gridkit.__file__).parent
DISTRIBUTIONS = (
    "av",
    "click",
    "dlib-bin",
    "face_recognition_models",
    "jiwer",
    "numpy",
    "opencv-python-headless",
    "pillow",
    "safetensors",
    "scipy",
    "soundfile",
    "soxr",
    "starlette",
    "torch",
    "uvicorn",
)
"""What the page imports, and the landmark model."""
RECIPE_FILES = (RECIPE_FILE, WEIGHTS_FILE, TRAINED_ON_FILE, "README.md")
PORT = 7860

APP = '''"""The page of gridkit: python app.py"""

import os
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
os.environ["PYTHONPATH"] = str(HERE)  # for the processes that it starts
sys.path.insert(0, str(HERE))

from gridkit.cli.main import main  # noqa: E402

if __name__ == "__main__":
    main(["app", "--recipes", str(HERE / "recipes"), *sys.argv[1:]])
'''
DOCKERFILE = f"""FROM python:3.12-slim
RUN useradd -m -u 1000 user
USER user
ENV PATH="/home/user/.local/bin:$PATH"
WORKDIR /home/user/app
COPY --chown=user requirements.txt .
RUN pip install --user --no-cache-dir \\
    --extra-index-url https://download.pytorch.org/whl/cpu -r requirements.txt
COPY --chown=user . .
EXPOSE {PORT}
CMD ["python", "app.py", "--host", "0.0.0.0", "--port", "{PORT}", "--no-browser"]
"""
README = f"""---
title: Read my lips
emoji: 👄
colorFrom: green
colorTo: blue
sdk: docker
app_port: {PORT}
license: apache-2.0
short_description: Lipreading and voices from silent video
---

# Read my lips

The page of gridkit {gridkit.__version__}: it reads the words of a clip or of the webcam from the
lips, and gives them a voice. The README of each recipe, in `recipes/`, says what it can read and
how it was measured. Recipes here:

NAMES

```
python3 -m venv .venv && .venv/bin/pip install -r requirements.txt
.venv/bin/python app.py
```

The models were trained on GRID (Cooke et al. 2006, CC BY 4.0). Faces are found with a landmark
model that was trained on 300-W: for non-commercial use. The code is under `LICENSE`, and each
`recipe.toml` names the licence of its weights. The face of the examples is from a portrait by
NASA, in the public domain. Clips are deleted when the page is left.
"""


def write_space(folder: Path, recipes: Path) -> tuple[str, ...]:
    """Write the folder, and return the names of the recipes in it.

    Args:
        folder: must not exist, or be empty.
        recipes: folder of folders of recipes; those that have weights are taken.

    Raises:
        UsageError: the folder is not empty, or there is no recipe with weights.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(f"{folder} is there and not empty; give the name of a new folder")
    names = offered(recipes)
    if not names:
        raise UsageError(f"{recipes} has no recipe with weights")
    shutil.copytree(
        PACKAGE, folder / "gridkit", ignore=shutil.ignore_patterns("__pycache__", "recipes")
    )
    for name in names:
        (folder / "recipes" / name).mkdir(parents=True)
        for file in RECIPE_FILES:
            shutil.copyfile(recipes / name / file, folder / "recipes" / name / file)
    (folder / "app.py").write_text(APP)
    (folder / "requirements.txt").write_text(requirements())
    (folder / "Dockerfile").write_text(DOCKERFILE)
    (folder / "README.md").write_text(
        README.replace("NAMES", "\n".join(f"- {name}" for name in names))
    )
    (folder / "LICENSE").write_text(licence())
    return names


def offered(recipes: Path) -> tuple[str, ...]:
    """Return the names of the folders whose recipes the page can offer."""
    found = (load_recipe(path.parent) for path in sorted(recipes.glob(f"*/{RECIPE_FILE}")))
    return tuple(recipe.folder.name for recipe in found if is_offered(recipe))


def licence() -> str:
    """Return the licence of gridkit, as installed, or beside the package where it is not."""
    texts = (found.read_text("licenses/LICENSE") for found in distributions(name="gridkit"))
    return next(filter(None, texts), None) or (PACKAGE.parent / "LICENSE").read_text()


def requirements() -> str:
    """Return what has to be installed, in the versions that are installed here, one per line.

    The build of a version, such as `+cpu`, is left out: pip takes the one that fits.
    """
    return "".join(f"{name}=={version(name).split('+')[0]}\n" for name in DISTRIBUTIONS)
