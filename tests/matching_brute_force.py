"""Matching of intervals by trying everything, with frames as sets and shares as fractions."""

from __future__ import annotations

from fractions import Fraction

Pair = tuple[int, int]


def share(a: Pair, b: Pair) -> Fraction:
    """IoU of two intervals, exactly."""
    frames_a, frames_b = set(range(a[0], a[1] + 1)), set(range(b[0], b[1] + 1))
    return Fraction(len(frames_a & frames_b), len(frames_a | frames_b))


def most_matches(predicted: list[Pair], truth: list[Pair], threshold: Fraction) -> int:
    """The greatest number of one-to-one matches that any choice of pairs reaches."""
    allowed = [[column for column, true in enumerate(truth) if share(guess, true) >= threshold] for guess in predicted]

    def most(row: int, free: frozenset[int]) -> int:
        if row == len(allowed):
            return 0
        without = most(row + 1, free)
        return max([without, *(1 + most(row + 1, free - {column}) for column in allowed[row] if column in free)])

    return most(0, frozenset(range(len(truth))))


def best_first(predicted: list[Pair], truth: list[Pair], threshold: Fraction) -> list[tuple[Pair, Pair, Fraction]]:
    """The rule of best IoU first, literally: look through all free pairs for the best, take it, look again."""
    guesses, trues = list(predicted), list(truth)
    taken = []
    while True:
        pairs = [(guess, true, share(guess, true)) for guess in guesses for true in trues]
        pairs = [pair for pair in pairs if pair[2] >= threshold]
        if not pairs:
            return taken
        best = min(pairs, key=lambda pair: (-pair[2], pair[1], pair[0]))
        taken.append(best)
        guesses.remove(best[0])
        trues.remove(best[1])
