"""Amounts, limits, measurements, and the only place that compares them."""
