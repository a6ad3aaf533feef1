"""What a round tells of the cases that it could not use: all of them, counted by reason."""

from uuid import uuid4

import pytest
from django.utils import timezone

from annotation.archive.models import Instance, SeriesPreparation
from annotation.core import jobs
from annotation.datasets.models import DatasetItem, Split
from annotation.datasets.services import freeze, prescribe_splits
from annotation.imaging.frames import FILE_MISSING
from annotation.labeling.models import Case, CaseState
from annotation.labeling.schemas import parse_schema
from annotation.labeling.services.importing import import_read
from annotation.labeling.services.outgrown import return_outgrown_reads
from annotation.labeling.services.projects import change_settings, create_project
from learning import cross_validation, exclusions, pipeline, pretraining
from learning.exclusions import CASES_PER_REASON, MOST_REASONS, SAMPLE, summary_of, words_of
from learning.models import CrossValidation, EncoderVersion, Round, Target, Trigger
from learning.pipeline.examples import answered
from learning.pipeline.kinds import kind_of
from learning.pipeline.scoring import cases_without_files, score_pool
from learning.services import cross_validations, rounds, targets
from learning.services.lineage import lineage_of
from learning.services.model_cards import model_card
from learning.services.pretraining import request_pretraining
from learning.services.unusable import unusable_cases
from tests import factories
from tests.learning.conftest import TINY


@pytest.mark.parametrize(
    ("sentence", "words"),
    [
        ("no image that can be rendered", {"code": "no_image"}),
        ("image: no series fits", {"code": "no_series", "name": "image"}),
        ("t2: 1 slices are too few, 2 are needed",
         {"code": "few_slices", "name": "t2", "have": "1", "need": "2"}),
        ("crp [mg/l] is missing", {"code": "value_missing", "name": "crp [mg/l]"}),
        ("the decoder died", {}),
    ],
)  # fmt: skip
def test_a_reason_is_told_in_no_language_where_it_is_known(sentence, words):
    assert words_of(sentence) == words


def test_counts_are_of_all_cases_however_few_are_named():
    excluded = {uuid4(): "the series has no images" for _ in range(70)}
    excluded |= {uuid4(): f"image: {n} slices are too few, 9 are needed" for n in range(40)}
    found = summary_of(excluded)
    first, *_, last = found["excluded_reasons"]
    assert (found["excluded_count"], len(found["excluded"])) == (110, SAMPLE)
    assert (first["count"], first["words"]) == (70, {"code": "no_frames"})
    assert len(first["cases"]) == CASES_PER_REASON
    assert len(found["excluded_reasons"]) == MOST_REASONS + 1
    assert last["words"] == {"code": "others"}
    assert sum(one["count"] for one in found["excluded_reasons"]) == 110


def test_only_a_missing_file_leaves_a_case_to_another_machine():
    """Neither the database nor a file is asked about the others: of a CT archive that took days."""
    away, unfit = uuid4(), uuid4()
    assert cases_without_files({away: FILE_MISSING, unfit: "image: no series fits"}) == {away}


def run(target):
    created = rounds.request_round(target=target, trigger=Trigger.MANUAL, seed=1)
    jobs.execute(Round, created.pk, pipeline.run_round)
    created.refresh_from_db()
    assert created.state == jobs.JobState.COMPLETED, created.error
    return created


def counted(round_):
    return {one["words"].get("code"): one["count"] for one in round_.metrics["excluded_reasons"]}


def test_labels_on_which_readers_differ_are_told_too(labeled_target, cast, monkeypatch):
    [disputed] = factories.make_cases(cast.project, 1)
    factories.make_empty_cases(cast.project, 2)
    [away] = factories.make_cases(cast.project, 1)
    [instance] = Instance.objects.filter(series__study=away.study)
    instance.path.rename(instance.path.with_suffix(".away"))
    change_settings(actor=cast.manager, project=cast.project, readers_per_case=2)
    monkeypatch.setattr(exclusions, "SAMPLE", 0)  # what is not named is known all the same
    for reader, answer in ((cast.annotator, "yes"), (cast.annotator2, "no")):
        factories.import_answer(reader, disputed, answer)
    Case.objects.exclude(annotations=None).update(state=CaseState.DONE)
    done = run(labeled_target)
    instance.path.with_suffix(".away").rename(instance.path)
    assert counted(done) == {"disagree": 1, "no_image": 2, "file_missing": 1}
    assert done.metrics["excluded_count"] == 4
    version = done.model_version
    assert dict(lineage_of(version).round.excluded)["no image that can be rendered"] == 2
    [part] = version.scorings.filter(state="pending")
    assert part.case_ids == [away.pk]  # another machine may have its file
    limits = model_card(version)["limits"]
    assert "4 cases had no usable image, value or label and are in no figure." in limits


def grow(case):
    """As if an image had come after the read."""
    of_study = SeriesPreparation.objects.filter(series__study=case.study)
    of_study.update(changed_at=timezone.now())


def test_cases_of_which_more_images_have_come_are_told_though_no_dataset_holds_them(
    labeled_target, cast
):
    [grown] = factories.make_labeled_cases(cast.project, cast.annotator, 1)
    grow(grown)
    done = run(labeled_target)
    assert counted(done) == {"outgrown": 1}
    assert done.metrics["excluded_reasons"][0]["cases"] == [str(grown.pk)]
    assert not done.dataset.items.filter(case=grown).exists()


