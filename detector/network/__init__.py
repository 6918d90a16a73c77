"""A network: its cfg, its torch module, its weights on disk, what it costs, and its anchors."""
