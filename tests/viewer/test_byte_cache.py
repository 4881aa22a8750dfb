from dreamfilters.viewer.byte_cache import ByteCache


def test_the_least_recently_used_value_is_dropped_first():
    cache = ByteCache(10, size_of=len)
    cache["a"], cache["b"] = b"12345", b"12345"
    assert cache.get("a") == b"12345"  # now b is the least recently used
    cache["c"] = b"1"
    assert cache.get("b") is None
    assert cache.get("a") == b"12345"
    assert cache.byte_count == 6


def test_a_value_larger_than_the_limit_is_kept_alone():
    cache = ByteCache(3, size_of=len)
    cache["small"], cache["large"] = b"1", b"12345"
    assert cache.get("large") == b"12345"
    assert cache.get("small") is None


def test_a_replaced_value_counts_once_and_a_dropped_one_not_at_all():
    cache = ByteCache(100, size_of=len)
    cache["a"] = b"12345"
    cache["a"] = b"12"
    assert cache.byte_count == 2
    cache.drop(lambda key: key == "a")
    assert (cache.byte_count, cache.get("a")) == (0, None)
