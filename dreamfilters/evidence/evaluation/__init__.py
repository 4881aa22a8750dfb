"""How well a network classifies labeled images: accuracy, confusions, calibration, and units that separate classes."""
