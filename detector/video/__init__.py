"""Videos, cameras and streams: frames in, steady labels and counts out."""
