"""Labels from photographs, images from paintings: does domain adaptation help where no painting has a label?"""

from dataclasses import dataclass
from typing import Any

from benchmarks.quality import subsets
from benchmarks.quality.expectations import above
from benchmarks.quality.experiment import Experiment, Findings
from benchmarks.quality.material import imagenet, pool
from benchmarks.quality.outcomes import Outcome, best, row
from benchmarks.quality.service import Job, Service
from benchmarks.quality.trials import MAIN, Trial

SOURCE, TARGET = "pacs_photo", "pacs_art_painting"
SPLITS = {"test": 6, "val": 6, "train": 48}  # of the source's 60 of each class
NONE = "source_only"
GROUP = "photographs to paintings"


@dataclass(frozen=True)
class Plan:
    """`more`: by how much the best adaptation is expected to be above none."""

    kinds: tuple[str, ...]
    seeds: tuple[int, ...]
    epochs: int
    more: float
    image_size: int = 96


FULL = Plan(("coral", "mmd", "dann"), seeds=(0, 1, 2), epochs=10, more=0.05)
QUICK = Plan(("coral",), seeds=(0,), epochs=3, more=0.0)


def run(service: Service, quick: bool) -> Findings:
    """Train each, then ask it for the whole target."""
    plan = QUICK if quick else FULL
    target = service.dataset(f"{TARGET}, labelled", subsets.plain(pool(TARGET)))
    tried = [trial(service, plan, kind, seed) for kind in (NONE, *plan.kinds) for seed in plan.seeds]
    jobs = service.jobs({one.key: one.spec for one in tried})
    asked = {key: {"type": "evaluate", "model": job["result"]["model"], "dataset": target} for key, job in jobs.items()}
    judged = service.jobs(asked)
    found = [outcome(one, jobs[one.key], service.correct(judged[one.key], MAIN)) for one in tried]
    return Findings(found, [above(best(found, GROUP, plan.kinds), row(found, GROUP, NONE), plan.more)])


def trial(service: Service, plan: Plan, kind: str, seed: int) -> Trial:
    """One fine-tuning on the source's labels and the target's images."""
    source = service.dataset(f"{SOURCE}, seed {seed}", subsets.drawn(pool(SOURCE), SPLITS, seed))
    spec: dict[str, Any] = {
        "type": "finetune",
        "dataset": service.dataset(f"{TARGET}, unlabelled", subsets.unlabelled(pool(TARGET))),
        "init": imagenet(service),
        "image_size": plan.image_size,
        "adapt": {"kind": "none" if kind == NONE else kind, "source": source},
        "training": {"epochs": plan.epochs, "seed": seed},
    }
    return Trial(GROUP, kind, seed, spec)


def outcome(one: Trial, job: Job, correct: str) -> Outcome:
    """Accuracy on the target; on the source's test images, and how far the domains were apart, beside it."""
    result = job["result"]
    on_source, apart = result["metrics"]["accuracy"], result["domain_gap"]["proxy_a_distance"]
    extra = {"accuracy on photographs": on_source, "proxy A-distance": apart}
    return one.outcome(job, one.name, correct, result["seconds"], **extra)


EXPERIMENT = Experiment(
    "Domain adaptation",
    "Labels come from photographs (PACS, six classes, 48 for each class to train with), and the model is to tell "
    "paintings apart. The 360 paintings are uploaded without folders under numbers, so no job that trains can see a "
    "label of theirs; as is usual, what is judged are those same paintings, uploaded again with labels for an "
    "`evaluate` job. `source_only` has the same photographs, epochs and starting weights and never looks at a "
    "painting. Weights of which epoch are kept is decided on photographs. The strengths of the three, which are the "
    "service's defaults, were settled on these paintings, labels in sight, with seed 0; and which of the three is best "
    "is seen here too, which flatters it.",
    run,
)