def test_a_case_that_is_given_back_meanwhile_is_looked_at_like_any_other(
    labeled_target, cast, monkeypatch
):
    """That its read taught nothing does not keep the model from it."""
    [grown] = factories.make_labeled_cases(cast.project, cast.annotator, 1)
    grow(grown)

    def given_back(*arguments):
        found = score_pool(*arguments)
        return_outgrown_reads(actor=cast.manager, project=cast.project)
        return found

    monkeypatch.setattr("learning.pipeline.rounds.score_pool", given_back)
    done = run(labeled_target)
    assert counted(done) == {"outgrown": 1}
    assert list(unusable_cases(done.model_version)) == []


def test_a_round_that_fails_for_what_it_had_to_leave_out_tells_of_it(labeled_target, cast):
    """One word in a rule must not look like labels that are lost."""
    Target.objects.update(
        input={"size": [32, 32], "channels": [{"name": "ct", "rule": {"modality": "CT"}}]}
    )
    labeled_target.refresh_from_db()
    created = rounds.request_round(target=labeled_target, trigger=Trigger.MANUAL, seed=1)
    jobs.execute(Round, created.pk, pipeline.run_round)
    created.refresh_from_db()
    assert created.state == jobs.JobState.FAILED
    assert "at least two answers" in created.error
    assert set(counted(created)) == {"no_series"}


def test_what_was_frozen_before_more_images_came_teaches_nothing(labeled_target, cast):
    dataset = freeze(project=cast.project, name="d", actor=cast.manager)
    grown = dataset.items.first().case
    grow(grown)
    kind = kind_of(labeled_target, dataset.schema.schema, {}, "random", 1)
    excluded = {}
    usable = answered(kind, dataset.items.all(), excluded)
    assert grown.study_id not in usable
    assert {case: words_of(why) for case, why in excluded.items()} == {
        grown.pk: {"code": "outgrown"}
    }


def test_cross_validations_tell_what_they_leave_out(labeled_target, cast, client_of):
    more = factories.make_labeled_cases(cast.project, cast.annotator, 9)
    [disputed, *_] = more  # which shows a nodule
    [empty] = factories.make_empty_cases(cast.project, 1)
    factories.import_answer(cast.annotator, empty, "yes")
    change_settings(actor=cast.manager, project=cast.project, readers_per_case=2)
    factories.import_answer(cast.annotator2, disputed, "no")
    Case.objects.exclude(annotations=None).update(state=CaseState.DONE)
    prescribe_splits(
        project=cast.project,
        split_of_patient={case.study.patient_id: Split.TRAIN for case in [*more, empty]},
    )
    freeze(project=cast.project, name="d", actor=cast.manager)
    job = cross_validations.request_cross_validation(
        actor=cast.manager, target=labeled_target, fold_count=3, seed=7
    )
    jobs.execute(CrossValidation, job.pk, cross_validation.run_cross_validation)
    [shown] = (
        client_of(cast.manager).get(f"/api/v1/targets/{labeled_target.pk}/cross-validations").json()
    )
    assert shown["state"] == "completed", shown["error"]
    check_left_out(shown["left_out"], {"disagree": [disputed], "no_image": [empty]})
    assert "excluded_count" not in {one["name"] for one in shown["figures"]}


def check_left_out(told, wanted):
    reasons = {one["words"]["code"]: one["cases"] for one in told["excluded_reasons"]}
    assert told["excluded_count"] == sum(map(len, wanted.values()))
    assert reasons == {code: [str(case.pk) for case in cases] for code, cases in wanted.items()}


def test_pre_trainings_tell_what_they_leave_out(labeled_target, cast, client_of):
    [empty] = factories.make_empty_cases(cast.project, 1)
    prescribe_splits(
        project=cast.project, split_of_patient={empty.study.patient_id: Split.TRAIN}
    )  # fmt: skip
    asked = request_pretraining(actor=cast.manager, target=labeled_target, steps=1)
    jobs.execute(EncoderVersion, asked.pk, pretraining.run_pretraining)
    [shown] = (
        client_of(cast.manager).get(f"/api/v1/targets/{labeled_target.pk}/pretrainings").json()
    )
    assert shown["state"] == "completed", shown["error"]
    check_left_out(shown["left_out"], {"no_image": [empty]})


@pytest.mark.parametrize(
    ("given", "code"),
    [(None, "no_answer"), ({"cannot_assess": True}, "unassessed"), ("maybe", "old_answer")],
)
def test_why_an_answer_teaches_nothing(given, code):
    schema = parse_schema(factories.QUESTIONS)
    kind = kind_of(Target(kind="one", question="nodule"), schema, {}, "random", 1)
    item = DatasetItem(answers={"nodule": given}, revision_ids=[uuid4()])
    assert kind.answer(item) is None
    assert words_of(kind.why_no_answer(item)) == {"code": code}


TIMES = {
    "questions": [
        {"key": "time", "label": "Time", "kind": "number", "minimum": 0, "maximum": 99},
        {"key": "died", "label": "Died?", "kind": "one", "required": False,
         "options": [{"key": "yes"}, {"key": "no"}]},
    ]
}  # fmt: skip


def test_times_that_cannot_be_right_are_told_too(cast):
    project = create_project(actor=cast.manager, name="Times", definition=TIMES)
    answers = [{"time": t, "died": "yes" if t % 2 else "no"} for t in range(1, 9)]
    answers += [{"time": 0, "died": "yes"}, {"time": 3}]
    cases = factories.make_cases(project, len(answers))
    prescribe_splits(
        project=project, split_of_patient={c.study.patient_id: Split.TRAIN for c in cases}
    )
    for case, given in zip(cases, answers, strict=True):
        import_read(reader=cast.annotator, case=case, content={"answers": given})
    target = targets.create_target(
        actor=cast.manager, project=project, question="time", config=TINY,
        options={"event_question": "died", "event_option": "yes"},
    )  # fmt: skip
    assert counted(run(target)) == {"no_time": 1, "no_event": 1}
