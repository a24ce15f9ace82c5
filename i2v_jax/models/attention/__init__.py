"""What the heads of a model look at, found beside it.

No model knows of this: while maps are made, and only then, calls of attention
are intercepted, so that what is compiled to predict stays the same.

record: queries and keys of each attention, and frames that they are of.
layout: the places and frames of a model's tokens, and the query.
maps: the map of each group of heads of a block.
rollout: attention through all blocks.
"""
