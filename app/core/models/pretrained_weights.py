"""torchvision's pre-trained classification weights with the preprocessing of each, for the API, which has no torch.

`python -m worker.tools.weights_table` prints the table; a test compares every row with torchvision.
"""

from dataclasses import dataclass

from app.core.models.preprocessing import IMAGENET_MEAN, IMAGENET_STD
from app.core.results.model import Interpolation, ModelInput

RGB = tuple[float, float, float]


@dataclass(frozen=True)
class PretrainedWeights:
    """Weights by torchvision's name, and the preprocessing with which torchvision evaluates them.

    Attributes:
        backbone: torchvision's name of the architecture.
        size: side of the crop, in pixels.
        resize: length of the shorter side before the crop, in pixels.
        interpolation: how pixels are resized.
        mean: per channel, on the scale 0..1.
        std: per channel, on the scale 0..1.
    """

    backbone: str
    size: int
    resize: int
    interpolation: Interpolation = "bilinear"
    mean: RGB = IMAGENET_MEAN
    std: RGB = IMAGENET_STD

    @property
    def input(self) -> ModelInput:
        """The preprocessing in the API's fields."""
        return ModelInput(
            size=self.size,
            resize=self.resize,
            interpolation=self.interpolation,
            mean=list(self.mean),
            std=list(self.std),
        )


