"""Matrix products of other libraries: blas.py mkl|openblas FOLDER, see peer.py.

A work is the name of a product that products/main.swift left in the folder:
TYPE-OUTPUTS-COLUMNS-ROWS, with its weights decoded to f32.
"""

import ctypes
import sys
from pathlib import Path

import numpy as np

import peer


def mkl():
    """out = x · wᵀ by MKL's cblas_sgemm."""
    path = next(Path(sys.prefix, "lib").glob("libmkl_rt.so*"))
    library = ctypes.CDLL(str(path))
    library.MKL_Set_Num_Threads(peer.THREADS)
    row_major, as_is, transposed, one, zero = 101, 111, 112, ctypes.c_float(1), ctypes.c_float(0)
    address = lambda a: a.ctypes.data_as(ctypes.c_void_p)

    def multiply(x, w, out):
        (m, k), n = x.shape, len(w)
        shape = (row_major, as_is, transposed, m, n, k)
        library.cblas_sgemm(
            *shape, one, address(x), k, address(w), k, zero, address(out), n
        )

    return multiply


def openblas():
    """numpy's, which comes with OpenBLAS."""
    assert "openblas" in str(np.show_config("dicts")["Build Dependencies"]["blas"]).lower()
    return lambda x, w, out: np.matmul(x, w.T, out=out)


class Products(dict):
    def __init__(self, multiply, folder):
        self.multiply, self.folder = multiply, folder

    def __missing__(self, name):
        n, k, m = map(int, name.split("-")[1:])
        read = lambda what, *shape: np.fromfile(f"{self.folder}/{name}.{what}", "f4").reshape(shape)
        x, w, out = read("x", m, k), read("w", n, k), np.empty((m, n), "f4")

        def work():
            self.multiply(x, w, out)
            return out

        self[name] = work
        return work


peer.serve(Products({"mkl": mkl, "openblas": openblas}[sys.argv[1]](), sys.argv[2]))
