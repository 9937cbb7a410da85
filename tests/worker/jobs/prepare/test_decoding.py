import io
import zipfile
from pathlib import Path

import pytest
from PIL import Image

from app.core.files.archives import open_archive
from app.core.files.images import BadImage
from app.core.settings import Settings
from worker.jobs.prepare.decoding import Decoder, count_threads

GIB = 1024**3


@pytest.mark.parametrize(
    ("cores", "memory", "threads"), [(2, 4 * GIB, 2), (64, 4 * GIB, 16), (64, 32 * GIB, 64), (64, 1, 1), (1, GIB, 1)]
)
def test_threads_fit_the_memory(monkeypatch: pytest.MonkeyPatch, cores: int, memory: int, threads: int) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", str(cores))
    assert count_threads(Settings().model_copy(update={"prepare_memory_bytes": memory})) == threads


def test_a_refusal_holds_nothing_of_what_was_decoded(tmp_path: Path) -> None:
    """Refusals wait for their turn; by way of its frames each would keep a whole image in memory."""
    whole = io.BytesIO()
    Image.effect_noise((400, 300), 80).save(whole, "PNG")
    path = tmp_path / "archive.zip"
    with zipfile.ZipFile(path, "w") as writer:
        writer.writestr("birds/cut.png", whole.getvalue()[:-1000])
        writer.writestr("birds/text.png", b"no image at all")
    with open_archive(path, 2) as archive:
        members = [member for _, member in archive.files()]
        found = [outcome for _, outcome in Decoder(archive, Settings(data=tmp_path)).outcomes(members)]
    assert [each.code for each in found if isinstance(each, BadImage)] == ["image_damaged", "not_an_image"]
    for each in found:
        assert isinstance(each, BadImage)
        assert (each.__traceback__, each.__cause__, each.__context__) == (None, None, None)
