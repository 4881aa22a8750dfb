"""All bounds of an opened model file: on its bytes, its structure and its configuration, each with its reason.

A bound is relative to the stored bytes of the file where it can be. The others admit several times the largest network
that is known, which is named. This module imports nothing, so that the process that parses files can use it.
"""

from __future__ import annotations

# --- the file

PIECE = 2**22  # bytes of an array that are read and sent at once

CLAIMED_PER_STORED = 20  # bytes for each stored byte of compressed weights; of pruned networks they are about 10
SMALL_CLAIM = 2**20  # bytes that the arrays of any file may claim; short ones compress by more
MOST_OBJECTS = 200_000  # groups and arrays of an HDF5 file; EfficientNetV2L has 5,000
DEEPEST_GROUP = 100  # nested groups of an HDF5 file; nested models take two each
MOST_MEMBERS = 10_000  # of an archive, where Keras writes three
LARGEST_CONFIG = 2**24  # bytes of JSON; the configuration of EfficientNetV2L has two million
LARGEST_METADATA = 2**16  # bytes of the version of Keras in an archive, which has a hundred
MOST_VALUES = 10**6  # numbers, texts and objects of a configuration; that of EfficientNetV2L has 100,000
LARGEST_PROGRAM = 2**29  # bytes of saved_model.pb; with a large program it has about ten million
LARGEST_NAMES = 2**24  # bytes of all names of groups, arrays and keys of a file
MOST_AXES = 32  # of an array
LARGEST_INDEX = 2**26  # bytes of the index of a checkpoint; that of EfficientNetV2L has 100,000
LARGEST_GRAPH = 2**26  # bytes of the graph of objects in a checkpoint, which names every variable
MOST_SHARDS = 1_000  # files of a checkpoint; TensorFlow writes one for each device

# --- the process that parses the file

PARSER_SECONDS = 10  # of processor time for any file; EfficientNetV2L takes half a second
PARSED_PER_SECOND = 2 * 10**7  # bytes of the file for each further second; gzip is five times as fast
WALL_PER_PROCESSOR = 3  # seconds to wait for each of processor time, on a busy machine or a slow disk
PARSER_MEMORY = 2**29  # bytes for any file, and twice those of the file; its libraries take a fifth
PARSER_FILES = 64  # open files
SERVER_SECONDS = 30  # to wait for the start of the process; it takes 0.2
LONGEST_PATH = 2**16  # bytes
LARGEST_DESCRIPTION = 2**26  # bytes of JSON that the process may send: two configurations and the names of arrays
LONGEST_ERROR = 2**12  # bytes of a message

# --- the configuration

DEEPEST_CONFIG = 200  # levels of JSON; a nested model takes four
MOST_CALLS = 20_000  # of layers, including those inside others for each call; ResNet1001 has 3,500
MOST_ROUNDS = 100_000  # visits of layers while Keras builds a graph: five seconds
MOST_OUTPUTS = 1_000  # of one operation; a vision transformer that splits its patches has 257
LARGEST_SETTING = 10**8  # integer: the length of an axis, or a value
LARGEST_COUNT = 2**16  # any other integer: strides, axes, kernel sizes, repetitions; images have shorter sides
LONGEST_LIST = 1_000  # entries of a setting; most have one for each axis
LONGEST_TABLE = 2**20  # entries of a setting with values, such as the means of all pixels of an image
LONGEST_TEXT = 10_000  # characters of a name or another text; an einsum equation has 20
BUILD_SECONDS = 20.0  # of CPU time for a graph; ResNet1001 takes seven
BUILD_MEMORY = 2**30  # bytes for a graph without its weights; ResNet1001 takes a tenth

# --- the network

LARGEST_MAP = 2**28  # numbers in one layer's output for one image, a gigabyte; VGG16 has three million
SPARE_NUMBERS = 2**16  # that a network may have beside those in its file: counters and seeds
