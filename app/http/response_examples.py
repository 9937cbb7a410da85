"""What the examples of answers share: one story, in which the same thing has the same id everywhere.

A dataset of source images is pre-trained on; the model is fine-tuned on a dataset of ships and trucks, evaluated, and
served under an alias. The values are those of a real run, with floats rounded. Each slice has its answers in a module
`response_examples`; tests/app/http/test_response_examples.py holds them against the schemas.
"""

from typing import Any

SOURCE_DATASET = "ds_f4ymfxdeutd70scpfkjf"
DATASET = "ds_f3ahmewphmkc528px4b5"
OTHER_DATASET = "ds_r7hw2mq9x4k0c5z8vt1b"  # ships and trucks from another camera, without labels
UPLOAD = "up_j3bu4bygwhd0wwek1inn"
PREPARATION_JOB = "job_qufkt17910wtbrcr35kz"
PRETRAINING_JOB = "job_d9qt15ybemyn4njtmujp"
FINETUNING_JOB = "job_xaksmzf136vzb2tnxtt4"
EVALUATION_JOB = "job_6pnyder58vqas9pmw715"
RANKING_JOB = "job_wzevyykk7aqbffviw8zz"
LONG_JOB = "job_qyv0bfrgir56nttcnk4r"
PUBLICATION_JOB = "job_8fw7pb3w3nzh6qxuc23x"
PRETRAINED_MODEL = "mdl_m6zh1gh42tjvtzcfwj1e"
MODEL = "mdl_wfjynw8jknhhcx7txj8e"
IMPORTED_MODEL = "mdl_zs04i2eid4qzrwck83qj"
WEIGHTS = "MobileNet_V2_Weights.IMAGENET1K_V1"
ALIAS = "harbour"
KEY = "key_sqza2dsj2u9a5p6b492s"


def listing(*items: Any, next_: str | None = None) -> dict[str, Any]:
    """A page of a list; `next_` is the cursor of the following page."""
    return {"object": "list", "data": list(items), "has_more": next_ is not None, "next": next_}
