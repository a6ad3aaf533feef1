"""Clinical columns beside the image, from the table or the headers to predictions and back."""

import numpy as np
import pytest

from annotation.archive.services.ingest import ingest
from annotation.core import jobs
from annotation.core.errors import Conflict, InvalidInput
from annotation.core.models import AuditEvent
from annotation.datasets import services as datasets
from annotation.datasets.models import Split
from annotation.imaging import conversion
from annotation.labeling.models import Case
from annotation.labeling.services.clinical import replace_table
from annotation.labeling.services.importing import import_read
from annotation.labeling.services.projects import add_cases, publish_schema
from learning import cross_validation, exchange, pipeline
from learning.column_values import current_rows
from learning.models import (
    BundleExport,
    BundleImport,
    CrossValidation,
    ModelVersion,
    Prediction,
    Round,
    Trigger,
)
from learning.services import bundles, cross_validations, rounds, targets
from learning.services.card_text import as_markdown
from learning.services.lineage import lineage_of
from learning.services.model_cards import model_card
from learning.stored_models import load_model
from learning.training.inputs import InputSpec
from learning.training.loop import choose_device
from learning.training.predict import Block, Members, predict
from learning.volumes import SpecifiedInputs
from tests import factories

SIDE = 16
RECIPE = {
    "side": SIDE, "batch_size": 16, "epochs": 1, "min_steps": 40, "evaluations": 3, "flip": False,
    "learning_rate": 0.01,
}  # fmt: skip
TAUGHT = 20  # cases of training
SPLITS = [Split.TRAIN] * TAUGHT + [Split.VALIDATION] * 4 + [Split.TEST] * 12
CRP = {"name": "crp [mg/l]"}
AGE = {"name": "PatientAge", "source": "dicom"}
SEX = {"name": "PatientSex", "source": "dicom", "categories": ["F", "M"]}


def crp_of(number):
    return 5.0 + 90 * (number % 2) + number % 7


