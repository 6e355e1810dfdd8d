"""Wrong paper files, as people write them: each gets one line that names the file, the place, and the nearest valid
word.
"""

from __future__ import annotations

import copy
from pathlib import Path

import pytest
import yaml

from mexflow.errors import UserError
from mexflow.plan.workflow import Workflow
from project import WORKFLOW

ABSENT = "taken out"
BELAICHE, CROPNET, ELFACE, NAG, UPADHY = "belaiche2020", "cropnet2021", "elface2021", "nag2019", "upadhy2025"

WRONG = [
    # Augmentation and oversampling
    (CROPNET, "training/augment", [{"rotatoin": [-15, 15]}],
     "unknown augmentation 'rotatoin' (did you mean 'rotation'?)"),
    (CROPNET, "training/augment", [{"rotation": 15}],
     "rotation: 15 is not what it takes; write it like rotation: [-10, 10]"),
    (CROPNET, "training/augment", [{"rotation": [15, -15]}], "write it like rotation: [-10, 10]"),
    (CROPNET, "training/augment", [{"flip": 2}], "flip: 2 is not what it takes; write it like flip: 0.5"),
    (CROPNET, "training/augment", ["flip"], "write it like flip: 0.5"),
    (CROPNET, "training/augment", [{"flip": float("nan")}], "write it like flip: 0.5"),
    (CROPNET, "training/augment", [{"gain": [0, float("inf")]}], "write it like gain: [0.5, 1.5]"),
    (CROPNET, "training/augment", [{"scale": [0, 1]}], "write it like scale: [0.9, 1.1]"),
    (CROPNET, "training/augment", [{"hue": [-50, 50]}], "write it like hue: [-0.1, 0.1]"),
    (CROPNET, "training/augment", [{"brightness": [-1, 1]}], "write it like brightness: [0.8, 1.2]"),
    (CROPNET, "training/augment", [{"flip": 0.5, "grey": 0.2}], "write an operation as NAME, or as NAME: VALUES"),
    (CROPNET, "training/augment", {"flip": 0.5}, "training.augment: input should be a valid list"),
    (UPADHY, "training/oversample", ["flipp"], "unknown operation of oversampling 'flipp' (did you mean 'flip'?)"),
    (UPADHY, "training/oversample", [{"salt_and_pepper": 2}], "write it like salt_and_pepper: 0.02"),
    (UPADHY, "training/oversample", [{"flip": 1}], "write it like flip"),
    (UPADHY, "training/oversample", ["brightness"], "write it like brightness: [0.8, 1.2]"),
    (UPADHY, "training/oversample", [{"rotation": [-5, 5]}], "unknown operation of oversampling 'rotation'"),
    # Optimisers and schedules
    (BELAICHE, "training/optimizer", "rmspropp", "unknown optimizer 'rmspropp' (did you mean 'rmsprop'?)"),
    (BELAICHE, "training/optimizer_options/weight_deacy", 0.1, "weight_deacy' (did you mean 'weight_decay'?)"),
    (BELAICHE, "training/optimizer_options/betas", [0.9, 0.99], "unknown key"),
    (BELAICHE, "training/optimizer_options/alpha", "high", "alpha: input should be a valid number"),
    (BELAICHE, "training/optimizer_options/alpha", 1.5, "alpha: input should be less than 1"),
    (BELAICHE, "training/learning_rte", 1, "unknown key 'training.learning_rte' (did you mean 'learning_rate'?)"),
    (BELAICHE, "training/learning_rate", "fast", "learning_rate: input should be a valid number"),
    (BELAICHE, "training/normalise", "motion",
     "normalise: input should be 'rms', 'mean_frame', 'mean_image' or 'none'"),
    (CROPNET, "training/schedule", "cosin", "unknown schedule 'cosin' (did you mean 'cosine'?)"),
    (CROPNET, "training/schedule_options", {"patience": 5}, "unknown key"),
    (UPADHY, "training/schedule_options/patience", 2.5, "patience: input should be a valid integer"),
    (UPADHY, "training/validation_share", ABSENT, "early stopping and the schedule plateau need validation_share"),
    (ELFACE, "training/schedule", "cosine", "unknown key 'training.schedule'"),
    (NAG, "training/normalise", "mean_frame", "normalise: input should be 'first_frame', 'rms' or 'none'"),
    # Weights of files
    (CROPNET, "experiments/ars/weights", {"backbone": "rexnt"},
     "experiments.ars.weights.backbone.file: unknown weights 'rexnt' (did you mean 'rexnet'?); one of: rexnet, "),
    (CROPNET, "experiments/ars/weights", {"bakbone": "rexnet"},
     "experiments.ars.weights: 'bakbone' is no such part of cropnet (did you mean 'backbone'?); it has: backbone"),
    (CROPNET, "experiments/ars/weights", {"backbone": "resnet18"}, "they need training.normalise rms, not none"),
    (CROPNET, "experiments/ars/weights", {"backbone": {"file": "rexnet", "trainin": {}}},
     "backbone.trainin' (did you mean 'training'?)"),
    (CROPNET, "experiments/ars/training", {"normalise": "rms"},
     "the weights rexnet were trained on images normalised as ImageNet's, which CropNet itself does: they need"),
    (NAG, "experiments/proposed/weights", {"spatial.backbone": "deeplab"},
     "experiments.proposed: weights.spatial.backbone: the weights deeplab were trained on whole frames"),
    (ELFACE, "experiments/samm-lv/weights", {"backbone": "rexnet"}, "elface; none of its parts can start from weights"),
    # Efforts
    (BELAICHE, "experiments/vx-1cl/demo", {"epochs": 1, "size": 32}, "unknown key 'experiments.vx-1cl.demo.size'"),
    (BELAICHE, "budgets/demo/size", 32, "unknown key 'budgets.demo.size'"),
    (BELAICHE, "budgets/demo/epoch", 3, "unknown key 'budgets.demo.epoch' (did you mean 'epochs'?)"),
    (BELAICHE, "budgets/dmo", {"epochs": 3}, "budgets.dmo"),
    (BELAICHE, "experiments/vx-1cl/demo", {"folds": 1}, "experiments.vx-1cl.demo.epochs is missing"),
    (BELAICHE, "experiments/lbp-top/demo", {"epochs": 1}, "unknown key 'experiments.lbp-top.demo.epochs'"),
    (NAG, "experiments/lbp/demo", {"samples": 3}, "unknown key 'experiments.lbp.demo.samples'"),
    (BELAICHE, "budgets/learning", {"epochs": 3}, "budgets.learning"),
    (BELAICHE, "experiments/vy-3cl/learnin", {"epochs": 3}, "vy-3cl.learnin' (did you mean 'learning'?)"),
    (BELAICHE, "experiments/vy-3cl/learning", {"epoch": 3}, "vy-3cl.learning.epoch' (did you mean 'epochs'?)"),
    (BELAICHE, "experiments/vy-3cl/learning", {"epochs": 0}, "learning.epochs: input should be greater than or equal"),
    (BELAICHE, "experiments/vy-3cl/learning", {"epochs": 3, "size": 32}, "'experiments.vy-3cl.learning.size'"),
    (BELAICHE, "experiments/lbp-top/learning", {"folds": 3}, "unknown key 'experiments.lbp-top.learning'"),
    (NAG, "experiments/lbp/learning", {"folds": 3}, "unknown key 'experiments.lbp.learning'"),
    (NAG, "experiments/proposed/learning", {"epochs": 3, "sample": 3}, "learning.sample' (did you mean 'samples'?)"),
    (ELFACE, "budgets/demo/versions", 1, "unknown key 'budgets.demo.versions'"),
    # Experiments
    (BELAICHE, "experiments/vx-1cl/kind", "flwo",
     "experiments.vx-1cl.kind: unknown kind 'flwo' (did you mean 'flow'?)"),
    (BELAICHE, "experiments/vx-1cl/kind", ABSENT, "experiments.vx-1cl: `kind` is missing"),
    (BELAICHE, "experiments/vx-1cl/chanels", ["Vx"],
     "unknown key 'experiments.vx-1cl.chanels' (did you mean 'channels'?)"),
    (BELAICHE, "experiments/vx-1cl/channels", ["vx"], "unknown channel 'vx' (did you mean 'Vx'?)"),
    (BELAICHE, "experiments/vx-1cl/lcn", False, "unknown key 'experiments.vx-1cl.lcn'"),
    (BELAICHE, "experiments/vx-1cl/model", "shalow_cnn", "unknown network 'shalow_cnn' (did you mean 'shallow_cnn'?)"),
    (BELAICHE, "experiments/vx-1cl/options", {"layer": 1},
     "unknown setting of shallow_cnn 'layer' (did you mean 'layers'?)"),
    (BELAICHE, "experiments/vx-1cl/options", {}, "shallow_cnn needs the setting 'layers'"),
    (BELAICHE, "experiments/vx-1cl/options", {"layers": "two"}, "shallow_cnn: layers is of type int, not 'two'"),
    (BELAICHE, "experiments/vx-1cl/training", {"epochs": 3}, "unknown key 'experiments.vx-1cl.training.epochs'"),
    (BELAICHE, "experiments/vx-1cl/flow", "farneback", "no preprocessing.flow 'farneback'"),
    (BELAICHE, "experiments/vx-1cl/data", "megc2019", "no data 'megc2019' (did you mean 'megc2018'?)"),
    (CROPNET, "experiments/rrs/residual", "rss", "no preprocessing.residual 'rss' (did you mean 'rrs'?)"),
    (CROPNET, "preprocessing/residual/rrs/image", "rss",
     "preprocessing.residual.rrs.image: input should be 'ars', 'rrs'"),
    (CROPNET, "preprocessing/residual/rrs/gap", "bracket", "gap: input should be 'printed' or 'bracketed'"),
    (UPADHY, "experiments/2d/size", 640, "experiments.2d.size: input should be less than or equal to 112"),
    (UPADHY, "preprocessing/lbp_top/standard/radius", [1, 1, 4], "lbp_top.standard.radius' (did you mean 'radii'?)"),
    (UPADHY, "preprocessing/lbp_top/standard/radii", [1, 4], "preprocessing.lbp_top.standard.radii.2 is missing"),
    (NAG, "experiments/hoof/method", "farnebeck", "unknown flow method 'farnebeck' (did you mean 'farneback'?)"),
    (NAG, "experiments/hoof/flow_options", {"windw": 3}, "(did you mean 'window'?)"),
    (NAG, "experiments/hoof/features", "hof", "experiments.hoof.features: input should be 'lbp', 'hoof' or 'position'"),
    # Preprocessing that nothing reads, or that no method takes
    (BELAICHE, "preprocessing/flow/small", {"method": "tvl1", "size": 28, "pairs": ["onset-apex"]}, "which of preproc"),
    (UPADHY, "preprocessing/motion", {"m": {"method": "tvl1"}},
     "preprocessing.motion.m: no experiment and no figure reads"),
    (BELAICHE, "preprocessing/flow/horn_schunck/method", "hornschunck", "(did you mean 'horn_schunck'?)"),
    (BELAICHE, "preprocessing/flow/horn_schunck/options", {"alhpa": 1}, "(did you mean 'alpha'?)"),
    (BELAICHE, "preprocessing/flow/horn_schunck/pairs", ["onset-peak"], "pairs.0: input should be 'onset-apex'"),
    (BELAICHE, "flow", {"method": "tvl1"}, "unknown key 'flow'"),
    # Data and protocols
    (BELAICHE, "protocol", "leave_one_out", "unknown protocol 'leave_one_out' (did you mean 'leave_one_subject_out'?)"),
    (BELAICHE, "data/megc2018/label", "megc2108", "unknown label of megc2018 'megc2108' (did you mean 'megc2018'?)"),
    (ELFACE, "data/samm_lv/classes", ["micro", "makro"], "unknown class of type 'makro' (did you mean 'macro'?)"),
    (CROPNET, "data/casme2/index", "casme", "unknown dataset 'casme' (did you mean 'casme2'?)"),
    (ELFACE, "spotting/samm_lv/train_skips", [[75, 25], [200, 400]],
     "[75, 25]: the lowest number of frames comes first"),
    (ELFACE, "spotting/samm_lv/stream_weights", [-1, 1],
     "stream_weights.0: input should be greater than or equal to 0"),
    (ELFACE, "spotting/samm_lv/k", "kth", "k: no variant 'kth' of test_skips (did you mean 'k-th'?)"),
    (ELFACE, "spotting/samm", {}, "spotting.samm"),
    (ELFACE, "intervals/videos", "anotated",
     "intervals.videos: input should be 'all', 'annotated' or 'with_expressions'"),
    (ELFACE, "intervals/frame_scores", "smooth", "intervals.frame_scores: input should be 'normalised' or 'raw'"),
    (NAG, "sequences", ABSENT, "an experiment of sequences needs the paper's `sequences`"),
    # Tables and figures
    (BELAICHE, "figures/F7/expriment", "vy-3cl", "F7.expriment' (did you mean 'experiment'?)"),
    (BELAICHE, "tables/T5/rows/0/name", "hapiness",
     "T5/hapiness: cosine_similarity: no class 'hapiness' (did you mean 'happiness'?)"),
    (BELAICHE, "tables/T5/columns", ["happiness", "suprise", "anger", "disgust", "sadness"],
     "T5: cosine_similarity: no class 'suprise' (did you mean 'surprise'?)"),
    (BELAICHE, "tables/T4/rows/1/metrics", "uf1", "metrics' (did you mean 'metric'?)"),
    (BELAICHE, "timing/experiment", "lbp-top", "timing: lbp-top is not on flow; flow and network are timed"),
    (BELAICHE, "titel", "x", "unknown key 'titel' (did you mean 'title'?)"),
]  # fmt: skip


@pytest.mark.parametrize(("paper", "place", "value", "expected"), WRONG, ids=lambda v: str(v)[:40])
def test_one_line_says_what_is_wrong(tmp_path, paper, place, value, expected):
    values = copy.deepcopy(VALUES[paper])
    *parents, last = place.split("/")
    holder = values
    for part in parents:
        holder = holder[int(part) if isinstance(holder, list) else part]
    if value == ABSENT:
        del holder[last]
    else:
        holder[last] = value
    folder = tmp_path / "papers"
    folder.mkdir()
    (folder / f"{paper}.yaml").write_text(yaml.safe_dump(values, sort_keys=False))
    with pytest.raises(UserError) as caught:
        Workflow({"papers": [paper]}, tmp_path)
    text = str(caught.value)
    assert expected in text
    assert "\n" not in text and text.startswith(f"{folder / paper}.yaml: ")


VALUES = {path.stem: yaml.safe_load(path.read_text()) for path in Path(WORKFLOW / "papers").glob("*.yaml")}
