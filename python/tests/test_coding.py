"""Arrays to bytes and back: every type, order and shape; and what is refused, in words."""

import threading
import time

import noisefloor
import numpy as np
import pytest

from .conftest import noise

TYPES = ["uint16", "int16", ">u2", "<u2", ">i2", "<i2", "uint8", "int8", "bool"]
SHAPES = [(), (0,), (7,), (1, 1), (0, 5), (5, 0), (40, 30), (3, 20, 10), (0, 4, 4), (2, 3, 8, 9)]


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_what_comes_back_is_what_went_in(dtype, shape):
    array = noise(shape, dtype)
    again = noisefloor.decode(noisefloor.encode(array, "floor:level=fast"))
    assert again.dtype == array.dtype.newbyteorder("=")
    assert again.shape == array.shape
    assert np.array_equal(again, array)
    assert again.flags.writeable and again.flags.c_contiguous


def test_extreme_values_of_every_type():
    for dtype in TYPES[:-1]:
        limits = np.iinfo(dtype)
        array = np.array([[limits.min, limits.max, 0, 1], [limits.max] * 4], dtype)
        assert np.array_equal(noisefloor.decode(noisefloor.encode(array)), array)


@pytest.mark.parametrize(
    "of",
    [
        lambda a: a[:, ::2, ::-1],
        lambda a: a.transpose(2, 1, 0),
        lambda a: np.asfortranarray(a),
        lambda a: np.broadcast_to(a[0], (4, *a.shape[1:])),
        lambda a: a[1:2, 3:9],
    ],
)
def test_any_strides(of):
    array = of(noise((3, 20, 30), ">i2"))
    assert np.array_equal(noisefloor.decode(noisefloor.encode(array)), array)


def test_words_across_their_boundaries():
    raw = np.frombuffer(b"\0" + noise((10, 10)).tobytes(), dtype="uint8")
    array = np.ndarray((10, 10), "uint16", raw.tobytes(), offset=1)
    assert not array.flags.aligned
    assert np.array_equal(noisefloor.decode(noisefloor.encode(array)), array)


def test_what_is_like_an_array(frame):
    class Like:
        def __array__(self, dtype=None, copy=None):
            return frame

    assert np.array_equal(noisefloor.decode(noisefloor.encode(Like())), frame)
    read_only = frame.copy()
    read_only.flags.writeable = False
    assert np.array_equal(noisefloor.decode(noisefloor.encode(read_only)), frame)


def test_every_buffer_is_decoded(frame):
    data = noisefloor.encode(frame)
    for buffer in (bytearray(data), memoryview(data), np.frombuffer(data, "uint8")):
        assert np.array_equal(noisefloor.decode(buffer), frame)
    assert np.array_equal(noisefloor.decode(memoryview(data + data)[: len(data)]), frame)
    wide = bytearray(2 * len(data))
    wide[::2] = data
    assert np.array_equal(noisefloor.decode(memoryview(wide)[::2]), frame)


def test_nothing_is_copied_on_the_way_out(frame):
    for array in (frame, frame.astype("int16")):
        again = noisefloor.decode(noisefloor.encode(array))
        base = again
        while isinstance(base.base, np.ndarray):
            base = base.base
        assert "PySliceContainer" in type(base.base).__name__


def test_input_is_borrowed():
    import tracemalloc

    array = np.zeros((4000, 4096), "uint16")  # 32 MB
    tracemalloc.start()
    noisefloor.encode(array[:, ::-1], "floor:level=fast", verify=False)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1 << 20, "NumPy made no array on the way"


def test_tiles_and_threads_change_no_pixel(frame):
    sizes = set()
    for threads in (1, 2, None):
        data = noisefloor.encode(frame, tile=(32, 32), threads=threads)
        assert noisefloor.info(data)["images"][0]["tiles"] == 9
        assert np.array_equal(noisefloor.decode(data, threads=threads), frame)
        sizes.add(data)
    assert len(sizes) == 1, "the same bytes with any number of threads"
    stack = noise((4, 20, 20))
    facts = noisefloor.info(noisefloor.encode(stack, tile=(2, 10, 20)))
    assert facts["images"][0]["tile"] == (2, 10, 20)


def test_other_threads_run_meanwhile():
    array = noise((1500, 1500))
    ticks, done = [], threading.Event()

    def tick():
        while not done.is_set():
            ticks.append(time.monotonic())
            time.sleep(0.001)

    ticker = threading.Thread(target=tick)
    ticker.start()
    start = time.monotonic()
    noisefloor.encode(array, "floor:level=high")
    during = [at for at in ticks if at >= start]
    done.set()
    ticker.join()
    assert len(during) >= 3, "a thread that sleeps a millisecond at a time came back"


def test_a_forked_child_has_threads_of_its_own(frame):
    import multiprocessing
    import warnings

    data = noisefloor.encode(frame)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        with multiprocessing.get_context("fork").Pool(2) as pool:
            sums = pool.map_async(total, [data] * 4).get(timeout=60)
    assert sums == [int(frame.sum())] * 4


