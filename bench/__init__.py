"""Benchmarks that print a table; never run by the tests. Each says in its docstring how to run it."""