PRETRAINED_WEIGHTS: dict[str, PretrainedWeights] = {
    "AlexNet_Weights.IMAGENET1K_V1": PretrainedWeights("alexnet", 224, 256),
    "ConvNeXt_Base_Weights.IMAGENET1K_V1": PretrainedWeights("convnext_base", 224, 232),
    "ConvNeXt_Large_Weights.IMAGENET1K_V1": PretrainedWeights("convnext_large", 224, 232),
    "ConvNeXt_Small_Weights.IMAGENET1K_V1": PretrainedWeights("convnext_small", 224, 230),
    "ConvNeXt_Tiny_Weights.IMAGENET1K_V1": PretrainedWeights("convnext_tiny", 224, 236),
    "DenseNet121_Weights.IMAGENET1K_V1": PretrainedWeights("densenet121", 224, 256),
    "DenseNet161_Weights.IMAGENET1K_V1": PretrainedWeights("densenet161", 224, 256),
    "DenseNet169_Weights.IMAGENET1K_V1": PretrainedWeights("densenet169", 224, 256),
    "DenseNet201_Weights.IMAGENET1K_V1": PretrainedWeights("densenet201", 224, 256),
    "EfficientNet_B0_Weights.IMAGENET1K_V1": PretrainedWeights("efficientnet_b0", 224, 256, "bicubic"),
    "EfficientNet_B1_Weights.IMAGENET1K_V2": PretrainedWeights("efficientnet_b1", 240, 255),
    "EfficientNet_B1_Weights.IMAGENET1K_V1": PretrainedWeights("efficientnet_b1", 240, 256, "bicubic"),
    "EfficientNet_B2_Weights.IMAGENET1K_V1": PretrainedWeights("efficientnet_b2", 288, 288, "bicubic"),
    "EfficientNet_B3_Weights.IMAGENET1K_V1": PretrainedWeights("efficientnet_b3", 300, 320, "bicubic"),
    "EfficientNet_B4_Weights.IMAGENET1K_V1": PretrainedWeights("efficientnet_b4", 380, 384, "bicubic"),
    "EfficientNet_B5_Weights.IMAGENET1K_V1": PretrainedWeights("efficientnet_b5", 456, 456, "bicubic"),
    "EfficientNet_B6_Weights.IMAGENET1K_V1": PretrainedWeights("efficientnet_b6", 528, 528, "bicubic"),
    "EfficientNet_B7_Weights.IMAGENET1K_V1": PretrainedWeights("efficientnet_b7", 600, 600, "bicubic"),
    "EfficientNet_V2_L_Weights.IMAGENET1K_V1": PretrainedWeights(
        "efficientnet_v2_l", 480, 480, "bicubic", (0.5, 0.5, 0.5), (0.5, 0.5, 0.5)
    ),
    "EfficientNet_V2_M_Weights.IMAGENET1K_V1": PretrainedWeights("efficientnet_v2_m", 480, 480),
    "EfficientNet_V2_S_Weights.IMAGENET1K_V1": PretrainedWeights("efficientnet_v2_s", 384, 384),
    "GoogLeNet_Weights.IMAGENET1K_V1": PretrainedWeights("googlenet", 224, 256),
    "Inception_V3_Weights.IMAGENET1K_V1": PretrainedWeights("inception_v3", 299, 342),
    "MaxVit_T_Weights.IMAGENET1K_V1": PretrainedWeights("maxvit_t", 224, 224, "bicubic"),
    "MNASNet0_5_Weights.IMAGENET1K_V1": PretrainedWeights("mnasnet0_5", 224, 256),
    "MNASNet0_75_Weights.IMAGENET1K_V1": PretrainedWeights("mnasnet0_75", 224, 232),
    "MNASNet1_0_Weights.IMAGENET1K_V1": PretrainedWeights("mnasnet1_0", 224, 256),
    "MNASNet1_3_Weights.IMAGENET1K_V1": PretrainedWeights("mnasnet1_3", 224, 232),
    "MobileNet_V2_Weights.IMAGENET1K_V2": PretrainedWeights("mobilenet_v2", 224, 232),
    "MobileNet_V2_Weights.IMAGENET1K_V1": PretrainedWeights("mobilenet_v2", 224, 256),
    "MobileNet_V3_Large_Weights.IMAGENET1K_V2": PretrainedWeights("mobilenet_v3_large", 224, 232),
    "MobileNet_V3_Large_Weights.IMAGENET1K_V1": PretrainedWeights("mobilenet_v3_large", 224, 256),
    "MobileNet_V3_Small_Weights.IMAGENET1K_V1": PretrainedWeights("mobilenet_v3_small", 224, 256),
    "RegNet_X_16GF_Weights.IMAGENET1K_V2": PretrainedWeights("regnet_x_16gf", 224, 232),
    "RegNet_X_16GF_Weights.IMAGENET1K_V1": PretrainedWeights("regnet_x_16gf", 224, 256),
    "RegNet_X_1_6GF_Weights.IMAGENET1K_V2": PretrainedWeights("regnet_x_1_6gf", 224, 232),
    "RegNet_X_1_6GF_Weights.IMAGENET1K_V1": PretrainedWeights("regnet_x_1_6gf", 224, 256),
    "RegNet_X_32GF_Weights.IMAGENET1K_V2": PretrainedWeights("regnet_x_32gf", 224, 232),
    "RegNet_X_32GF_Weights.IMAGENET1K_V1": PretrainedWeights("regnet_x_32gf", 224, 256),
    "RegNet_X_3_2GF_Weights.IMAGENET1K_V2": PretrainedWeights("regnet_x_3_2gf", 224, 232),
    "RegNet_X_3_2GF_Weights.IMAGENET1K_V1": PretrainedWeights("regnet_x_3_2gf", 224, 256),
    "RegNet_X_400MF_Weights.IMAGENET1K_V2": PretrainedWeights("regnet_x_400mf", 224, 232),
    "RegNet_X_400MF_Weights.IMAGENET1K_V1": PretrainedWeights("regnet_x_400mf", 224, 256),
    "RegNet_X_800MF_Weights.IMAGENET1K_V2": PretrainedWeights("regnet_x_800mf", 224, 232),
    "RegNet_X_800MF_Weights.IMAGENET1K_V1": PretrainedWeights("regnet_x_800mf", 224, 256),
    "RegNet_X_8GF_Weights.IMAGENET1K_V2": PretrainedWeights("regnet_x_8gf", 224, 232),
    "RegNet_X_8GF_Weights.IMAGENET1K_V1": PretrainedWeights("regnet_x_8gf", 224, 256),
    "RegNet_Y_128GF_Weights.IMAGENET1K_SWAG_E2E_V1": PretrainedWeights("regnet_y_128gf", 384, 384, "bicubic"),
    "RegNet_Y_128GF_Weights.IMAGENET1K_SWAG_LINEAR_V1": PretrainedWeights("regnet_y_128gf", 224, 224, "bicubic"),
    "RegNet_Y_16GF_Weights.IMAGENET1K_V2": PretrainedWeights("regnet_y_16gf", 224, 232),
    "RegNet_Y_16GF_Weights.IMAGENET1K_V1": PretrainedWeights("regnet_y_16gf", 224, 256),
    "RegNet_Y_16GF_Weights.IMAGENET1K_SWAG_E2E_V1": PretrainedWeights("regnet_y_16gf", 384, 384, "bicubic"),
    "RegNet_Y_16GF_Weights.IMAGENET1K_SWAG_LINEAR_V1": PretrainedWeights("regnet_y_16gf", 224, 224, "bicubic"),
    "RegNet_Y_1_6GF_Weights.IMAGENET1K_V2": PretrainedWeights("regnet_y_1_6gf", 224, 232),
    "RegNet_Y_1_6GF_Weights.IMAGENET1K_V1": PretrainedWeights("regnet_y_1_6gf", 224, 256),
    "RegNet_Y_32GF_Weights.IMAGENET1K_V2": PretrainedWeights("regnet_y_32gf", 224, 232),
    "RegNet_Y_32GF_Weights.IMAGENET1K_V1": PretrainedWeights("regnet_y_32gf", 224, 256),
    "RegNet_Y_32GF_Weights.IMAGENET1K_SWAG_E2E_V1": PretrainedWeights("regnet_y_32gf", 384, 384, "bicubic"),
    "RegNet_Y_32GF_Weights.IMAGENET1K_SWAG_LINEAR_V1": PretrainedWeights("regnet_y_32gf", 224, 224, "bicubic"),
    "RegNet_Y_3_2GF_Weights.IMAGENET1K_V2": PretrainedWeights("regnet_y_3_2gf", 224, 232),
    "RegNet_Y_3_2GF_Weights.IMAGENET1K_V1": PretrainedWeights("regnet_y_3_2gf", 224, 256),
    "RegNet_Y_400MF_Weights.IMAGENET1K_V2": PretrainedWeights("regnet_y_400mf", 224, 232),
    "RegNet_Y_400MF_Weights.IMAGENET1K_V1": PretrainedWeights("regnet_y_400mf", 224, 256),
    "RegNet_Y_800MF_Weights.IMAGENET1K_V2": PretrainedWeights("regnet_y_800mf", 224, 232),
    "RegNet_Y_800MF_Weights.IMAGENET1K_V1": PretrainedWeights("regnet_y_800mf", 224, 256),
    "RegNet_Y_8GF_Weights.IMAGENET1K_V2": PretrainedWeights("regnet_y_8gf", 224, 232),
    "RegNet_Y_8GF_Weights.IMAGENET1K_V1": PretrainedWeights("regnet_y_8gf", 224, 256),
    "ResNet101_Weights.IMAGENET1K_V2": PretrainedWeights("resnet101", 224, 232),
    "ResNet101_Weights.IMAGENET1K_V1": PretrainedWeights("resnet101", 224, 256),
    "ResNet152_Weights.IMAGENET1K_V2": PretrainedWeights("resnet152", 224, 232),
    "ResNet152_Weights.IMAGENET1K_V1": PretrainedWeights("resnet152", 224, 256),
    "ResNet18_Weights.IMAGENET1K_V1": PretrainedWeights("resnet18", 224, 256),
    "ResNet34_Weights.IMAGENET1K_V1": PretrainedWeights("resnet34", 224, 256),
    "ResNet50_Weights.IMAGENET1K_V2": PretrainedWeights("resnet50", 224, 232),
    "ResNet50_Weights.IMAGENET1K_V1": PretrainedWeights("resnet50", 224, 256),
    "ResNeXt101_32X8D_Weights.IMAGENET1K_V2": PretrainedWeights("resnext101_32x8d", 224, 232),
    "ResNeXt101_32X8D_Weights.IMAGENET1K_V1": PretrainedWeights("resnext101_32x8d", 224, 256),
    "ResNeXt101_64X4D_Weights.IMAGENET1K_V1": PretrainedWeights("resnext101_64x4d", 224, 232),
    "ResNeXt50_32X4D_Weights.IMAGENET1K_V2": PretrainedWeights("resnext50_32x4d", 224, 232),
    "ResNeXt50_32X4D_Weights.IMAGENET1K_V1": PretrainedWeights("resnext50_32x4d", 224, 256),
    "ShuffleNet_V2_X0_5_Weights.IMAGENET1K_V1": PretrainedWeights("shufflenet_v2_x0_5", 224, 256),
    "ShuffleNet_V2_X1_0_Weights.IMAGENET1K_V1": PretrainedWeights("shufflenet_v2_x1_0", 224, 256),
    "ShuffleNet_V2_X1_5_Weights.IMAGENET1K_V1": PretrainedWeights("shufflenet_v2_x1_5", 224, 232),
    "ShuffleNet_V2_X2_0_Weights.IMAGENET1K_V1": PretrainedWeights("shufflenet_v2_x2_0", 224, 232),
    "SqueezeNet1_0_Weights.IMAGENET1K_V1": PretrainedWeights("squeezenet1_0", 224, 256),
    "SqueezeNet1_1_Weights.IMAGENET1K_V1": PretrainedWeights("squeezenet1_1", 224, 256),
    "Swin_B_Weights.IMAGENET1K_V1": PretrainedWeights("swin_b", 224, 238, "bicubic"),
    "Swin_S_Weights.IMAGENET1K_V1": PretrainedWeights("swin_s", 224, 246, "bicubic"),
    "Swin_T_Weights.IMAGENET1K_V1": PretrainedWeights("swin_t", 224, 232, "bicubic"),
    "Swin_V2_B_Weights.IMAGENET1K_V1": PretrainedWeights("swin_v2_b", 256, 272, "bicubic"),
    "Swin_V2_S_Weights.IMAGENET1K_V1": PretrainedWeights("swin_v2_s", 256, 260, "bicubic"),
    "Swin_V2_T_Weights.IMAGENET1K_V1": PretrainedWeights("swin_v2_t", 256, 260, "bicubic"),
    "VGG11_Weights.IMAGENET1K_V1": PretrainedWeights("vgg11", 224, 256),
    "VGG11_BN_Weights.IMAGENET1K_V1": PretrainedWeights("vgg11_bn", 224, 256),
    "VGG13_Weights.IMAGENET1K_V1": PretrainedWeights("vgg13", 224, 256),
    "VGG13_BN_Weights.IMAGENET1K_V1": PretrainedWeights("vgg13_bn", 224, 256),
    "VGG16_Weights.IMAGENET1K_V1": PretrainedWeights("vgg16", 224, 256),
    "VGG16_Weights.IMAGENET1K_FEATURES": PretrainedWeights(
        "vgg16",
        224,
        256,
        "bilinear",
        (0.48235, 0.45882, 0.40784),
        (0.00392156862745098, 0.00392156862745098, 0.00392156862745098),
    ),
    "VGG16_BN_Weights.IMAGENET1K_V1": PretrainedWeights("vgg16_bn", 224, 256),
    "VGG19_Weights.IMAGENET1K_V1": PretrainedWeights("vgg19", 224, 256),
    "VGG19_BN_Weights.IMAGENET1K_V1": PretrainedWeights("vgg19_bn", 224, 256),
    "ViT_B_16_Weights.IMAGENET1K_V1": PretrainedWeights("vit_b_16", 224, 256),
    "ViT_B_16_Weights.IMAGENET1K_SWAG_E2E_V1": PretrainedWeights("vit_b_16", 384, 384, "bicubic"),
    "ViT_B_16_Weights.IMAGENET1K_SWAG_LINEAR_V1": PretrainedWeights("vit_b_16", 224, 224, "bicubic"),
    "ViT_B_32_Weights.IMAGENET1K_V1": PretrainedWeights("vit_b_32", 224, 256),
    "ViT_H_14_Weights.IMAGENET1K_SWAG_E2E_V1": PretrainedWeights("vit_h_14", 518, 518, "bicubic"),
    "ViT_H_14_Weights.IMAGENET1K_SWAG_LINEAR_V1": PretrainedWeights("vit_h_14", 224, 224, "bicubic"),
    "ViT_L_16_Weights.IMAGENET1K_V1": PretrainedWeights("vit_l_16", 224, 242),
    "ViT_L_16_Weights.IMAGENET1K_SWAG_E2E_V1": PretrainedWeights("vit_l_16", 512, 512, "bicubic"),
    "ViT_L_16_Weights.IMAGENET1K_SWAG_LINEAR_V1": PretrainedWeights("vit_l_16", 224, 224, "bicubic"),
    "ViT_L_32_Weights.IMAGENET1K_V1": PretrainedWeights("vit_l_32", 224, 256),
    "Wide_ResNet101_2_Weights.IMAGENET1K_V2": PretrainedWeights("wide_resnet101_2", 224, 232),
    "Wide_ResNet101_2_Weights.IMAGENET1K_V1": PretrainedWeights("wide_resnet101_2", 224, 256),
    "Wide_ResNet50_2_Weights.IMAGENET1K_V2": PretrainedWeights("wide_resnet50_2", 224, 232),
    "Wide_ResNet50_2_Weights.IMAGENET1K_V1": PretrainedWeights("wide_resnet50_2", 224, 256),
}

# The first weights of a classifier are torchvision's default.
DEFAULTS = {f"{name.partition('.')[0]}.DEFAULT": name for name in reversed(PRETRAINED_WEIGHTS)}


def find_weights(name: str) -> PretrainedWeights | None:
    """Return the weights of a name such as `ResNet18_Weights.IMAGENET1K_V1` or `ResNet18_Weights.DEFAULT`, or None."""
    return PRETRAINED_WEIGHTS.get(DEFAULTS.get(name, name))
