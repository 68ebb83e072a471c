"""Ratios of repeated times, as tables show them."""

import polars as pl


def spread(ratio: pl.Expr) -> pl.Expr:
    """min - median - max of a ratio, to three digits."""
    parts = [part.round_sig_figs(3) for part in (ratio.min(), ratio.median(), ratio.max())]
    return pl.format("{} - {} - {}", *parts)
