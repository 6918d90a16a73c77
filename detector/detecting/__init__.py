"""From raw heads to boxes, and from pictures to drawn boxes."""
