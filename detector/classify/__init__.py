"""The two-stage alternative: what is in a box that something else has found."""
