from dreamfilters.dreams.ascent.machine_memory import available_bytes

GIGABYTE = 2**30


def files(folder, texts):
    for path, text in texts.items():
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(f"{text}\n")
    return folder


MEMINFO = f"MemTotal: {16 * 2**20} kB\nMemFree: {2**20} kB\nMemAvailable: {8 * 2**20} kB"


def test_the_free_memory_of_a_machine(tmp_path):
    assert available_bytes(files(tmp_path, {"proc/meminfo": MEMINFO})) == 8 * GIGABYTE


def test_the_limit_of_a_container(tmp_path):
    """Version 2: limit 4, usage 3 of which 1 is file cache, so 2 are free."""
    group = "sys/fs/cgroup/pod/box"
    root = files(tmp_path, {
        "proc/meminfo": MEMINFO,
        "proc/self/cgroup": "0::/pod/box",
        f"{group}/memory.max": "max",
        f"{group}/memory.current": 1,
        "sys/fs/cgroup/pod/memory.max": 4 * GIGABYTE,
        "sys/fs/cgroup/pod/memory.current": 3 * GIGABYTE,
        "sys/fs/cgroup/pod/memory.stat": f"active_file 7\ninactive_file {GIGABYTE}",
    })  # fmt: skip
    assert available_bytes(root) == 2 * GIGABYTE


def test_the_limit_of_a_container_of_version_1(tmp_path):
    """The container sees its own group at the top, not under the path of the machine."""
    root = files(tmp_path, {
        "proc/meminfo": MEMINFO,
        "proc/self/cgroup": "9:name=systemd:/\n4:memory:/docker/1234",
        "sys/fs/cgroup/memory/memory.limit_in_bytes": 2 * GIGABYTE,
        "sys/fs/cgroup/memory/memory.usage_in_bytes": 3 * GIGABYTE,
    })  # fmt: skip
    assert available_bytes(root) == 0


def test_a_system_that_does_not_say(tmp_path):
    assert available_bytes(tmp_path) is None


def test_this_machine():
    free = available_bytes()
    assert free is None or free > 0