def total(data):
    return int(noisefloor.decode(data).sum())


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (np.zeros((2, 2), "float32"), "float32"),
        (np.zeros((2, 2), "int32"), "array.astype('uint16')"),
        (np.zeros((2, 2), "complex64"), "complex64"),
        (np.zeros(2, [("a", "u2")]), "('a', '<u2')"),
        ("text", "<U4"),
        (np.ma.array(np.zeros((2, 2), "uint16")), "mask"),
        (np.array([], dtype="datetime64[s]"), "datetime64"),
    ],
)
def test_other_types_are_refused(array, words):
    with pytest.raises(noisefloor.UnsupportedError, match="expected|mask") as caught:
        noisefloor.encode(array)
    assert words in str(caught.value)
    assert isinstance(caught.value, TypeError)


def test_wrong_arguments_are_told(frame):
    with pytest.raises(noisefloor.SpecError, match="no codec of that name; there are floor"):
        noisefloor.encode(frame, "flor")
    with pytest.raises(ValueError, match="expected fast, default, high or max"):
        noisefloor.encode(frame, "floor:level=9")
    with pytest.raises(noisefloor.RequestError, match="each at least 1"):
        noisefloor.encode(frame, tile=(0, 4))
    with pytest.raises(noisefloor.RequestError, match="expected 1 to 1024"):
        noisefloor.encode(frame, threads=0)
    with pytest.raises(noisefloor.RequestError, match="there is no image 1, the container holds 1"):
        noisefloor.decode(noisefloor.encode(frame), image=1)
    with pytest.raises(noisefloor.UnsupportedError, match="int holds no bytes"):
        noisefloor.decode(3)
    with pytest.raises(noisefloor.LimitError, match="the limit is"):
        noisefloor.decode(noisefloor.encode(frame), max_memory_bytes=100)


def test_damage_is_found_everywhere(frame):
    data = noisefloor.encode(frame, "floor:level=fast")
    with pytest.raises(noisefloor.FormatError, match="not a noisefloor container"):
        noisefloor.decode(b"")
    with pytest.raises(noisefloor.FormatError, match="not a noisefloor container"):
        noisefloor.decode(b"something else")
    for cut in range(8, len(data), 97):
        with pytest.raises(noisefloor.DamagedError):
            noisefloor.decode(data[:cut])
    for at in range(8, len(data), 53):
        hurt = bytearray(data)
        hurt[at] ^= 0x10
        with pytest.raises(noisefloor.Error):
            noisefloor.decode(hurt)


def test_every_codec_has_its_functions(frame):
    names = [codec.name for codec in noisefloor.codecs()]
    assert names[0] == "floor" and "rice" in names
    for name in names:
        encode = getattr(noisefloor, f"{name}_encode")
        decode = getattr(noisefloor, f"{name}_decode")
        check = getattr(noisefloor, f"{name}_check")
        assert encode.__name__ == f"{name}_encode"
        if name == "net":
            continue
        data = encode(frame)
        assert check(data) and np.array_equal(decode(data), frame)
        other = "raw" if name != "raw" else "rice"
        assert not getattr(noisefloor, f"{other}_check")(data)
        with pytest.raises(noisefloor.FormatError, match=f"expected {other}"):
            getattr(noisefloor, f"{other}_decode")(data)
    assert noisefloor.floor_encode(frame, "high") == noisefloor.encode(frame, "floor:level=high")
    assert not noisefloor.floor_check(b"no") and not noisefloor.floor_check(b"")
    with pytest.raises(noisefloor.SpecError, match="unknown option 'effort', expected level"):
        noisefloor.floor_encode(frame, effort=3)


def test_functions_of_codecs_that_are_not_there_say_so(frame):
    missing = {"jpegxl", "jpegls", "jpeg2000", "net"} - {c.name for c in noisefloor.codecs()}
    for name in missing:
        with pytest.raises(noisefloor.MismatchError, match=f"no codec '{name}'"):
            getattr(noisefloor, f"{name}_encode")(frame)


def test_codecs_describe_themselves():
    floor = noisefloor.codecs()[0]
    assert floor.name == "floor" and floor.options[0].key == "level"
    assert "default" in floor.options[0].values and floor.source and floor.summary


def test_noise_is_measured():
    frame = np.random.default_rng(1).normal(1000, 8, (200, 200)).round().astype("uint16")
    (normal,) = [e for e in noisefloor.limit(frame) if e["estimator"] == "normal noise"]
    assert normal["bits_per_pixel"] == pytest.approx(np.log2(8 * np.sqrt(2 * np.pi * np.e)), abs=0.05)
    shifted = noisefloor.limit(frame.astype(">i2"))
    assert shifted[0]["bits_per_pixel"] == pytest.approx(normal["bits_per_pixel"])