def make_study(project, number, *, age=50):
    """A radiograph of noise: whoever looks at it learns nothing."""
    pixels = np.random.default_rng(number).integers(0, 4000, (32, 32)).astype(np.uint16)
    subject = conversion.Subject(
        patient_id=f"patient {number}", sex="FM"[number // 2 % 2], age_years=age
    )
    data = conversion.radiograph(pixels, subject, f"columns {number}")
    return ingest(collection=project.collection, chunks=[data]).study


@pytest.fixture
def cases(cast):
    """Labeled cases, whose answer follows from CRP alone, and whose age follows the answer."""
    made = []
    for number in range(len(SPLITS)):
        study = make_study(cast.project, number, age=30 + 40 * (number % 2))
        add_cases(project=cast.project, studies=[study])
        case = Case.objects.select_related("project", "study").get(study=study)
        answer = "yes" if number % 2 else "no"
        import_read(reader=cast.annotator, case=case, content={"answers": {"nodule": answer}})
        made.append(case)
    prescribe(cast.project, range(len(SPLITS)), SPLITS)
    upload(cast.project, {number: crp_of(number) for number in range(len(SPLITS))})
    return made


def prescribe(project, numbers, splits):
    patients = [f"patient {number}" for number in numbers]
    datasets.prescribe_splits(
        project=project, split_of_patient=dict(zip(patients, splits, strict=True))
    )


def upload(project, values):
    lines = "".join(f"patient {number},{value}\n" for number, value in values.items())
    replace_table(
        actor=None, project=project, data=f"PatientID,crp [mg/l]\n{lines}".encode()
    )  # fmt: skip


def make_target(cast, *columns, question="nodule", **options):
    given = {"size": [SIDE, SIDE], "columns": list(columns)}
    return targets.create_target(
        actor=cast.manager, project=cast.project, question=question, config=RECIPE, input=given,
        **options,
    )  # fmt: skip


def run(target):
    created = rounds.request_round(target=target, trigger=Trigger.MANUAL, seed=1)
    jobs.execute(Round, created.pk, pipeline.run_round)
    created.refresh_from_db()
    return created


def test_an_answer_that_only_a_column_knows_is_learned_with_it_alone(cast, cases):
    target = make_target(cast)
    blind = run(target)
    targets.change_target(
        actor=cast.manager, target=target, input={"size": [SIDE, SIDE], "columns": [CRP]}
    )
    target.refresh_from_db()
    seeing = run(target)
    assert (blind.state, seeing.state) == ("completed", "completed"), blind.error + seeing.error
    assert blind.metrics["auc"]["value"] < 0.75
    assert seeing.metrics["auc"]["value"] > 0.95
    assert (blind.model_version.columns, blind.metrics["n"]) == ({}, 12)


def test_a_round_keeps_the_input_that_it_was_asked_for_with(cast, cases):
    target = make_target(cast, CRP)
    asked = rounds.request_round(target=target, trigger=Trigger.MANUAL, seed=1)
    targets.change_target(actor=cast.manager, target=target, input={})
    jobs.execute(Round, asked.pk, pipeline.run_round)
    asked.refresh_from_db()
    assert asked.state == "completed", asked.error
    assert [one["name"] for one in asked.model_version.input["columns"]] == [CRP["name"]]
    assert asked.model_version.columns["names"] == [CRP["name"]]
    [changed] = AuditEvent.objects.filter(action="target_changed")
    assert changed.detail == {"fields": ["input"]}


def test_open_cases_without_a_usable_value_are_left_out_with_the_reason(cast, cases):
    studies = [make_study(cast.project, number) for number in (100, 101, 102)]
    add_cases(project=cast.project, studies=studies)
    prescribe(cast.project, (100, 101, 102), [Split.TRAIN] * 3)
    known = {number: crp_of(number) for number in range(1, len(SPLITS))}
    upload(cast.project, known | {100: 5, 101: 98})
    done = run(make_target(cast, CRP))
    assert done.state == "completed", done.error
    assert done.training_labels == TAUGHT - 1
    of_study = {case.study_id: str(case.pk) for case in Case.objects.all()}
    assert sorted(done.metrics["excluded"], key=lambda one: one["case"]) == sorted(
        (
            {"case": of_study[study.pk], "reason": "crp [mg/l] is missing"}
            for study in (cases[0].study, studies[2])
        ),
        key=lambda one: one["case"],
    )
    said = {p.case.study_id: p.values[1] for p in Prediction.objects.select_related("case")}
    assert set(said) == {studies[0].pk, studies[1].pk}
    assert said[studies[0].pk] < 0.5 < said[studies[1].pk]


def test_a_missing_value_may_be_told_to_the_network(cast, cases):
    upload(cast.project, {number: crp_of(number) for number in range(1, len(SPLITS))})
    done = run(make_target(cast, {**CRP, "missing": "indicate"}, SEX))
    assert done.state == "completed", done.error
    assert (done.training_labels, done.metrics["excluded"]) == (TAUGHT, [])
    assert done.model_version.architecture["columns"] == 4


def test_a_column_without_any_training_value_ends_in_a_clear_sentence(cast, cases):
    upload(cast.project, {len(SPLITS) - 1: 1.0})
    failed = run(make_target(cast, CRP))
    assert (failed.state, failed.error) == (
        "failed", "crp [mg/l]: no training case has a value",
    )  # fmt: skip
    assert failed.error_words == {"code": "no_training_value", "column": "crp [mg/l]"}


def test_the_scale_is_that_of_the_training_split_and_comes_back_exactly(cast, cases):
    for number in (100, 101):
        add_cases(project=cast.project, studies=[make_study(cast.project, number)])
    prescribe(cast.project, (100, 101), [Split.TRAIN] * 2)
    values = {number: crp_of(number) for number in range(len(SPLITS))} | {100: 5, 101: 98}
    upload(cast.project, values | dict.fromkeys(range(TAUGHT, len(SPLITS)), 1e6))
    version = run(make_target(cast, CRP)).model_version
    training = [crp_of(number) for number in range(TAUGHT)]
    assert version.columns == {
        "names": ["crp [mg/l]"], "means": [pytest.approx(np.mean(training))], "deviations": [pytest.approx(np.std(training))],
    }  # fmt: skip

    model = load_model(ModelVersion.objects.get())
    columns = model.encoder().columns
    found = list(Case.objects.filter(state="open").select_related("study"))
    rows = current_rows(cast.project, found, columns)
    inputs = SpecifiedInputs(InputSpec.from_json(model.input))
    chosen, images = zip(*inputs.load(inputs.choose(found, {}), {}), strict=True)
    block = Block(
        np.stack(images), model.encoder().encode_all([rows[one.case_id] for one in chosen])
    )
    again = predict(Members([model.network]), [block], model.task, model.config, choose_device())
    stored = [Prediction.objects.get(case=one.case_id).values for one in chosen]
    assert len(stored) == 2
    np.testing.assert_array_equal(again.mean, stored)


def test_a_round_goes_on_with_the_values_that_it_froze(cast, cases):
    target = make_target(cast, CRP, AGE)
    done = run(target)
    upload(cast.project, dict.fromkeys(range(len(SPLITS)), 7))
    again = rounds.request_round(target=target, trigger=Trigger.MANUAL, seed=1)
    Round.objects.filter(pk=again.pk).update(dataset=done.dataset)  # as after a killed worker
    jobs.execute(Round, again.pk, pipeline.run_round)
    again.refresh_from_db()
    assert again.state == "completed", again.error
    assert again.model_version.columns == done.model_version.columns
    assert again.metrics["auc"] == done.metrics["auc"]
    fresh = run(target)
    assert fresh.model_version.columns["means"][0] == 7


def test_headers_are_columns_too(cast, cases):
    done = run(make_target(cast, AGE, SEX))
    assert done.state == "completed", done.error
    assert done.metrics["auc"]["value"] > 0.95
    assert done.model_version.columns["means"] == [pytest.approx(50), 0]
    assert done.dataset.items.first().clinical["dicom"].keys() == {"PatientAge", "PatientSex"}
    assert lineage_of(done.model_version).columns == ["PatientAge", "PatientSex"]
    card = as_markdown(model_card(done.model_version))
    assert "It sees the image, PatientAge, PatientSex." in card


def test_folds_learn_from_columns_and_from_frozen_headers(cast, cases):
    def ask():
        return cross_validations.request_cross_validation(
            actor=cast.manager, target=target, fold_count=3, seed=1
        )

    target = make_target(cast, AGE)
    datasets.freeze(project=cast.project, name="by hand", actor=None)
    with pytest.raises(Conflict, match="No dataset was frozen with PatientAge: run a round"):
        ask()
    held = datasets.freeze(project=cast.project, name="", actor=None, keywords=["PatientAge"])
    datasets.freeze(project=cast.project, name="by hand again", actor=None)
    job = ask()
    assert job.dataset == held
    jobs.execute(CrossValidation, job.pk, cross_validation.run_cross_validation)
    job.refresh_from_db()
    assert job.state == "completed", job.error
    assert job.metrics["auc"]["value"] > 0.85  # 0.5 without the column


def test_a_bundle_with_columns_comes_back_whole_and_fits_its_own_input_alone(cast, cases):
    target = make_target(cast, CRP, {**SEX, "missing": "indicate"})
    version = run(target).model_version
    wanted = bundles.request_export(actor=cast.manager, version=version)
    jobs.execute(BundleExport, wanted.pk, exchange.write_bundle)
    content = bundles.export_path(wanted).read_bytes()
    mean = np.mean([crp_of(number) for number in range(TAUGHT)])
    assert f"| 0 | crp [mg/l] | {mean:.6g} |".encode() in content  # the README of the stored ZIP
    assert b"outputs = inferer(images, network, columns)" in content

    def take_in():
        arrived = bundles.request_import(actor=cast.manager, target=target, chunks=[content])
        jobs.execute(BundleImport, arrived.pk, exchange.take_in)
        arrived.refresh_from_db()
        return arrived

    found = take_in().model_version
    assert (found.columns, found.input) == (version.columns, version.input)
    assert load_model(found).encoder() == load_model(version).encoder()
    changed = {"size": [SIDE, SIDE], "columns": [CRP]}
    targets.change_target(actor=cast.manager, target=target, input=changed)
    refused = take_in()
    assert refused.model_version is None
    assert "other series, another grid or other columns" in refused.error


@pytest.mark.parametrize(
    ("column", "reason"),
    [
        ({"name": "ldh [u/l]"}, "table has no column"),
        ({"name": "crp [mg/l]", "categories": ["a", "b"]}, "is a number and has no categories"),
        ({"name": "PatientSex", "source": "dicom"}, "needs its categories"),
        ({"name": "PatientName", "source": "dicom"}, "names people"),
        ({"name": "PatientID", "source": "dicom"}, "names people"),
        ({"name": "AccessionNumber", "source": "dicom"}, "names people"),
        ({"name": "StudyDate", "source": "dicom"}, "moments"),
        ({"name": "Nonsense", "source": "dicom"}, "no DICOM keyword"),
    ],
)
def test_only_what_is_there_and_names_nobody_can_be_a_column(cast, column, reason):
    upload(cast.project, {1: 3.0})
    with pytest.raises(InvalidInput, match=reason) as refused:
        make_target(cast, column)
    assert refused.value.extra == {"field": "input"}


def test_drawings_take_no_columns(cast):
    definition = {**factories.QUESTIONS, "segments": [{"value": 1, "label": "Lesion"}]}
    publish_schema(actor=cast.manager, project=cast.project, definition=definition)
    given = {"size": [SIDE, SIDE], "keeps_size": True, "columns": [AGE]}
    with pytest.raises(InvalidInput, match="only answers can use clinical values"):
        targets.create_target(
            actor=cast.manager, project=cast.project, kind="segmentation", input=given
        )


def test_managers_see_what_can_be_chosen(cast, cases, client_of):
    address = f"/api/v1/projects/{cast.project.pk}/learnable-columns"
    answer = client_of(cast.manager).get(address, {"keyword": ["Modality"]}).json()
    assert answer["case_count"] == len(SPLITS)
    found = {one["name"]: one for one in answer["columns"]}
    assert list(found) == [
        "crp [mg/l]", "PatientAge", "PatientSex", "PatientSize", "PatientWeight", "Modality",
    ]  # fmt: skip
    assert found["crp [mg/l]"] == {
        "source": "table", "name": "crp [mg/l]", "unit": "mg/l", "is_number": True,
        "categories": [], "case_count": len(SPLITS),
    }  # fmt: skip
    assert (found["PatientSex"]["categories"], found["PatientSize"]["case_count"]) == (
        ["F", "M"],
        0,
    )
    refused = client_of(cast.manager).get(address, {"keyword": "PatientName"})
    assert (refused.status_code, refused.json()["field"]) == (400, "keyword")
    assert client_of(cast.reviewer).get(address).status_code == 403
