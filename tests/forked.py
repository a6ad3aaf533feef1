"""Programs forked from one process that has the heavy libraries loaded: PyTorch with MONAI takes nine seconds of a
core to load, and each of some twenty workers would."""

import contextlib
import multiprocessing
import os
import runpy
import sys

import psutil

HEAVY = ["torch", "monai.networks.nets", "celery.bin.celery"]

# Nothing of ours is loaded before the fork: settings are read from the environment.
_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(HEAVY)


@contextlib.contextmanager
def running(arguments, environment):
    """`python -m` with these arguments for the time of a `with` block; yields the process."""
    child = _context.Process(target=_run, args=(arguments, environment))
    child.start()
    process = psutil.Process(child.pid)
    try:
        yield process
    finally:
        child.terminate()
        child.join(20)
        if child.is_alive():
            child.kill()
            child.join()


def _run(arguments, environment):
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = list(arguments)
    runpy.run_module(arguments[0], run_name="__main__", alter_sys=True)
