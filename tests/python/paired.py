"""Pairs of the same alias write, to MLflow directly and through Countersign, in alternating order.

    paired.py DIRECT_URL COUNTERSIGN_URL TOKEN PAIRS

Prints medians in milliseconds and the median of what each pair differs by, in percent of MLflow's own time.
"""

import json
import statistics
import sys
import time

import requests

PATH = "/api/2.0/mlflow/registered-models/alias"
BODY = {"name": "credit", "alias": "champion", "version": "2"}


def timed(session: requests.Session, url: str) -> float:
    begun = time.perf_counter()
    response = session.post(url + PATH, json=BODY, timeout=60)
    elapsed = (time.perf_counter() - begun) * 1000
    if response.status_code != 200:
        sys.exit(f"{url} answered {response.status_code}: {response.text}")
    return elapsed


def main() -> None:
    direct_url, our_url, token, pairs = sys.argv[1:]
    direct, through = requests.Session(), requests.Session()
    through.headers["Authorization"] = f"Bearer {token}"
    direct.headers["Authorization"] = f"Bearer {token}"  # the same bytes on the wire; MLflow ignores them
    baseline, ours = [], []
    for number in range(int(pairs) + 5):
        if number % 2:
            one, other = timed(direct, direct_url), timed(through, our_url)
        else:
            other, one = timed(through, our_url), timed(direct, direct_url)
        if number >= 5:  # both are warm now
            baseline.append(one)
            ours.append(other)
    added = statistics.median(other - one for one, other in zip(baseline, ours))
    middle = statistics.median(baseline)
    result = {
        "baseline_ms": middle,
        "ours_ms": statistics.median(ours),
        "added_percent": added / middle * 100,
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
