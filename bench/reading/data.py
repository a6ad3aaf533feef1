"""Synthetic CT: smooth anatomy with the noise of a scanner, so that it compresses as real ones do."""

import numpy as np

from annotation.archive.services.ingest import ingest
from annotation.imaging.conversion import Subject, volume_series
from annotation.labeling.models import Project
from annotation.labeling.services.projects import add_cases

SIDE, NOISES = 512, 100


def add_cases_of_ct(project: Project, *, count: int, slices: int) -> list[str]:
    """`count` studies of one series each; returns the paths of the series below /dicomweb/…"""
    rng = np.random.default_rng(5)
    y, x = np.mgrid[0:SIDE, 0:SIDE].astype(np.float32)
    smooth = 300 * np.sin(x / 47) * np.cos(y / 61)
    paths = []
    for number in range(count):
        noise = rng.normal(scale=15, size=(min(slices, NOISES), SIDE, SIDE)).astype(np.float32)
        voxels = np.empty((slices, SIDE, SIDE), np.int16)
        for depth in range(slices):
            voxels[depth] = smooth + depth % 300 + noise[depth % NOISES]
        paths.append(_store(project, voxels, f"bench {count} {slices} {number}"))
    return paths


def _store(project: Project, voxels: np.ndarray, key: str) -> str:
    affine = np.diag([0.7, 0.7, 1.0, 1.0])
    ingested = None
    for data in volume_series(voxels, affine, Subject(patient_id=key), key, "CT"):
        ingested = ingest(collection=project.collection, chunks=[data])
    assert ingested is not None
    add_cases(project=project, studies=[ingested.study])
    series = ingested.instance.series.series_instance_uid
    return f"studies/{ingested.study.study_instance_uid}/series/{series}"
