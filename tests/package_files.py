"""A small package for tests of code digests."""

from __future__ import annotations

from pathlib import Path


def small_package(folder: Path, **sources: str) -> Path:
    """A package of these modules; ``a__b`` stands for ``a/b``."""
    root = folder / "mexflow"
    for name, source in sources.items():
        path = root / (name.replace("__", "/") + ".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        for parent in (path.parent, *path.parent.parents):
            if parent.is_relative_to(root) and not (parent / "__init__.py").exists():
                (parent / "__init__.py").touch()
        path.write_text(source)
    return root
