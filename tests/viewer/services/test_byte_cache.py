from dreamfilters.viewer.services.byte_cache import ByteCache


def test_the_longest_unused_goes_first_and_the_weight_stays_within_the_room():
    kept = ByteCache(10, weigh=len)
    kept["a"], kept["b"] = b"12345", b"12345"
    assert kept.get("a") == b"12345"  # used: now b is the longest unused
    kept["c"] = b"1"
    assert kept.get("b") is None
    assert kept.get("a") == b"12345"
    assert kept.weight == 6


def test_a_value_larger_than_the_room_is_kept_alone():
    kept = ByteCache(3, weigh=len)
    kept["small"], kept["large"] = b"1", b"12345"
    assert kept.get("large") == b"12345"
    assert len(kept) == 1


def test_a_value_that_is_replaced_weighs_once_and_one_that_is_dropped_nothing():
    kept = ByteCache(100, weigh=len)
    kept["a"] = b"12345"
    kept["a"] = b"12"
    assert kept.weight == 2
    kept.drop(lambda key: key == "a")
    assert (kept.weight, kept.get("a")) == (0, None)
