"""PURE. Collects what is wrong, by path; stops counting where nobody would read on."""

from collections.abc import Mapping
from typing import Any

MAX_PROBLEMS = 200


class Problems(dict[str, str]):
    """The first problems by their paths, such as `regions[3].answers.size`."""

    @property
    def are_many(self) -> bool:
        return len(self) >= MAX_PROBLEMS

    def add(self, path: str, message: str) -> None:
        if message and not self.are_many:
            self.setdefault(path, message)

    def add_all(self, path: str, found: Mapping[str, str]) -> None:
        """Problems of an object's fields; the empty field is the object itself."""
        for field, message in found.items():
            self.add(f"{path}.{field}" if field else path, message)

    def check(self, path: str, is_right: bool, message: str) -> bool:
        if not is_right:
            self.add(path, message)
        return is_right

    def check_fields(self, path: str, value: Any, needed: set[str], optional: set[str]) -> bool:
        """Whether it is an object with all the needed fields; unknown ones are problems too."""
        if not self.check(path, isinstance(value, dict), "must be an object"):
            return False
        for name in sorted(needed - value.keys()):
            self.add(f"{path}.{name}" if path else name, "is missing")
        for name in sorted(map(str, value.keys() - needed - optional)):
            self.add(f"{path}.{name}" if path else name, "is unknown")
        return all(name in value for name in needed)
