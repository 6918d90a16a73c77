"""What is done to the pixels of a copy: policy, geometry, colour, erasing, pasting."""
