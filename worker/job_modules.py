"""The worker's half of the table of job types (`app.core.specs.job_types`): which module does a job's work."""

from dataclasses import dataclass


@dataclass(frozen=True)
class JobModule:
    """The module whose `__main__` part does the work, in a process of its own.

    `needs_torch`: False for what never imports it. Such jobs have a fork server of their own, since a limit on their
    address space would count torch's libraries.
    """

    module: str
    needs_torch: bool = True


JOB_MODULES: dict[str, JobModule] = {
    "pretrain": JobModule("worker.jobs.train"),
    "finetune": JobModule("worker.jobs.train"),
    "evaluate": JobModule("worker.jobs.evaluate"),
    "rank": JobModule("worker.jobs.rank"),
    "prepare": JobModule("worker.jobs.prepare.__main__", needs_torch=False),
    "publish": JobModule("worker.jobs.publish"),
}
