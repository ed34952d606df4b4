"""Measures of a result against its source. Each takes arrays and returns numbers."""
