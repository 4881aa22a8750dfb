"""Where work runs: the threads of this process, or worker processes of this machine. The bytes are the same."""
