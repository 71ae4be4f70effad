"""Bytes at rest: one format per module, readers and writers."""
