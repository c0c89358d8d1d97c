"""Doctests are collected from the whole package: not from modules whose extra is not installed."""

from importlib.util import find_spec

collect_ignore = []
if find_spec("starlette") is None:
    collect_ignore += [f"gridkit/app/{name}.py" for name in ("guard", "page", "server")]
