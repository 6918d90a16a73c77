"""`datatools report`: what a data set looks like, as one page for a person."""
