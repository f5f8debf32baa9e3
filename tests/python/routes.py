"""Print MLflow's route table, one route a line: SERVER PATH METHODS HANDLER.

Usage: python tests/python/routes.py [DATABASE] > tests/fixtures/mlflow-routes-VERSION.txt

Reads the very objects that `mlflow server` serves: FastAPI's routes, which come first, and Flask's `url_map`,
which gets the rest. The stores point to a scratch folder. HEAD and OPTIONS, which Flask adds, are left out.
"""

import os
import tempfile

folder = tempfile.mkdtemp()
os.environ["_MLFLOW_SERVER_FILE_STORE"] = f"sqlite:///{folder}/mlflow.db"
os.environ["_MLFLOW_SERVER_REGISTRY_STORE"] = f"sqlite:///{folder}/mlflow.db"
os.environ["_MLFLOW_SERVER_ARTIFACT_DESTINATION"] = folder
os.environ["_MLFLOW_SERVER_SERVE_ARTIFACTS"] = "true"
os.environ["MLFLOW_SERVER_ENABLE_JOB_EXECUTION"] = "false"
os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"

from mlflow.server import app as flask_app
from mlflow.server.fastapi_app import app as fastapi_app

ADDED = {"HEAD", "OPTIONS"}


def methods(found):
    return ",".join(sorted(set(found or ["ANY"]) - ADDED))


def flatten(routes, prefix=""):
    """FastAPI keeps included routers as routes of their own from 0.140 on."""
    for route in routes:
        inner = getattr(route, "effective_route_contexts", None)
        if callable(inner):
            yield from ((prefix + (c.path or ""), c.methods, c.endpoint) for c in inner())
        elif getattr(route, "methods", None):
            yield prefix + route.path, route.methods, route.endpoint


lines = {f"flask {rule.rule} {methods(rule.methods)} {rule.endpoint}" for rule in flask_app.url_map.iter_rules()}
lines |= {f"fastapi {path} {methods(m)} {endpoint.__name__}" for path, m, endpoint in flatten(fastapi_app.routes)}
print("\n".join(sorted(lines)))
