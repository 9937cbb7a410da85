"""Valid and invalid values of settings, alone and in combination."""

import pytest
from pydantic import ValidationError

from app.core.settings import RULES, Settings, variable

# For each rule, in its order: values that break it and no other.
CONTRADICTIONS: list[dict[str, float]] = [
    {"lease_seconds": 20, "renew_seconds": 8},
    {"poll_seconds": 2, "renew_seconds": 1},
    {"grace_seconds": 51},
    {"reconcile_seconds": 61, "wake_seconds": 100},
    {"reconcile_seconds": 16},
    {"prediction_images": 129},
    {"prediction_batch": 129},
    {"stored_side": 64, "max_image_pixels": 4095},
]


def refusal(**values: object) -> str:
    with pytest.raises(ValidationError) as caught:
        Settings(**values)  # type: ignore[arg-type]
    (error,) = caught.value.errors()
    return str(error["msg"])


@pytest.mark.parametrize(("number", "values"), list(enumerate(CONTRADICTIONS)))
def test_each_contradiction_names_its_variables_and_values(number: int, values: dict[str, float]) -> None:
    message = refusal(**values)
    assert ";" not in message, "another rule is broken too"
    holds, words = RULES[number]
    assert not holds(Settings.model_construct(**values))
    for name in values:
        if f"{{{name}}}" in words:
            assert f"{variable(name)} ({values[name]:g}" in message or f"{variable(name)} ({values[name]}" in message


def test_every_rule_has_a_test() -> None:
    assert len(CONTRADICTIONS) == len(RULES)


def test_a_lease_shorter_than_its_renewal_is_refused() -> None:
    assert "IMPRINT_LEASE_SECONDS (5.0) must be at least 3 times IMPRINT_RENEW_SECONDS (10.0)" in refusal(
        lease_seconds=5
    )


@pytest.mark.parametrize(
    "values",
    [
        {"lease_seconds": 0},
        {"renew_seconds": float("nan")},
        {"lease_seconds": float("inf")},
        {"stored_side": 16},
        {"device": "tpu"},
        {"max_attempts": 0},
        {"laese_seconds": 60},
    ],
)
def test_a_value_out_of_its_bounds_is_refused(values: dict[str, object]) -> None:
    assert refusal(**values)


def test_a_child_process_gets_the_same_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Settings(lease_seconds=33, require_keys=True, limit_jobs=3)
    for name, value in settings.environment().items():
        monkeypatch.setenv(name, value)
    assert Settings() == settings.model_copy(update={"data": settings.data.resolve()})
