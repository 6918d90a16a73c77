"""What the loop in `train.py` stands on: options, devices, what moves in a step, and what a run leaves behind."""
