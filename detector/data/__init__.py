"""From a split on disk to batches: labels, pictures, caches, augmentation, and which picture comes when."""
