"""What learning tells people of jobs that failed and of what it declines (see `core.wording`)."""

from learning import exclusions

SENTENCES = {
    # Settings of a target
    "recipe_no_option": "{name} is no training option",
    "recipe_range": "{name} must lie between {low} and {high}",
    "recipe_one_of": "{name} must be one of {names}",
    "recipe_type": "{name} must be of type {type}",
    "recipe_idle": "{names}: without effect for this kind of target.",
    "recipe_flip": "flip_at_test: a network that never saw a mirror image cannot predict from one; "
    "leave it out where flip is off.",
    "recipe_unlabeled": "unlabeled: a target of the kind {kind} cannot learn from unlabeled images; only "
    "answers with probabilities can (one, many, ordinal).",
    "recipe_network": "network: {network} does not learn this kind.",
    "recipe_dropout": "dropout: the strategy {strategy} compares passes with random dropout; leave it out "
    "or choose another strategy.",
    "recipe_strategies": "Strategies of this kind: {names}.",
    "recipe_head_strategies": "A light head of this kind ranks by: {names}.",
    # Jobs
    "no_longer_asked": "The schema no longer asks {question}.",
    "no_longer_layer": "The schema no longer has a layer {layer}.",
    "no_questions_left": "The project has no questions any more.",
    "few_answers": "Training needs {least} labeled cases of at least two answers ({listed}).",
    "few_findings": "Training needs {least} cases with and {again} without at least one finding ({listed}).",
    "few_numbers": "Training needs at least {least} different numbers ({labeled} labeled).",
    "few_events": "Training needs at least {least} events at different times ({events} events in {labeled} "
    "labeled cases).",
    "empty_masks": "None of {count} masks shows any of {classes}.",
    "open_masks": "None of {count} masks says where none of {classes} is.",
    "no_training_value": "{column}: no training case has a value",
    "network_side": "size: {network} takes sides of at least {least} that are "
    "multiples of {step}, not {have}",
    "no_box": "None of {count} training cases shows a box.",
    "few_images": "Pre-training needs at least {least} images of training patients, not {count}.",
    "few_for_encoder": "An encoder needs at least 3 training patients' cases with an image, not {count}.",
    "part_failed": "Part {number} of the pool cannot be predicted: {reason}",
    "cannot_look": "The model cannot look at this case: {reason}.",
    "weights_unreadable": "The weights of the model cannot be read.",
    "files_elsewhere": "Stored files are not on this machine.",
    "commit_for_explanations": "Commit your first impression to see explanations.",
    "memory": "{count} images at once do not fit into memory, and {stage} cannot do with fewer; choose a "
    "smaller size or network",
    "memory_of_processes": "memory ran out in one of several processes",
    "processes_died": "The training processes died {times} times without a checkpoint in between: {reason}",
    "loss_diverged": "the loss became {loss} in epoch {epoch}",
    "loss_diverged_step": "the loss became {loss} by step {step}",
    "bundle_no_zip": "this is neither a folder nor a whole zip file",
    "bundle_missing": "{name} is missing; a bundle without it cannot be imported",
    "bundle_large": "{name} is larger than {most} bytes",
    "bundle_other_task": "{file}: task: the model tells apart {has}; {target} asks for {wanted}",
    "bundle_other_input": "{file}: input: the model looks at other series, another grid or other columns "
    "than this target shows",
    "bundle_not_ready": "The bundle is not ready.",
    "no_tracker_address": "MLFLOW_TRACKING_URI is not set",
    "no_tracker_package": "install the extra `{extra}` of this package",
    "round_ended": "The round has ended already.",
    "round_ended_or_paused": "The round has ended or is paused already.",
    "round_not_paused": "The round is not paused.",
    "pretraining_ended": "The pre-training has ended already.",
    "pretraining_under_way": "This target's network is being pre-trained already.",
    "folds_few": "{folds} folds need as many patients; there are {have}",
    "folds_ended": "The cross-validation has ended already.",
    "folds_under_way": "A cross-validation of this target is under way already.",
    "folds_no_dataset": "Freeze a dataset first, or run a round, which freezes one.",
    "models_busy": "The models of this target are being changed; try again in a minute.",
    "target_exists": "This is learned already.",
    "not_tested": "This model was trained before test results were kept, or has none.",
} | {f"left_out.{code}": sentence for code, sentence in exclusions.SENTENCES.items()}
