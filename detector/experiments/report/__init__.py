"""What a suite found: a page, a table for documents, and figures for programs."""
