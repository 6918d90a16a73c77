"""How often each box is to appear, and in which copies: decided before a file is touched."""
