"""Datasets and exports over HTTP."""
