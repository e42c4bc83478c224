"""
How long things took, in buckets whose width is a thousandth of the value, so that merging loses nothing.

The buckets are those of an HdrHistogram with three significant digits: a value below 2,048 µs has a bucket of its own,
and every doubling above that has 1,024 buckets. Two histograms are merged by adding counts, in any order, on any
number of machines, and give the same percentiles as one that had recorded everything.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

_HALF = 1024
_BITS = _HALF.bit_length()


def bucket_of(microseconds: int) -> int:
    """The bucket of a duration."""
    shift = microseconds.bit_length() - _BITS
    return microseconds if shift <= 0 else shift * _HALF + (microseconds >> shift)


def highest_of(bucket: int) -> int:
    """The longest duration of a bucket, in µs."""
    shift = bucket // _HALF - 1
    return bucket if shift <= 0 else ((bucket - shift * _HALF + 1) << shift) - 1


class Histogram:
    """
    Durations, counted.

    Args:
        counts: how many by bucket.
        longest: the longest duration, in µs, exactly.
    """

    __slots__ = ("counts", "longest", "total")

    def __init__(self, counts: Mapping[int, int] | None = None, longest: int = 0) -> None:
        self.counts = dict(counts or {})
        self.total = sum(self.counts.values())
        self.longest = longest

    def record(self, seconds: float) -> None:
        """Count one duration; one below nothing, which only a clock that was set can give, counts as nothing."""
        microseconds = max(int(seconds * 1_000_000), 0)
        shift = microseconds.bit_length() - _BITS
        bucket = microseconds if shift <= 0 else shift * _HALF + (microseconds >> shift)
        self.counts[bucket] = self.counts.get(bucket, 0) + 1
        self.total += 1
        self.longest = max(self.longest, microseconds)

    def add(self, other: Histogram) -> None:
        """Count what another has counted."""
        for bucket, count in other.counts.items():
            self.counts[bucket] = self.counts.get(bucket, 0) + count
        self.total += other.total
        self.longest = max(self.longest, other.longest)

    def percentile(self, share: float) -> float:
        """The duration in ms within which this share (in percent) of all came; 0 where there is none."""
        wanted = max(-(-self.total * share // 100), 1)
        seen = 0
        for bucket in sorted(self.counts):
            seen += self.counts[bucket]
            if seen >= wanted:
                return min(highest_of(bucket), self.longest) / 1000
        return 0.0

    def as_record(self) -> dict[str, Any]:
        """The histogram as JSON."""
        return {"counts": sorted(self.counts.items()), "longest": self.longest}


def histogram_from(record: Mapping[str, Any]) -> Histogram:
    """Read a histogram back."""
    return Histogram({int(bucket): int(count) for bucket, count in record["counts"]}, int(record["longest"]))


def merged(histograms: Iterable[Histogram]) -> Histogram:
    """One histogram of all."""
    whole = Histogram()
    for histogram in histograms:
        whole.add(histogram)
    return whole
