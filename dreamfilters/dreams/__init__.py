"""What and how: objectives, parameterizations, transforms, penalties, recipes and the engine."""
