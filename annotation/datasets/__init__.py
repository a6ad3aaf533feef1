"""Frozen ground truth: immutable datasets with patient-disjoint splits, and their exports."""
