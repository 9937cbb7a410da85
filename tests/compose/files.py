"""Readers of the files that a deployment starts from."""

import re
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
COMPOSE = ROOT / "docker-compose.yml"
GUIDE = ROOT / "docs" / "how-to" / "deploy-with-compose.md"
ENVIRONMENT = ROOT / ".env.example"
OURS = ("imprint-api", "imprint-worker")


def services() -> dict[str, Any]:
    """By name, with YAML's merges done."""
    return dict(yaml.safe_load(COMPOSE.read_text())["services"])


def stages() -> dict[str, str]:
    """The Dockerfile's stages by name."""
    parts = re.split(r"^FROM ", (ROOT / "Dockerfile").read_text(), flags=re.MULTILINE)[1:]
    return {str(part.split()[2]): part for part in parts}


def foreign_images() -> list[str]:
    """The images that are not built from this repository: the Dockerfile's base and the servers of the stack."""
    bases = {stage.split()[0] for stage in stages().values()} - set(stages())
    return sorted(bases | {service["image"] for service in services().values()} - set(OURS))


def commands() -> str:
    """The commands of the deployment guide that install the stack, word for word."""
    section = GUIDE.read_text().partition("## Install and start\n")[2]
    return section.partition("```bash\n")[2].partition("```")[0]


def variables() -> dict[str, str]:
    """The variables that .env.example sets or offers to set, by name."""
    return dict(re.findall(r"^#?(IMPRINT_\w+)=(.*)$", ENVIRONMENT.read_text(), re.MULTILINE))
