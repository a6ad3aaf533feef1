"""Targets, rounds and model versions over HTTP."""
