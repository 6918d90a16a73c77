"""Detections against truths: every measure, curve, table and sheet."""
