"""Draw training, validation and test images by a seed, so that no job sees more labels than stated.

A pool is the images of a zip of class folders, by class. Files are what a zip to upload holds, by path.
"""

import random
import zipfile
from collections.abc import Mapping
from pathlib import Path

Pool = dict[str, dict[str, bytes]]
Files = dict[str, bytes]


def read(archive: Path) -> Pool:
    """The images of `<class>/<image>` paths, in the order of their names. Of images with the same bytes the first."""
    pool: Pool = {}
    seen: set[bytes] = set()
    with zipfile.ZipFile(archive) as reader:
        for path in sorted(name for name in reader.namelist() if not name.endswith("/")):
            content = reader.read(path)
            if content not in seen:
                label, name = path.split("/", 1)
                pool.setdefault(label, {})[name] = content
            seen.add(content)
    return pool


def shuffled(images: Mapping[str, bytes], seed: object) -> dict[str, bytes]:
    """The same images in an order that depends on the seed alone."""
    names = sorted(images)
    random.Random(str(seed)).shuffle(names)
    return {name: images[name] for name in names}


def held_out(pool: Pool, each: int, seed: object = "test") -> tuple[Pool, Pool]:
    """`each` images of every class to test with, and all others. ValueError where none would be left to learn from."""
    held: Pool = {}
    rest: Pool = {}
    for label, images in pool.items():
        order = list(shuffled(images, f"{seed}/{label}").items())
        if len(order) <= each:
            raise ValueError(f"{label} has {len(order)} images: to hold out {each} would leave none")
        held[label], rest[label] = dict(order[:each]), dict(order[each:])
    return held, rest


def drawn(pool: Pool, sizes: Mapping[str, int], seed: object) -> Files:
    """Draw `sizes[split]` images of every class for each split: `<split>/<class>/<image>`.

    A larger draw with the same seed holds a smaller one as far as the splits before it are of the same size. ValueError
    where a class has too few.
    """
    files: Files = {}
    for label, images in pool.items():
        order = iter(shuffled(images, f"{seed}/{label}").items())
        if len(images) < sum(sizes.values()):
            raise ValueError(f"{label} has {len(images)} images, not {sum(sizes.values())}")
        splits = (split for split, size in sizes.items() for _ in range(size))
        files |= {f"{split}/{label}/{name}": content for split, (name, content) in zip(splits, order, strict=False)}
    return files


def labelled(pool: Pool, labels: int, seed: object) -> Files:
    """Draw `labels` images per class: a third of them, at least two, validate."""
    validation = max(2, labels // 3)
    return drawn(pool, {"val": validation, "train": labels - validation}, seed)


def tests(pool: Pool) -> Files:
    """The whole pool as test images."""
    return {f"test/{label}/{name}": content for label, images in pool.items() for name, content in images.items()}


def unlabelled(pool: Pool) -> Files:
    """Images without folders and under numbers, so that paths reveal no class."""
    contents = [content for images in pool.values() for content in images.values()]
    random.Random("unlabelled").shuffle(contents)
    return {f"{number:05}.jpg": content for number, content in enumerate(contents)}


def plain(pool: Pool, each: int | None = None) -> Files:
    """Class folders, without splits; with the first `each` images of a class, or all."""
    return {
        f"{label}/{name}": content for label, images in pool.items() for name, content in list(images.items())[:each]
    }
