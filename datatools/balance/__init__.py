"""Balance a training split: plan (pure arithmetic), augment (imgaug), erase, apply (files)."""
