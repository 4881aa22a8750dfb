"""Names of the 43 classes of the German Traffic Sign Recognition Benchmark, in numeric order.

The numbers are the benchmark's own (Stallkamp et al., "Man vs. computer", Neural Networks 32, 2012); the German names
follow the catalog of the Straßenverkehrs-Ordnung, shortened to their colloquial form.
"""

_NAMES = (  # German, English
    ("20", "20"),
    ("30", "30"),
    ("50", "50"),
    ("60", "60"),
    ("70", "70"),
    ("80", "80"),
    ("80 Ende", "end of 80"),
    ("100", "100"),
    ("120", "120"),
    ("Überholverbot", "no passing"),
    ("Überholverbot für Lkw", "no passing for trucks"),
    ("Vorfahrt an der nächsten Kreuzung", "right of way at the next intersection"),
    ("Vorfahrtstraße", "priority road"),
    ("Vorfahrt achten", "yield"),
    ("STOP", "stop"),
    ("Verbot für Fahrzeuge aller Art", "no vehicles"),
    ("Verbot für Lkw", "no trucks"),
    ("Verbot der Einfahrt", "no entry"),
    ("Gefahrstelle", "general caution"),
    ("Kurve links", "curve to the left"),
    ("Kurve rechts", "curve to the right"),
    ("Doppelkurve", "double curve"),
    ("Unebene Fahrbahn", "bumpy road"),
    ("Schleudergefahr", "slippery road"),
    ("Verengte Fahrbahn rechts", "road narrows on the right"),
    ("Baustelle", "road work"),
    ("Ampel", "traffic signals"),
    ("Fußgänger", "pedestrians"),
    ("Kinder", "children crossing"),
    ("Radfahrer", "bicycles crossing"),
    ("Schnee- oder Eisglätte", "ice or snow"),
    ("Wildwechsel", "wild animals"),
    ("Ende aller Streckenverbote", "end of all limits"),
    ("Rechts abbiegen", "turn right ahead"),
    ("Links abbiegen", "turn left ahead"),
    ("Geradeaus", "ahead only"),
    ("Geradeaus oder rechts", "straight or right"),
    ("Geradeaus oder links", "straight or left"),
    ("Rechts vorbei", "keep right"),
    ("Links vorbei", "keep left"),
    ("Kreisverkehr", "roundabout"),
    ("Überholverbot Ende", "end of no passing"),
    ("Überholverbot für Lkw Ende", "end of no passing for trucks"),
)
GERMAN = tuple(german for german, _ in _NAMES)
ENGLISH = tuple(english for _, english in _NAMES)
