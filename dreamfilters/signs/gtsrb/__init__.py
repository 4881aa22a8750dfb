"""The German Traffic Sign Recognition Benchmark: download, checksums and unpacking."""
