"""Walks files and folders into a collection and reports every refused file with its reason."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from annotation.archive.models import Collection, Study
from annotation.archive.services.ingest import Ingested, ingest_file
from annotation.core.errors import DomainError

IGNORED_NAMES = {"DICOMDIR"}


@dataclass
class ImportReport:
    """What an import did: counts, the studies it touched, and what was refused and why."""

    new: int = 0
    repeated: int = 0
    refused: list[tuple[str, str]] = field(default_factory=list)
    studies: dict[str, Study] = field(default_factory=dict)

    def add(self, ingested: Ingested) -> None:
        if ingested.is_new:
            self.new += 1
        else:
            self.repeated += 1
        self.studies.setdefault(str(ingested.study.pk), ingested.study)

    @property
    def total(self) -> int:
        return self.new + self.repeated + len(self.refused)


def import_paths(
    *, collection: Collection, paths: Iterable[Path], on_progress: Callable[[ImportReport], None]
) -> ImportReport:
    """Ingest every file below the paths; safe to repeat, because known files change nothing."""
    report = ImportReport()
    for path in _files(paths):
        try:
            report.add(ingest_file(collection=collection, path=path))
        except DomainError as error:
            report.refused.append((str(path), error.detail))
        except OSError as error:
            report.refused.append((str(path), error.strerror or "cannot be read"))
        on_progress(report)
    return report


def _files(paths: Iterable[Path]) -> Iterator[Path]:
    for path in paths:
        if path.is_dir():
            yield from (
                found
                for found in sorted(path.rglob("*"))
                if found.is_file() and not found.is_symlink()
                and not found.name.startswith(".") and found.name not in IGNORED_NAMES
            )  # fmt: skip
        else:
            yield path
