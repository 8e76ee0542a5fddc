"""Names of the images in each split, as published; README.md says by whom."""

from pathlib import Path


def read_names(name: str) -> tuple[str, ...]:
    """Return the stems of a list in this folder, named without its ending."""
    text = (Path(__file__).parent / f"{name}.txt").read_text(encoding="utf-8")
    return tuple(text.split("\n")[:-1])
