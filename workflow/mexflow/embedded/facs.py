"""Which action units an expression is made of, and how the annotators of each dataset write them.

Standard library only. The sets follow FACS/EMFACS: a class is one of the seven objective classes
(I happiness, II surprise, III anger, IV disgust, V sadness, VI fear, VII contempt and other).
"""

from __future__ import annotations

import random

# One planned unit: number, side ("L" the subject's left, "R" right, "B" both), peak: 0..1, more if macro.
PlannedUnit = tuple[int, str, float]

OBJECTIVE_CLASSES = (1, 2, 3, 4, 5, 6, 7)
OBJECTIVE_NAMES = {1: "happiness", 2: "surprise", 3: "anger", 4: "disgust", 5: "sadness"}

# The strongest macro-expression, where the strongest micro-expression is 1.
MACRO_STRENGTH = 2.3
# Lips that are pressed any further would fold.
MACRO_LIMITS = {23: 1.0}

# The class whose action units show an emotion, for datasets that annotate emotions only.
CLASS_OF_EMOTION = {
    "happiness": 1,
    "surprise": 2,
    "anger": 3,
    "disgust": 4,
    "sadness": 5,
    "fear": 6,
    "others": 7,
}

# (weight, units); a unit without a letter is bilateral. The first sets are the prototypes.
_SETS: dict[tuple[int, str], tuple[tuple[float, str], ...]] = {
    (1, ""): ((5, "6+12"), (3, "12"), (1, "L12"), (1, "R6+R12")),
    (2, ""): ((4, "1+2"), (3, "1+2+5"), (2, "1+2+26"), (1, "1+2+25")),
    (3, ""): ((4, "4"), (4, "4+7"), (1, "4+5"), (1, "4+23")),
    (4, ""): ((4, "9"), (3, "9+10"), (2, "4+9"), (1, "10")),
    (5, ""): ((4, "15"), (3, "15+17"), (2, "1+4+15"), (1, "1")),
    (6, ""): ((4, "1+2+4"), (2, "20"), (2, "1+2+4+20"), (1, "5+20")),
    (7, ""): ((3, "14"), (2, "14+17"), (2, "17"), (1, "L14"), (1, "R14"), (1, "7+17")),
    (7, "contempt"): ((3, "L14"), (3, "R14"), (2, "14")),
    (7, "repression"): ((3, "14+17"), (3, "17"), (1, "14+23")),
    (7, "happiness"): ((2, "12+14"), (1, "L12+14"), (1, "12+17")),
    (7, "surprise"): ((2, "2"), (1, "2+14"), (1, "L2")),
    (7, "anger"): ((2, "7"), (2, "7+17"), (1, "7+14")),
    (7, "disgust"): ((2, "10+17"), (1, "10+14")),
    (7, "fear"): ((1, "14+20"),),
    (7, "sadness"): ((2, "17"), (1, "17+23")),
}


def parse_units(text: str) -> list[tuple[int, str]]:
    """`"L12+4"` as `[(12, "L"), (4, "B")]`."""
    units = []
    for term in text.split("+"):
        side = term[0] if term[0] in "LR" else "B"
        units.append((int(term.lstrip("LR")), side))
    return units


def choose_units(rng: random.Random, objective_class: int, emotion: str) -> tuple[PlannedUnit, ...]:
    """Draw the action units of one expression, each with its peak amplitude in 0.7..1."""
    table = _SETS.get((objective_class, emotion)) or _SETS[objective_class, ""]
    text = rng.choices([units for _, units in table], [weight for weight, _ in table])[0]
    strength = rng.uniform(0.75, 1.0)
    return tuple((number, side, round(strength * rng.uniform(0.93, 1.0), 3)) for number, side in parse_units(text))


def _term(unit: PlannedUnit) -> str:
    number, side, _ = unit
    return f"{'' if side == 'B' else side}{number}"


def plain_text(units: tuple[PlannedUnit, ...]) -> str:
    """The units as most datasets write them: `4+7`, `L12`."""
    return "+".join(_term(unit) for unit in units)


def samm_text(rng: random.Random, units: tuple[PlannedUnit, ...]) -> str:
    """The units as SAMM writes them, with its doubts: `12B`, `17?`, `ref(7B)`, `12A or 14`."""
    terms = [_term(unit) for unit in units]
    letter = "ABCDE"[min(4, int(units[0][2] * 3))]
    draw = rng.random()
    if draw < 0.20:
        terms[-1] += letter
    elif draw < 0.28:
        terms[-1] += "?"
    elif draw < 0.34:
        terms.append(f"ref({rng.choice((7, 14, 17))}{letter})")
    elif draw < 0.38:
        terms[-1] += f"{letter} or {rng.choice((14, 23))}"
    return "+".join(terms)


def enlarge(rng: random.Random, units: tuple[PlannedUnit, ...], share: float) -> tuple[PlannedUnit, ...]:
    """The units of a macro-expression: one and a half to more than twice as strong as those of a micro-expression.

    `share` is the part of it that is left where several expressions overlap.
    """
    factor = rng.uniform(1.5, MACRO_STRENGTH)
    return tuple(
        (number, side, round(share * min(factor * peak, MACRO_LIMITS.get(number, factor)), 3))
        for number, side, peak in units
    )
