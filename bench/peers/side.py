"""What the Python sides share: the task, its data, and the answers that the runner reads."""

import contextlib
import json
import sys
import time

answers, sys.stdout = sys.stdout, sys.stderr  # libraries may print; the runner reads answers only


def say(**line):
    print(json.dumps(line), file=answers, flush=True)


@contextlib.contextmanager
def required():
    """Imports made here are reported to the runner where they fail."""
    try:
        yield
    except ImportError as error:
        say(missing=str(error))
        sys.exit()


def read_task():
    return json.loads(sys.argv[1])


def random_samples(task):
    """Inputs and labels. Every input occurs twice, with labels of its own, so that none is learned by heart."""
    import numpy as np

    random = np.random.default_rng(7)
    count = task["batchSize"] * task["batches"]
    shape = (count // 2, *task["sampleShape"])
    if "vocabulary" in task:
        half = random.integers(task["vocabulary"], size=shape, dtype=np.int32)
    else:
        half = random.random(shape, dtype=np.float32)
    labels = (count, *task.get("labelShape", []))
    return np.concatenate([half, half]), random.integers(task["classes"], size=labels, dtype=np.int32)


def portion(task, steps):
    """Samples and epochs that make about so many steps, after a first epoch that does not count."""
    return task["batchSize"] * min(steps, task["batches"]), 1 + max(1, round(steps / task["batches"]))


def calls(inputs, build):
    """Single calls of what `build` makes, each with the next of the inputs; one call counts as the first epoch."""
    call = None

    def run(steps, mark):
        nonlocal call
        call = call or build()
        call(inputs[0])
        mark()
        for i in range(steps):
            call(inputs[i % len(inputs)])
        mark()
        return steps

    return run


def serve(version, run):
    """
    Answers requests until standard input ends. `run(steps, mark)` calls `mark()` at the end of each epoch, two at
    least, and returns the steps of an epoch; all but those of the first epoch are timed.
    """
    say(ready=version)
    for line in sys.stdin:
        start = time.perf_counter()
        ends = []
        try:
            per_epoch = run(json.loads(line)["steps"], lambda: ends.append(time.perf_counter()))
            steps = per_epoch * (len(ends) - 1)
            milliseconds = 1000 * (ends[-1] - ends[0]) / steps
            say(steps=steps, milliseconds=milliseconds, firstEpoch=1000 * (ends[0] - start))
        except Exception as error:
            say(error=f"{type(error).__name__}: {error}".split("\n")[0])
