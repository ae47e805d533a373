"""Run the tasks of one module in this interpreter, and print as JSON what each gave.

python carried_out.py with_instructor
"""

from __future__ import annotations

import json
import sys
import traceback
from importlib import import_module
from inspect import getmembers, isfunction
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
module = import_module(sys.argv[1])
found = {}
for name, task in getmembers(module, isfunction):
    if task.__module__ == module.__name__:
        try:
            found[name] = {"gave": repr(task())}
        except Exception:
            found[name] = {"failed": traceback.format_exc(limit=-3)}
print(json.dumps(found))
