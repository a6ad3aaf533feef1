"""Seconds for a model version's subgroups, drift and comparison among many cases.

python -m config.embedded exec -- python -m bench.honest_numbers [--cases 100000] [--tested 20000]

Cases, headers, vectors, predictions and test results are written as rows; half of the cases arrive after
the model was trained. What is timed are the product's own selectors, as the model's page calls them. The
index for similar cases is dropped: filling it takes minutes, and nothing here uses it.
"""

import argparse
import resource
import time
from datetime import timedelta

import numpy as np

from bench.setup import fresh_database, make_embedded_cases

SERIES = """
insert into archive_series (id, created_at, study_id, series_instance_uid, modality, series_description,
    body_part_examined, laterality, view_position, number_of_instances, dicom_json)
select gen_random_uuid(), now(), study.id, study.study_instance_uid || '.1', 'DX', '', '', '', 'PA', 1,
    jsonb_build_object(
        '00080070', jsonb_build_object('vr', 'LO', 'Value', jsonb_build_array('Maker')),
        '00081090', jsonb_build_object('vr', 'LO', 'Value',
            jsonb_build_array('Model ' || floor(random() * 6 + 0 * study.number_of_series))),
        '00080080', jsonb_build_object('vr', 'LO', 'Value',
            jsonb_build_array('Site ' || floor(random() * 3 + 0 * study.number_of_series))))
from archive_study study
"""
STUDIES = """
update archive_study set dicom_json = jsonb_build_object(
    '00100040', jsonb_build_object('vr', 'CS', 'Value', jsonb_build_array(
        case when random() < 0.5 then 'F' else 'M' end)),
    '00101010', jsonb_build_object('vr', 'AS', 'Value', jsonb_build_array(
        lpad((18 + floor(random() * 70))::text, 3, '0') || 'Y')))
"""


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--cases", type=int, default=100_000)
    parser.add_argument("--tested", type=int, default=20_000)
    arguments = parser.parse_args()
    fresh_database()

    from django.db import connection
    from django.utils import timezone

    from learning.services.comparison import compare_versions
    from learning.services.drift import drift_of
    from learning.services.subgroups import subgroups_of
    from learning.services.test_results import results_of
    from tests import factories

    manager = factories.make_user("manager")
    project = factories.make_project(manager, "Numbers")
    cases, _ = make_embedded_cases(project, arguments.cases)
    since = timezone.now()
    with connection.cursor() as cursor:
        cursor.execute(STUDIES)
        cursor.execute(SERIES)
        cursor.execute(
            "update labeling_case set created_at = %s + interval '1 day' * (random() * 300)"
            " where shuffle_key > 0.5",
            [since + timedelta(days=1)],
        )
        cursor.execute("analyze")
    versions = [make_version(project, manager, cases, arguments.tested, n) for n in (1, 2)]
    print(f"{arguments.cases} cases, {arguments.tested} of them tested")
    for name, call in {
        "results of a version": lambda: results_of(versions[1]),
        "subgroups by scanner": lambda: subgroups_of(versions[1], ["scanner"]),
        "subgroups by sex, age, scanner, site and view": lambda: subgroups_of(versions[1]),
        "drift of inputs and outputs": lambda: drift_of(versions[1]),
        "comparison of two versions": lambda: compare_versions(versions[1], versions[0]),
    }.items():
        began = time.monotonic()
        call()
        print(f"{name}: {time.monotonic() - began:.2f} s")
    print(f"most memory: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")


def make_version(project, manager, cases, tested, number):
    """A model version tested on some cases, with predictions of as many held-out ones."""
    from annotation.core.jobs import JobState
    from learning.models import ModelVersion, Prediction, Round, Target, Trigger
    from learning.services import targets, test_results
    from learning.training.metrics.figures import Examined

    target = Target.objects.filter(project=project).first() or targets.create_target(
        actor=manager, project=project, question="nodule"
    )
    rng = np.random.default_rng(number)
    truth = np.random.default_rng(0).integers(0, 2, tested)
    said = np.clip(0.3 + 0.4 * truth + rng.normal(0, 0.4, tested), 0, 1)
    examined = Examined(
        "one", truth, np.stack([1 - said, said], axis=1), [f"{n:016x}" for n in range(tested)],
        ("no", "yes"), (0.5,),
    )  # fmt: skip
    round_ = Round.objects.create(
        target=target, number=number, trigger=Trigger.MANUAL, strategy="margin", seed=1, config={},
        code_revision="bench", state=JobState.COMPLETED, metrics={"kind": "one", "thresholds": [0.5]},
    )  # fmt: skip
    version = ModelVersion.objects.create(
        target=target, round=round_, number=number, weights_sha256="0" * 64, classes=["no", "yes"]
    )
    results = test_results.Results([case.pk for case in cases[:tested]], examined)
    test_results.keep(version=version, results=results)
    held_out = cases[tested : 2 * tested]
    Prediction.objects.bulk_create(
        (
            Prediction(model_version=version, case=case, probabilities=[1 - p, p])
            for case, p in zip(held_out, rng.random(len(held_out)).tolist(), strict=True)
        ),
        batch_size=5000,
    )
    return version


if __name__ == "__main__":
    main()
