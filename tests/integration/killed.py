"""Runs one job and kills itself at a named moment: `python -m tests.integration.killed KIND ID MOMENT`."""

import os
import signal
import sys

import django

KINDS = {
    "round": ("Round", "learning.pipeline", "run_round"),
    "encoder": ("EncoderVersion", "learning.embedding", "run_encoder"),
    "pretraining": ("EncoderVersion", "learning.pretraining", "run_pretraining"),
}


def main(kind, job_id, moment):
    django.setup()
    from importlib import import_module

    from annotation.core import jobs
    from learning import models

    name, module, function = KINDS[kind]
    step, least = moment.split(":")
    work = import_module(module)
    work.BLOCK = 5  # of the cases that an encoder embeds at once: a pool of several blocks
    report = jobs.report

    def report_or_die(job, **said):
        report(job, **said)
        if said.get("step") == step and said.get("done", 0) >= int(least):
            os.kill(os.getpid(), signal.SIGKILL)

    jobs.report = report_or_die
    jobs.execute(getattr(models, name), job_id, getattr(work, function))


if __name__ == "__main__":
    main(*sys.argv[1:])
