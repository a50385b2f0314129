"""Changes the rate of sound: a band-limited, Kaiser-windowed sinc, one set of taps for each phase between two samples.

With numpy where it is installed, in plain Python where not; both give the same samples.
"""

import math
from array import array
from operator import mul

_ZEROS = 32  # crossings of the sinc on either side
_PASS = 0.96  # of the lower of the two Nyquist rates
_BETA = 9.0  # of the Kaiser window: about 90 dB
_BLOCK = 4096  # outputs at once

_kernels = {}


def kernel(source, target):
    found = _kernels.get((source, target))
    if found is None:
        if len(_kernels) >= 32:
            _kernels.clear()
        found = _kernels[source, target] = Kernel(source, target)
    return found


class Kernel:
    def __init__(self, source, target):
        common = math.gcd(source, target)
        self.up, self.down = target // common, source // common
        self.half = math.ceil(_ZEROS * max(1.0, self.down / self.up))
        self.scale = _PASS * min(1.0, self.up / self.down)
        self.phases = {}

    def count(self, samples):
        """How many samples become of so many."""
        return -(-samples * self.up // self.down)

    def taps(self, phase):
        found = self.phases.get(phase)
        if found is None:
            at = [step - self.half + 1 - phase / self.up for step in range(2 * self.half)]
            raw = [_sinc(self.scale * each) * _kaiser(each / self.half) for each in at]
            total = math.fsum(raw)
            found = self.phases[phase] = [each / total for each in raw]
        return found

    def run(self, padded, first, count):
        """`count` outputs from number `first` on. `padded` has `half - 1` samples before sample 0, and enough behind."""
        numpy = numpy_or_none()
        if numpy is not None and self.up <= 1024:
            return self._run_numpy(numpy, padded, first, count)
        outputs, width = array("d"), 2 * self.half
        for number in range(first, first + count):
            start, phase = divmod(number * self.down, self.up)
            outputs.append(sum(map(mul, self.taps(phase), padded[start : start + width])))
        return outputs

    def _run_numpy(self, numpy, padded, first, count):
        if not hasattr(self, "matrix"):
            self.matrix = numpy.array([self.taps(phase) for phase in range(self.up)])
        windows = numpy.lib.stride_tricks.sliding_window_view(numpy.asarray(padded, dtype=float), 2 * self.half)
        outputs = numpy.empty(count)
        for start in range(0, count, _BLOCK):
            numbers = numpy.arange(first + start, first + min(start + _BLOCK, count)) * self.down
            chosen = self.matrix[numbers % self.up]
            outputs[start : start + len(numbers)] = numpy.einsum("nt,nt->n", windows[numbers // self.up], chosen)
        return array("d", outputs.tobytes())


def whole(samples, source, target):
    """A piece of sound that stands alone. Beyond its ends it is mirrored, so that no click begins or ends it."""
    if source == target or not samples:
        return array("d", samples)
    used = kernel(source, target)
    return used.run(_mirrored(samples, used.half), 0, used.count(len(samples)))


def _mirrored(samples, half):
    """Mirrored at a point: what goes up before an end goes on up behind it."""
    count, first, last = len(samples), samples[0], samples[-1]
    before = [2 * first - samples[min(step, count - 1)] for step in range(half - 1, 0, -1)]
    after = [2 * last - samples[max(count - 1 - step, 0)] for step in range(1, half + 2)]
    return [*before, *samples, *after]


class Flow:
    """Sound that comes in pieces: what went before is kept, so that the seams are not heard."""

    def __init__(self, source, target):
        self.same = source == target
        self.kernel = kernel(source, target)
        self.kept = [0.0] * (self.kernel.half - 1)
        self.base = 0  # the number of the sample at which `kept` would hold sample 0
        self.number = 0  # of the next output
        self.taken = 0

    def push(self, samples):
        """What can be said for sure by now; the rest comes with the next piece, or with `end`."""
        if self.same:
            return array("d", samples)
        self.kept.extend(samples)
        self.taken += len(samples)
        return self._run(self.taken - self.kernel.half - 1)

    def end(self):
        if self.same:
            return array("d")
        self.kept.extend([0.0] * (self.kernel.half + 1))
        return self._run(self.taken - 1)

    def _run(self, last):
        """Outputs up to the input sample `last`."""
        used = self.kernel
        count = (last * used.up + used.up - 1) // used.down + 1 - self.number if last >= 0 else 0
        if count <= 0:
            return array("d")
        # Counted from what is kept, so that the numbers stay small and the list short.
        skipped = self.number * used.down // used.up - self.base
        drop = skipped - skipped % used.down
        if drop > 0:
            del self.kept[:drop]
            self.base += drop
        outputs = used.run(self.kept, self.number - self.base * used.up // used.down, count)
        self.number += count
        return outputs


def _sinc(at):
    return 1.0 if at == 0 else math.sin(math.pi * at) / (math.pi * at)


def _kaiser(at):
    return _bessel(_BETA * math.sqrt(max(0.0, 1 - at * at))) / _bessel(_BETA)


def _bessel(at):
    """The modified Bessel function of order 0, by its series."""
    total = term = 1.0
    step = 1
    while term > 1e-12 * total:
        term *= (at / (2 * step)) ** 2
        total += term
        step += 1
    return total


_numpy = []


def numpy_or_none():
    if not _numpy:
        try:
            import numpy
        except ImportError:
            numpy = None
        _numpy.append(numpy)
    return _numpy[0]
