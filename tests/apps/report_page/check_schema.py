"""check_schema.py SCHEMA DOCUMENT...: whether the JSON documents are as the schema says, and the schema says enough.

The schema must refuse a document with a key that it does not know, or without one that it requires.
"""
import copy
import json
import sys

import jsonschema

with open(sys.argv[1], encoding="utf-8") as file:
    schema = json.load(file)
jsonschema.Draft7Validator.check_schema(schema)
validator = jsonschema.Draft7Validator(schema)
failed = False
for path in sys.argv[2:]:
    with open(path, encoding="utf-8") as file:
        document = json.load(file)
    for error in list(validator.iter_errors(document))[:10]:
        failed = True
        print(f"{path}: {'/'.join(map(str, error.absolute_path))}: {error.message[:300]}")
    for change in ("unknown", "missing"):
        changed = copy.deepcopy(document)
        if change == "unknown":
            changed["layers"][0]["unknown"] = 1
        else:
            del changed["layers"][0]["op"]
        if validator.is_valid(changed):
            failed = True
            print(f"the schema accepts a layer with a key that is {change}")
sys.exit(1 if failed else 0)
