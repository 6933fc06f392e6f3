"""A forked kernel is as fresh as a new one, and leaves nothing behind."""

import subprocess
import sys
import threading

import psutil
import pytest

from aimodels.course import forked
from aimodels.course.assignment import Limits
from aimodels.course.sandbox import Kernel

pytestmark = [
    pytest.mark.rests_on("aimodels"),
    pytest.mark.slow,
    pytest.mark.skipif(not forked.available(), reason="this system cannot fork after imports"),
]
FACTS = """
import os, random, sys
import keras
import numpy as np
import tensorflow as tf

keras.utils.set_random_seed(3)
model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3), keras.layers.Dropout(0.5)])
model.compile("sgd", "mse")
model.fit(np.ones((8, 2)), np.ones((8, 3)), verbose=0)
facts = [float(w) for v in model.get_weights() for w in np.ravel(v)]
facts += [random.random(), float(np.random.rand()), hash("text"), model.name]
facts += [tf.config.list_logical_devices()[0].name, "kernel.json" in os.listdir(".")]
facts += ["here.py" in sys.path]
facts += [len(sys.argv), os.environ["TF_NUM_INTRAOP_THREADS"], keras.backend.floatx()]
facts += [__name__, sys.modules["__main__"] is sys.modules[__name__], "" in sys.path]
"""


def value(kind, *cells, expression):
    with Kernel(Limits(cell=120, total=240), kind, threading.Event()) as kernel:
        for cell in cells:
            reply = kernel.execute(cell, expression)
        return reply.value or reply.error


def test_it_computes_what_a_new_kernel_does():
    assert value("forked", FACTS, expression="facts") == value("none", FACTS, expression="facts")


def test_kernels_share_nothing():
    spoil = "import numpy, keras\nnumpy.pi = 3\nkeras.config.set_floatx('float16')\nx = 1"
    assert value("forked", spoil, expression="x") == "1"
    look = "import numpy, keras\nseen = [numpy.pi > 3, keras.config.floatx(), 'x' in globals()]"
    assert value("forked", look, expression="seen") == "[True, 'float32', False]"


def test_a_kernel_that_ends_itself_is_seen():
    with (
        pytest.raises(Exception, match="Python was ended"),
        Kernel(Limits(), "forked", threading.Event()) as kernel,
    ):
        kernel.execute("import os\nos._exit(1)")


def test_nothing_is_left_behind():
    code = """
import threading
from aimodels.course import forked
from aimodels.course.assignment import Limits
from aimodels.course.sandbox import Kernel
kernel = Kernel(Limits(), "forked", threading.Event()).__enter__()
print(kernel._process.pid, forked._origins[0]._process.pid)
kernel.__exit__()
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not any(psutil.pid_exists(int(pid)) for pid in done.stdout.split())
