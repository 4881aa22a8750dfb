"""The page of an evaluation: the confusion matrix, the classes, the mistakes, calibration and the confused pairs."""
