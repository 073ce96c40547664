"""check_json.py SCHEMA FILE...: whether the JSON documents, one or one a line, are as the schema says, and whether the
schema says enough: it must refuse each of their objects with a key that it does not know, and each document without any
one of its keys that the schema requires.
"""
import copy
import json
import sys

import jsonschema

with open(sys.argv[1], encoding="utf-8") as file:
    schema = json.load(file)
jsonschema.Draft7Validator.check_schema(schema)
validator = jsonschema.Draft7Validator(schema)
problems = []
checked = 0


def objects(value, path=()):
    """The paths of all objects in a document."""
    if isinstance(value, dict):
        yield path
        for key, item in value.items():
            yield from objects(item, (*path, key))
    elif isinstance(value, list):
        # The first and the last stand for all.
        for index in sorted({0, len(value) - 1}) if value else []:
            yield from objects(value[index], (*path, index))


def at(document, path):
    for step in path:
        document = document[step]
    return document


for name in sys.argv[2:]:
    with open(name, encoding="utf-8") as file:
        text = file.read()
    try:
        documents = [json.loads(text)]
    except json.JSONDecodeError:
        documents = [json.loads(line) for line in text.splitlines()]
    if not documents:
        problems.append(f"{name} is empty")
    for document in documents:
        checked += 1
        for error in list(validator.iter_errors(document))[:5]:
            problems.append(f"{name}: {'/'.join(map(str, error.absolute_path))}: {error.message[:1000]}")
            problems += [f"  {inner.message[:300]}" for inner in (error.context or [])[:6]]
        for path in objects(document):
            changed = copy.deepcopy(document)
            at(changed, path)["unknown"] = 1
            if validator.is_valid(changed):
                problems.append(f"{name}: the schema accepts an unknown key in {path}")
        needed = 0
        for key in document:
            changed = copy.deepcopy(document)
            del changed[key]
            needed += not validator.is_valid(changed)
        if needed == 0:
            problems.append(f"{name}: the schema requires no key")
print("\n".join(problems) or f"{checked} documents")
sys.exit(1 if problems else 0)
