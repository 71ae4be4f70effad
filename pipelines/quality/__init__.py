"""Measuring results against a truth."""
