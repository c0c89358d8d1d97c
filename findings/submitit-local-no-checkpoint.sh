#!/usr/bin/env bash
# What: a job that may run for 30 s or less on submitit's local executor is stopped without the warning
#   signal, so its `checkpoint` is never called. AutoExecutor cannot shorten that delay.
# Versions: submitit 1.5.4.
# Seen: a job of 9 s (timeout_min=0.15) that sleeps for longer and has a `checkpoint` method
#   default                 killed at the end; checkpoint is not called (signal_delay_s is 30, so the signal
#                           is due 21 s before the start)
#   signal_delay_s=4        checkpoint is called, the job starts again and ends well
#   AutoExecutor(cluster="local").update_parameters(...)
#     local_signal_delay_s  NameError, though LocalExecutor lists signal_delay_s among its parameters
#     slurm_signal_delay_s  accepted, without effect
# Why it matters: "try the requeue on this machine with a short limit" is how one tests a training before
#   a cluster has it. The test then shows that checkpoints do not work, or nothing.
# Workaround: LocalExecutor itself, with signal_delay_s smaller than the limit; or a limit over 30 s.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
"${PYTHON:-python3}" -m venv venv
venv/bin/pip install -q submitit==1.5.4
cat > job.py <<'E'
import sys
import time
from pathlib import Path

import submitit


class Training:
    def __call__(self, folder):
        if not (Path(folder) / "checkpoint").exists():
            time.sleep(120)
        return "resumed"

    def checkpoint(self, folder):
        (Path(folder) / "checkpoint").touch()
        return submitit.helpers.DelayedSubmission(self, folder)


def outcome(name, **parameters):
    folder = Path(name).absolute()
    executor = submitit.LocalExecutor(folder)
    executor.update_parameters(timeout_min=0.15, **parameters)
    job = executor.submit(Training(), str(folder))
    try:
        answer = job.result()
    except submitit.core.utils.UncompletedJobError:
        answer = "UncompletedJobError"
    print(f"{name}: {answer}, checkpoint called: {(folder / 'checkpoint').exists()}")
    return answer, (folder / "checkpoint").exists()


def accepts(**parameters):
    executor = submitit.AutoExecutor("auto", cluster="local")
    try:
        executor.update_parameters(**parameters)
        answer = f"accepted, local parameters are {executor._executor.parameters}"
    except NameError as error:
        answer = "NameError: " + str(error).splitlines()[0]
    print(f"AutoExecutor {parameters}: {answer}")
    return answer


same = (
    outcome("default") == ("UncompletedJobError", False)
    and outcome("signal_delay_s=4", signal_delay_s=4) == ("resumed", True)
    and accepts(local_signal_delay_s=4).startswith("NameError")
    and accepts(slurm_signal_delay_s=4).endswith("{}")
)
print("as stated" if same else "CHANGED: the signal comes in another way")
sys.exit(not same)
E
venv/bin/python job.py
