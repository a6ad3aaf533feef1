"""Runs jobs in processes that kill themselves at a named moment.

`python -m tests.integration.killed` loads everything once, and forks for every line `KIND ID MOMENT` that
it reads; it answers with the signal that ended the process.
"""

import os
import signal
import sys
from importlib import import_module

import django

KINDS = {
    "round": ("Round", "learning.pipeline", "run_round"),
    "encoder": ("EncoderVersion", "learning.embedding", "run_encoder"),
    "pretraining": ("EncoderVersion", "learning.pretraining", "run_pretraining"),
}


def main():
    django.setup()
    for _, module, _ in KINDS.values():
        import_module(module)
    # Nothing is connected to the database yet, and torch has started no thread: forks are safe.
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            run(*line.split())
            os._exit(0)
        _, status = os.waitpid(child, 0)
        print(os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0, flush=True)


def run(kind, job_id, moment):
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
    main()
