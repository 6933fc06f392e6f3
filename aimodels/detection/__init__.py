"""Detection: which objects are in a picture, and where."""

from aimodels.detection.anchors import pyramid_anchors
from aimodels.detection.annotations import read_scenes
from aimodels.detection.boxes import (
    area,
    clip,
    convert_format,
    decode,
    encode,
    giou,
    iou,
    pairwise_iou,
)
from aimodels.detection.datasets import Scenes, load_scenes
from aimodels.detection.detector import Detector
from aimodels.detection.faster_rcnn import FasterRCNN
from aimodels.detection.losses import (
    focal_loss,
    giou_loss,
    hard_negatives,
    loss_per_object,
    smooth_l1,
)
from aimodels.detection.matching import assign_targets, match
from aimodels.detection.pyramid import feature_pyramid, pyramid_maps
from aimodels.detection.roi_align import roi_align
from aimodels.detection.ssd import SSD
from aimodels.detection.suppression import keep_best, non_max_suppression
from aimodels.detection.truth import check_truth, pad_truth

__all__ = [
    "SSD",
    "Detector",
    "FasterRCNN",
    "Scenes",
    "area",
    "assign_targets",
    "check_truth",
    "clip",
    "convert_format",
    "decode",
    "encode",
    "feature_pyramid",
    "focal_loss",
    "giou",
    "giou_loss",
    "hard_negatives",
    "iou",
    "keep_best",
    "load_scenes",
    "loss_per_object",
    "match",
    "non_max_suppression",
    "pad_truth",
    "pairwise_iou",
    "pyramid_anchors",
    "pyramid_maps",
    "read_scenes",
    "roi_align",
    "smooth_l1",
]
