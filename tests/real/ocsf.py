"""Validates OCSF events, one JSON object a line on stdin, against the published schema as the package ocsf-json-schema makes JSON Schema of it."""
import json
import sys

import jsonschema
from ocsf_json_schema import OcsfJsonSchemaEmbedded, get_ocsf_schema

schema = OcsfJsonSchemaEmbedded(get_ocsf_schema(version="1.8.0"))
seen, made = {}, {}
for line in sys.stdin:
    event = json.loads(line)
    name = schema.lookup_class_name_from_uid(event["class_uid"])
    if name not in made:
        made[name] = jsonschema.Draft202012Validator(schema.get_class_schema(name, event["metadata"]["profiles"]))
    for error in made[name].iter_errors(event):
        sys.exit(f"{name}: {error.json_path}: {error.message}\n{line}")
    assert event["type_uid"] == event["class_uid"] * 100 + event["activity_id"]
    seen[name] = seen.get(name, 0) + 1
print(" ".join(f"{n}={c}" for n, c in sorted(seen.items())))
