"""Other frameworks' way of doing the same work, to measure ours against."""
