"""A web page that finds things in what a camera sees, and an API."""
