"""Encoders that learn without labels, and one that needs no learning."""
