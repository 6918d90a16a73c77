"""Suites of training runs: planned, run, kept by what decides them, and reported."""
