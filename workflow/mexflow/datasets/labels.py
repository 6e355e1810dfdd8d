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

CASME2_EMOTIONS = (*CASME2_5CLASS, "sadness", "fear")
SAMM_EMOTIONS = ("anger", "contempt", "disgust", "fear", "happiness", "other", "sadness", "surprise")
MMEW_EMOTIONS = (*MMEW_5CLASS, "anger", "others")
CAS_ME_2_EMOTIONS = (
    *("anger", "disgust", "fear", "happiness", "sadness", "surprise"),
    *("others", "confused", "helpless", "pain", "sympathy"),
)
"""The emotions in the owners' tables, in lower case."""

NOT_IN_MEGC2019 = {
    ("04", "EP12_01f"): "it has no apex in the table of 2014",
    ("05", "EP09_05f"): "its apex is its onset in the table of 2014",
    **dict.fromkeys(
        (("24", "EP07_01"), ("24", "EP07_04f"), ("24", "EP10_03")),
        "it is sadness in the table of 2014, surprise in later ones",
    ),
}
"""Clips of CASME II (subject, file name) that the official MEGC2019 list leaves out by name, and why."""
