"""Class names, and the rules from one labelling to another."""

from __future__ import annotations

CASME2_5CLASS = ("happiness", "disgust", "surprise", "repression", "others")

OBJECTIVE_NUMERALS = ("I", "II", "III", "IV", "V", "VI", "VII")
"""The objective classes 1 to 7 as they are printed."""

MEGC2018 = {1: "happiness", 2: "surprise", 3: "anger", 4: "disgust", 5: "sadness"}
"""Objective class to the name Belaiche et al. give it."""

MEGC2019_CASME2 = {"happiness": "positive", "disgust": "negative", "repression": "negative", "surprise": "surprise"}
MEGC2019_SAMM = {
    "happiness": "positive",
    "surprise": "surprise",
    **dict.fromkeys(("anger", "contempt", "disgust", "fear", "sadness"), "negative"),
}
MEGC2019_SMIC = {name: name for name in ("negative", "positive", "surprise")}

MMEW_5CLASS = ("happiness", "surprise", "disgust", "fear", "sadness")
