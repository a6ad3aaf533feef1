"""Makes rows and files for tests through the product's own services."""

import functools
import io
import secrets

import numpy as np
import pydicom
from django.contrib.auth.hashers import make_password

from annotation.accounts.models import User
from annotation.archive.models import Study
from annotation.archive.remote import Credentials
from annotation.archive.services.ingest import ingest
from annotation.core.jobs import JobState
from annotation.datasets import services as datasets
from annotation.datasets.models import Split
from annotation.imaging import conversion, masks, synthesis
from annotation.labeling.models import Annotation, Case, Project, Source
from annotation.labeling.services import claiming, reading, sources
from annotation.labeling.services.importing import import_read
from annotation.labeling.services.projects import add_cases, create_project
from learning.models import Explanation, ModelVersion, Target
from learning.services import explanations, targets

PASSWORD = "correct horse battery staple"
NOWHERE = "http://127.0.0.1:1/dicom-web"
QUESTIONS = {
    "questions": [
        {
            "key": "nodule",
            "label": "Nodule?",
            "kind": "one",
            "options": [
                {"key": "no", "label": "No", "hotkey": "1"},
                {"key": "yes", "label": "Yes", "hotkey": "2"},
            ],
        },
        {
            "key": "also",
            "label": "Also seen",
            "kind": "many",
            "required": False,
            "options": [{"key": "pacemaker"}, {"key": "effusion"}],
        },
    ]
}


def make_user(username: str) -> User:
    """Somebody who can sign in with PASSWORD."""
    return User.objects.create(username=username, password=_hashed_password())


@functools.cache
def _hashed_password() -> str:
    """Hashed once as in production: five people are made for nearly every test, 0.2 s each."""
    return make_password(PASSWORD)


def make_project(manager: User, name: str, **settings) -> Project:
    settings = {"control_share": 0.0, **settings}
    return create_project(actor=manager, name=name, definition=QUESTIONS, **settings)


def make_dicom(key: str, *, patient: str = "P1", has_nodule: bool = False, side: int = 64) -> bytes:
    """A small radiograph; the same key gives the same bytes."""
    rng = np.random.default_rng(list(key.encode()))
    pixels, _ = synthesis.chest_radiograph(rng, has_nodule=has_nodule, side=side)
    subject = conversion.Subject(patient_id=patient, sex="F", age_years=50, view="PA")
    return conversion.radiograph(pixels, subject, key)


def read(data: bytes) -> pydicom.Dataset:
    return pydicom.dcmread(io.BytesIO(data), stop_before_pixels=True)


def make_ct(key: str, *, slices: int = 5, patient: str = "P1") -> list[bytes]:
    rng = np.random.default_rng(list(key.encode()))
    voxels, _, _ = synthesis.ct_phantom(rng, lesion_count=1, slices=slices, side=32)
    subject = conversion.Subject(patient_id=patient)
    return list(conversion.volume_series(voxels, np.diag([2.0, 2.0, 3.0, 1.0]), subject, key, "CT"))


def make_study(project: Project, key: str | None = None, **options) -> Study:
    key = key or secrets.token_hex(8)
    options.setdefault("patient", f"patient {key}")
    return ingest(collection=project.collection, chunks=[make_dicom(key, **options)]).study


def make_source(project: Project, *, name: str = "PACS", url: str = NOWHERE) -> Source:
    """A source that the project may use; without a URL nobody listens there."""
    credentials = Credentials(user="reader", password="hidden-word")
    source = sources.add_source(name=name, url=url, credentials=credentials)
    sources.grant_source(source=source, project=project)
    return source


def make_cases(project: Project, count: int) -> list[Case]:
    studies = [make_study(project) for _ in range(count)]
    add_cases(project=project, studies=studies)
    return list(Case.objects.filter(project=project, study__in=studies).select_related("study"))


