import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from app.core.database.sessions import Database
from app.core.errors import ServiceError
from app.core.settings import Settings
from app.serving.admission import AdmissionController
from tests.app.conftest import Serve
from tests.app.image_archives import image_bytes
from tests.app.problem_assertions import problem
from tests.app.row_factories import add_model


def test_so_many_are_let_in_and_no_more_until_one_leaves() -> None:
    admission = AdmissionController(2)
    with admission.admit(("t", "birds")):
        with admission.admit(("t", "birds")):
            with pytest.raises(ServiceError) as refused, admission.admit(("t", "birds")):
                pass
            assert (refused.value.code, refused.value.retry_after) == ("overloaded", 1)
        with admission.admit(("t", "birds")):
            pass


def test_other_names_and_other_tenants_are_counted_for_themselves() -> None:
    admission = AdmissionController(1)
    with admission.admit(("t", "birds")), admission.admit(("t", "flowers")), admission.admit(("u", "birds")):
        pass


def test_a_failure_leaves_as_well() -> None:
    admission = AdmissionController(1)
    with pytest.raises(ValueError, match="bad"), admission.admit(("t", "birds")):
        raise ValueError("bad")
    with admission.admit(("t", "birds")):
        pass


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_whom_there_is_no_room_for_is_refused_before_the_database_is_asked(
    serve: Serve, database: Database, settings: Settings
) -> None:
    """The first request is inside for as long as its model is not ready."""
    client, model = serve(prediction_queue=1), add_model(database, settings, status="preparing")
    ask = {"content": image_bytes("red"), "headers": {"Content-Type": "image/png"}}
    with ThreadPoolExecutor(1) as pool:
        inside = pool.submit(client.post, f"/v1/models/{model}/predictions", **ask)
        time.sleep(settings.ready_patience_seconds / 2)
        refused = client.post(f"/v1/models/{model}/predictions", **ask)
        stranger = client.post(f"/v1/models/{model}/embeddings", headers={"Authorization": "Bearer key_x"})
        problem(inside.result(), 409, "model_not_ready")
    problem(refused, 503, "overloaded")
    assert refused.headers["retry-after"] == "1"
    problem(stranger, 401, "invalid_key")
    problem(client.post(f"/v1/models/{model}/predictions", **ask), 409, "model_not_ready")
