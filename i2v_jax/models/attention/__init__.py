"""What the heads of a model look at, found beside it.

No model knows of this: while maps are made, and only then, calls of attention
are intercepted, so that what is compiled to predict stays the same.

record: queries and keys of each attention, and frames that they are of.
names: groups of heads, by the frames that they look at.
inputs, layout: what a model takes; places and frames of its tokens; the query.
rows: the rows of one block's attention that belong to the query.
maps: the map of each group of heads of a block.
rollout: attention through all blocks.
"""
