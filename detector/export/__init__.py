"""Networks as files for other runtimes, whole or in 8 bits, each held against torch."""
