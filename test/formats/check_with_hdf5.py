"""Reads what this library wrote with h5py and, where it is installed (Debian's hdf5-tools), h5dump: every data set.

    node .dist/test/formats/write-keras-samples.js FOLDER
    python test/formats/check_with_hdf5.py FOLDER
"""

import io
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import h5py


def contents(path):
    """The HDF5 file, or the one inside a .keras file."""
    if path.suffix != ".keras":
        return path.read_bytes()
    with zipfile.ZipFile(path) as archive:
        return archive.read("model.weights.h5")


def count_with_h5py(data):
    """How many data sets there are, all of whose elements and attributes were read."""
    names = []

    def visit(name, entity):
        dict(entity.attrs)
        if isinstance(entity, h5py.Dataset):
            entity[()]
            names.append(name)

    with h5py.File(io.BytesIO(data)) as file:
        dict(file.attrs)
        file.visititems(visit)
    return len(names)


def count_with_h5dump(data):
    with tempfile.NamedTemporaryFile(suffix=".h5") as file:
        file.write(data)
        file.flush()
        text = subprocess.run(["h5dump", file.name], check=True, capture_output=True, text=True).stdout
    return sum(line.strip().startswith("DATASET ") for line in text.splitlines())


def main():
    files = [p for p in sorted(Path(sys.argv[1]).iterdir()) if p.suffix in (".h5", ".keras")]
    dump = shutil.which("h5dump")
    sets = failures = 0
    for path in files:
        try:
            data = contents(path)
            count = count_with_h5py(data)
            sets += count
            if dump and count_with_h5dump(data) != count:
                raise ValueError("h5dump finds another number of data sets")
        except Exception as error:
            failures += 1
            print(f"FAIL {path.name}: {type(error).__name__}: {str(error)[:300]}")
    print(f"h5py {h5py.__version__}, h5dump {'used' if dump else 'not installed'}: {len(files)} files, {sets} data sets, {failures} failures")
    sys.exit(1 if failures else 0)


main()
