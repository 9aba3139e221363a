#!/usr/bin/env python3
"""Writes tests/parity/io: small files made by NumPy and by the reference safetensors writer, and a few hostile archives.

Needs: pip install numpy ml_dtypes safetensors. Every array holds 0, 1, 2, ... (bool: false, true, false, ...).
"""
import io
import pathlib
import struct
import zipfile

import ml_dtypes
import numpy as np
from numpy.lib import format as npy
from safetensors.numpy import save as safetensors_save

OUT = pathlib.Path(__file__).parent / "io"
TYPES = {"f32": "f4", "f64": "f8", "i32": "i4", "i64": "i8", "u8": "u1", "bool": "b1", "f16": "f2"}


def count(shape, code):
    n = int(np.prod(shape, dtype=np.int64))
    values = np.arange(n) % 2 if code == "b1" else np.arange(n)
    return values.astype(code).reshape(shape)


def write_npy():
    for name, code in TYPES.items():
        np.save(OUT / f"{name}.npy", count((2, 3), code))
    np.save(OUT / "bf16.npy", count((2, 3), "f4").astype(ml_dtypes.bfloat16))
    for name in ("f32", "f64", "i32", "i64", "f16"):
        np.save(OUT / f"{name}_big.npy", count((2, 3), TYPES[name]).astype(">" + TYPES[name]))
    np.save(OUT / "fortran.npy", np.asfortranarray(count((2, 3, 4), "f4")))
    np.save(OUT / "rank0.npy", np.float32(7))
    np.save(OUT / "empty.npy", np.zeros((3, 0, 2), "f8"))
    for version in ((2, 0), (3, 0)):
        with open(OUT / f"version{version[0]}.npy", "wb") as f:
            npy.write_array(f, count((2, 3), "f4"), version)


def write_npz():
    arrays = {"weight": count((2, 3), "f4"), "bias": count((3,), "f8"), "step": np.int64(5)}
    np.savez(OUT / "stored.npz", **arrays)
    np.savez_compressed(OUT / "deflated.npz", zeros=np.zeros((1000, 1000), "f4"), **arrays)


def write_claims_4_gib():
    """A member of some hundred bytes whose .npy header and zip directory both claim almost 4 GiB."""
    claimed = 4294967000
    head = io.BytesIO()
    npy.write_array_header_1_0(head, {"descr": "|u1", "fortran_order": False, "shape": (claimed,)})
    content = head.getvalue() + bytes(100)
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as z:
        z.writestr(zipfile.ZipInfo("bomb.npy"), content, zipfile.ZIP_DEFLATED)
    raw = archive.getvalue()
    lie = struct.pack("<I", len(head.getvalue()) + claimed)
    (OUT / "claims_4_gib.npz").write_bytes(raw.replace(struct.pack("<I", len(content)), lie))


def write_safetensors():
    tensors = {name: count((2, 3), code) for name, code in TYPES.items()}
    tensors["bf16"] = count((2, 3), "f4").astype(ml_dtypes.bfloat16)
    tensors["empty"] = np.zeros((0, 4), "f4")
    tensors["scalar"] = np.array(7, "f4")
    tensors["blocks.0.weight"] = count((4, 2), "f4")
    (OUT / "all.safetensors").write_bytes(safetensors_save(tensors, {"format": "pt"}))


if __name__ == "__main__":
    OUT.mkdir(exist_ok=True)
    write_npy()
    write_npz()
    write_claims_4_gib()
    write_safetensors()
