"""Files of weights and exported models, opened to be used."""
