"""From a model to its operator graph: runs of it, seen by a function mode and by module hooks."""