def make_empty_cases(project: Project, count: int) -> list[Case]:
    """Cases whose studies hold no images: for tests of the workflow alone."""
    studies = Study.objects.bulk_create(
        Study(
            collection=project.collection,
            study_instance_uid=f"1.2.3.{secrets.randbelow(10**12)}.{number}",
            patient_id=f"patient {number}",
            dicom_json={},
        )
        for number in range(count)
    )
    add_cases(project=project, studies=studies)
    return list(Case.objects.filter(project=project, study__in=studies).select_related("study"))


def claim(reader: User, project: Project, seed: int = 0):
    return claiming.claim_next(reader=reader, project=project, rng=np.random.default_rng(seed))


def submit_next(reader: User, project: Project, answer: str = "no") -> Annotation:
    """Claim the next case and hand in an answer."""
    assignment = claim(reader, project)
    annotation = reading.open_annotation(reader=reader, case=assignment.case)
    content = {"answers": {"nodule": answer}}
    reading.submit(
        actor=reader, annotation=annotation, content=content, version=annotation.draft_version
    )
    annotation.refresh_from_db()
    return annotation


def import_answer(reader: User, case: Case, answer: str) -> Annotation:
    """An accepted read of one given case."""
    return import_read(reader=reader, case=case, content={"answers": {"nodule": answer}})


def make_labeled_cases(
    project: Project, reader: User, count: int, *, side: int = 64, nodules: int | None = None
) -> list[Case]:
    """Radiographs with their true answer as accepted reads, one patient each; half show a nodule."""
    made = []
    for number in range(count):
        has_nodule = number % 2 == 0 if nodules is None else number < nodules
        study = make_study(project, has_nodule=has_nodule, side=side)
        add_cases(project=project, studies=[study])
        case = Case.objects.select_related("project").get(project=project, study=study)
        answer = {"nodule": "yes" if has_nodule else "no"}
        import_read(reader=reader, case=case, content={"answers": answer})
        made.append(case)
    return made


def make_divided_target(cast, *, config: dict) -> Target:
    """A target with 8 labeled cases to train on, 2 to validate, 2 to test, and 4 that wait to be ranked."""
    cases = make_labeled_cases(cast.project, cast.annotator, 12)
    patients = [case.study.patient_id for case in cases]
    parts = [Split.TRAIN] * 8 + [Split.VALIDATION] * 2 + [Split.TEST] * 2
    datasets.prescribe_splits(
        project=cast.project, split_of_patient=dict(zip(patients, parts, strict=True))
    )
    make_cases(cast.project, 4)
    return targets.create_target(
        actor=cast.manager, project=cast.project, question="nodule", config=config
    )


def make_explanation(
    version: ModelVersion, case: Case, values: np.ndarray, place: dict
) -> Explanation:
    """A map of "yes" as a worker leaves it: (n, y, x) values from 0 to 255 over the frames of `place`."""
    data = masks.compress(values.astype(np.uint8))
    sha256 = masks.address(data)
    path = explanations.map_path(sha256)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return Explanation.objects.create(
        model_version=version, case=case, method="grad_cam", answer="yes",
        state=JobState.COMPLETED, sha256=sha256, size_bytes=len(data), place=place,
    )  # fmt: skip


def with_attributes(data: bytes, **attributes) -> bytes:
    """The file with other attributes; its head names the object that it is then."""
    dataset = pydicom.dcmread(io.BytesIO(data))
    for name, value in attributes.items():
        setattr(dataset, name, value)
    head = dataset.file_meta
    head.MediaStorageSOPClassUID = dataset.SOPClassUID
    head.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    output = io.BytesIO()
    dataset.save_as(output)
    return output.getvalue()


def cropped(data: bytes, rows: int, columns: int) -> bytes:
    """The file with the upper left part of its picture only."""
    dataset = pydicom.dcmread(io.BytesIO(data))
    dataset.PixelData = dataset.pixel_array[:rows, :columns].tobytes()
    dataset.Rows, dataset.Columns = rows, columns
    output = io.BytesIO()
    dataset.save_as(output)
    return output.getvalue()
