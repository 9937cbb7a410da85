"""Table of torchvision's classifiers, for the API, which has no torch.

`python -m worker.tools.backbone_table` prints the table; a test measures every row again.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

# Left out of the fingerprint: batch counters are often stripped, auxiliary heads are never used, and the shape of a
# ViT's position embedding depends on the image size.
IGNORED_SUFFIXES = ("num_batches_tracked", "encoder.pos_embedding")
IGNORED_PREFIXES = ("aux1.", "aux2.", "AuxLogits.")


@dataclass(frozen=True)
class Backbone:
    """One of torchvision's classifiers.

    Attributes:
        head: name of the output layer.
        features: input width of the output layer.
        smallest: smallest image size, in pixels.
        multiple: image sizes are multiples of this, in pixels.
        fingerprint: see `fingerprint`.
    """

    head: str
    features: int
    smallest: int
    multiple: int
    fingerprint: str

    def nearest(self, image_size: int) -> int:
        """Return the image size nearest to `image_size` that the network can take, in pixels."""
        return max(self.smallest, round(image_size / self.multiple) * self.multiple)

    def check_size(self, image_size: int) -> None:
        """Check an image size.

        Args:
            image_size: side of the square image, in pixels.

        Raises:
            ValueError: if the network cannot take it.
        """
        if image_size < self.smallest or image_size % self.multiple:
            steps = f" in steps of {self.multiple}" if self.multiple > 1 else ""
            raise ValueError(f"image_size: this backbone takes images from {self.smallest} px{steps}, not {image_size}")


def fingerprint(shapes: Mapping[str, tuple[int, ...]], head: str) -> str:
    """Hash the names and shapes of a state dict without the output layer, to recognise its architecture.

    Args:
        shapes: shape of every tensor by name.
        head: name of the output layer.

    Returns:
        16 hexadecimal digits.
    """
    lines = (
        f"{name}:{'x'.join(map(str, shape))}"
        for name, shape in sorted(shapes.items())
        if not name.startswith((f"{head}.", *IGNORED_PREFIXES)) and not name.endswith(IGNORED_SUFFIXES)
    )
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]


BACKBONES: dict[str, Backbone] = {
    "alexnet": Backbone("classifier.6", 4096, 64, 1, "357d08da260fc9c4"),
    "convnext_base": Backbone("classifier.2", 1024, 32, 1, "d849d7ad3ea62c6a"),
    "convnext_large": Backbone("classifier.2", 1536, 32, 1, "b8b3b0bebc95eef9"),
    "convnext_small": Backbone("classifier.2", 768, 32, 1, "0e94c9cc41995f85"),
    "convnext_tiny": Backbone("classifier.2", 768, 32, 1, "865f0f08a260c961"),
    "densenet121": Backbone("classifier", 1024, 32, 1, "2caf9eb0bc05d2e5"),
    "densenet161": Backbone("classifier", 2208, 32, 1, "23e0cf5aa3df6acb"),
    "densenet169": Backbone("classifier", 1664, 32, 1, "66efd21cc72c7a7a"),
    "densenet201": Backbone("classifier", 1920, 32, 1, "ad37e1761247e1fa"),
    "efficientnet_b0": Backbone("classifier.1", 1280, 8, 1, "280b1383671cda13"),
    "efficientnet_b1": Backbone("classifier.1", 1280, 8, 1, "724a1c4f5c434747"),
    "efficientnet_b2": Backbone("classifier.1", 1408, 8, 1, "efac6468d42224d8"),
    "efficientnet_b3": Backbone("classifier.1", 1536, 8, 1, "e464f49dea5cacde"),
    "efficientnet_b4": Backbone("classifier.1", 1792, 8, 1, "33b4a3bfde2256c2"),
    "efficientnet_b5": Backbone("classifier.1", 2048, 8, 1, "5af95cb591b00689"),
    "efficientnet_b6": Backbone("classifier.1", 2304, 8, 1, "f980c7ee644c88b0"),
    "efficientnet_b7": Backbone("classifier.1", 2560, 8, 1, "bf638ef9417b20da"),
    "efficientnet_v2_l": Backbone("classifier.1", 1280, 8, 1, "47e878a5e8d4718e"),
    "efficientnet_v2_m": Backbone("classifier.1", 1280, 8, 1, "213dd6b97d80337c"),
    "efficientnet_v2_s": Backbone("classifier.1", 1280, 8, 1, "494d3f6535d8cf5a"),
    "googlenet": Backbone("fc", 1024, 16, 1, "868313bd5a312cde"),
    "inception_v3": Backbone("fc", 2048, 75, 1, "dd94524b45f93a5a"),
    "maxvit_t": Backbone("classifier.5", 512, 224, 224, "9f40c62409760d65"),
    "mnasnet0_5": Backbone("classifier.1", 1280, 8, 1, "44546474c9eeae57"),
    "mnasnet0_75": Backbone("classifier.1", 1280, 8, 1, "c5954c79f3531e29"),
    "mnasnet1_0": Backbone("classifier.1", 1280, 8, 1, "e2a67768e91fa408"),
    "mnasnet1_3": Backbone("classifier.1", 1280, 8, 1, "28df770c50ba9491"),
    "mobilenet_v2": Backbone("classifier.1", 1280, 8, 1, "acb6d2e41d640bd5"),
    "mobilenet_v3_large": Backbone("classifier.3", 1280, 8, 1, "0e778feb457e5aec"),
    "mobilenet_v3_small": Backbone("classifier.3", 1024, 8, 1, "af9fe6e2868316a1"),
    "regnet_x_16gf": Backbone("fc", 2048, 8, 1, "2baa8d7c46275d69"),
    "regnet_x_1_6gf": Backbone("fc", 912, 8, 1, "e7f2fa2bd48cbe1a"),
    "regnet_x_32gf": Backbone("fc", 2520, 8, 1, "f0f8e830bf31cd6f"),
    "regnet_x_3_2gf": Backbone("fc", 1008, 8, 1, "da3407d80f0c0fd7"),
    "regnet_x_400mf": Backbone("fc", 400, 8, 1, "0e29811dbbb38d0d"),
    "regnet_x_800mf": Backbone("fc", 672, 8, 1, "b811108fcd9882a9"),
    "regnet_x_8gf": Backbone("fc", 1920, 8, 1, "92f903764d4f1d09"),
    "regnet_y_128gf": Backbone("fc", 7392, 8, 1, "e02c39f50cf182d0"),
    "regnet_y_16gf": Backbone("fc", 3024, 8, 1, "cba90e27b2ef059c"),
    "regnet_y_1_6gf": Backbone("fc", 888, 8, 1, "61cd84b5bc761e23"),
    "regnet_y_32gf": Backbone("fc", 3712, 8, 1, "a52c86cbf3d8d0e2"),
    "regnet_y_3_2gf": Backbone("fc", 1512, 8, 1, "689e9135af411834"),
    "regnet_y_400mf": Backbone("fc", 440, 8, 1, "cbde490924ff339c"),
    "regnet_y_800mf": Backbone("fc", 784, 8, 1, "d07d0a204bfafeb8"),
    "regnet_y_8gf": Backbone("fc", 2016, 8, 1, "71d0f5905b682532"),
    "resnet101": Backbone("fc", 2048, 8, 1, "ebe1c1a246e93205"),
    "resnet152": Backbone("fc", 2048, 8, 1, "63909d3c85ac2641"),
    "resnet18": Backbone("fc", 512, 8, 1, "c07e8d01eb9973c6"),
    "resnet34": Backbone("fc", 512, 8, 1, "a45c750a7e43f108"),
    "resnet50": Backbone("fc", 2048, 8, 1, "bc6c0778abaf612e"),
    "resnext101_32x8d": Backbone("fc", 2048, 8, 1, "7256232b1136e53c"),
    "resnext101_64x4d": Backbone("fc", 2048, 8, 1, "d887eae2e9cad753"),
    "resnext50_32x4d": Backbone("fc", 2048, 8, 1, "829e03ea7232d79b"),
    "shufflenet_v2_x0_5": Backbone("fc", 1024, 8, 1, "216941e7316795dd"),
    "shufflenet_v2_x1_0": Backbone("fc", 1024, 8, 1, "f5229162522ad37a"),
    "shufflenet_v2_x1_5": Backbone("fc", 1024, 8, 1, "cb600af74154f3e2"),
    "shufflenet_v2_x2_0": Backbone("fc", 2048, 8, 1, "906f2048fc32d129"),
    "squeezenet1_0": Backbone("classifier.1", 512, 24, 1, "c427d3127bfad61f"),
    "squeezenet1_1": Backbone("classifier.1", 512, 24, 1, "b04bdef7046747e6"),
    "swin_b": Backbone("head", 1024, 8, 1, "6eeb7f194fc9a18d"),
    "swin_s": Backbone("head", 768, 8, 1, "b80b0088ceeb3993"),
    "swin_t": Backbone("head", 768, 8, 1, "449f116ef3612ba5"),
    "swin_v2_b": Backbone("head", 1024, 8, 1, "1b1d3c1af244a7a9"),
    "swin_v2_s": Backbone("head", 768, 8, 1, "5795ed8281f1bf09"),
    "swin_v2_t": Backbone("head", 768, 8, 1, "8613c75168356e92"),
    "vgg11": Backbone("classifier.6", 4096, 32, 1, "9811b8b2b6eaac7a"),
    "vgg11_bn": Backbone("classifier.6", 4096, 32, 1, "3afaae2a18ad2094"),
    "vgg13": Backbone("classifier.6", 4096, 32, 1, "0b0f794c73d4af4f"),
    "vgg13_bn": Backbone("classifier.6", 4096, 32, 1, "541dc0e9ed3bd8d6"),
    "vgg16": Backbone("classifier.6", 4096, 32, 1, "0aa3ea35c6c04b1f"),
    "vgg16_bn": Backbone("classifier.6", 4096, 32, 1, "1e527ba5f766bc7a"),
    "vgg19": Backbone("classifier.6", 4096, 32, 1, "c2d18b4f52c018b8"),
    "vgg19_bn": Backbone("classifier.6", 4096, 32, 1, "305166d80ef8bf0c"),
    "vit_b_16": Backbone("heads.head", 768, 16, 16, "b031fe1957a5863b"),
    "vit_b_32": Backbone("heads.head", 768, 32, 32, "7ca579069a90c806"),
    "vit_h_14": Backbone("heads.head", 1280, 14, 14, "47b38b3aaa9d4e30"),
    "vit_l_16": Backbone("heads.head", 1024, 16, 16, "58853b3c04649cf5"),
    "vit_l_32": Backbone("heads.head", 1024, 32, 32, "890bb7b3564a05a3"),
    "wide_resnet101_2": Backbone("fc", 2048, 8, 1, "a4bc7cb0555a3c2b"),
    "wide_resnet50_2": Backbone("fc", 2048, 8, 1, "bd39965438a879d1"),
}
