"""All bounds of an opened model file: on its bytes, its structure and its configuration, each with its reason.

A bound is relative to the stored bytes of the file where it can be. The others admit several times the largest network
that is known, which is named. This module imports nothing, so that the process that parses files can use it.
"""

from __future__ import annotations

# --- the file

CLAIMED_PER_STORED = 100  # bytes for each stored byte of a compressed array or member, as in Keras' check of archives
SMALL_CLAIM = 2**20  # bytes that any array or member may claim; a short one compresses by more
MOST_OBJECTS = 200_000  # groups and arrays of an HDF5 file; EfficientNetV2L has 5,000
DEEPEST_GROUP = 100  # nested groups of an HDF5 file; nested models take two each
MOST_MEMBERS = 10_000  # of an archive, where Keras writes three
LARGEST_CONFIG = 2**24  # bytes of JSON; the configuration of EfficientNetV2L has two million
LARGEST_PROGRAM = 2**29  # bytes of saved_model.pb; with a large program it has about ten million

# --- the configuration

DEEPEST_CONFIG = 200  # levels of JSON; a nested model takes four
MOST_CALLS = 20_000  # of layers, including those of nested models for each call; ResNet1001 has 3,500
MOST_ROUNDS = 100_000  # visits of layers while Keras builds a graph: five seconds
LARGEST_SETTING = 10**8  # integer among a layer's settings

# --- the network

LARGEST_MAP = 2**28  # numbers in one layer's output for one image, a gigabyte; VGG16 has three million
SPARE_NUMBERS = 2**16  # that a network may have beside those in its file: counters and seeds
