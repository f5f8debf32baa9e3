"""A person at MLflow's own pages through Countersign: how they get there, where our elements are, and what must be true of
them on any page.

Knows MLflow's pages; not what is played on them. It finds its way by the environment: COUNTERSIGN_URL (with MLflow's
static prefix), COUNTERSIGN_ADMIN_PORT, SHOTS (what names of pictures begin with), PASSWORD_NAME, TOKEN_NAME.
"""

import json
import os
import re
import time
import urllib.error
import urllib.request

from playwright.sync_api import Locator, Page, Playwright, expect

from aria import aria
from chrome import FAULTS, Person, axe, shoot

URL = os.environ["COUNTERSIGN_URL"]
API = URL + "/_countersign/api/v1/"
SHOTS = os.environ.get("SHOTS", "in-mlflow")
# Who works on the module may try it without building: what the server would send is taken from this folder.
DRAFT = os.environ.get("DRAFT")
LONG = 30_000
ALIAS = "/ajax-api/2.0/mlflow/registered-models/alias"
OLDER = SHOTS.endswith("older")


def call(
    who: str, method: str, address: str, body: dict | None = None, more: dict | None = None
) -> tuple[int, dict]:
    """What a program gets that has this person's token; nobody's at MLflow's own port."""
    headers = {"Content-Type": "application/json", "Accept": "application/json", **(more or {})}
    if who:
        headers["Authorization"] = "Bearer " + os.environ[f"TOKEN_{who.upper()}"]
    data = json.dumps(body).encode() if body is not None else None
    request = urllib.request.Request(address, data, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, json.loads(answer.read() or b"{}")
    except urllib.error.HTTPError as refusal:
        return refusal.code, json.loads(refusal.read() or b"{}")


def metric(name: str) -> float:
    port = os.environ["COUNTERSIGN_ADMIN_PORT"]
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30) as answer:
        lines = answer.read().decode().splitlines()
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(name))


def until(what: str, there, patience: float = 30) -> None:
    begun = time.monotonic()
    while not there():
        assert time.monotonic() - begun < patience, f"still not so after {patience} s: {what}"
        time.sleep(0.2)


def person(playwright: Playwright, name: str, **options) -> Person:
    somebody = Person(playwright, name, **options)
    somebody.context.set_default_timeout(LONG)
    expect.set_options(timeout=LONG)
    if DRAFT:
        assets = re.compile(r"_countersign/assets/mlflow\.\w+\.(js|css)")
        drafted = lambda route: route.fulfill(path=f"{DRAFT}/mlflow.{assets.search(route.request.url)[1]}")
        somebody.context.route(assets, drafted)
    return somebody


def sign_in(somebody: Person, route: str = "/models") -> None:
    page = somebody.page
    page.goto(f"{URL}/#{route}")
    page.get_by_label("User name").fill(somebody.name)
    page.get_by_label("Password").fill(os.environ[f"PASSWORD_{somebody.name.upper()}"])
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(re.compile(re.escape(URL) + "/(#.*)?$"))
    go(somebody, route)
    page.locator("main h2, main [role=row]").first.wait_for()


def go(somebody: Person, route: str) -> Page:
    page = somebody.page
    page.goto(f"{URL}/#{route}")
    page.reload()
    page.locator("main").first.wait_for()
    return page


def row_of(page: Page, name: str) -> Locator:
    return page.locator("main").get_by_role("row").filter(has=page.locator(f'a[href="#/models/{name}"]'))


def chip_in(place: Locator) -> Locator:
    return place.locator("countersign-chip .chips")


def promotion(alias: str, version: str, model: str = "credit") -> dict:
    return {"kind": "set-alias", "model": model, "alias": alias, "version": version}


def panel(page: Page) -> Locator:
    return page.locator("countersign-panel")


def picture(somebody: Person, name: str, whole: bool = False) -> None:
    shoot(somebody.page, f"{SHOTS}-{name}", whole)


def heard(somebody: Person, name: str, part: str = "main") -> None:
    """What a screen reader makes of it; of the MLflow whose pages were written down, not of an older one."""
    if not OLDER:
        FAULTS.extend(aria(somebody.page, name, part))


def fold_sidebar(page: Page) -> None:
    """Or unfold it: at 320 px MLflow's own sidebar leaves no room for anything beside it.

    By its own event: what MLflow lays over its header for a moment (a hint, a notice) is not what is tried here.
    """
    page.locator('[data-component-id="mlflow_header.toggle_sidebar_button"]').first.dispatch_event("click")


def judge(somebody: Person, name: str, ours: str = "countersign-panel, countersign-chip") -> None:
    """Everything of ours on this page fits, and axe finds nothing in it: light and dark, wide, at 320 px, at 200 %."""
    page, faults = somebody.page, []
    for theme in ("light", "dark"):
        page.evaluate("dark => document.body.classList.toggle('dark-mode', dark)", theme == "dark")
        for size, width, height in (("wide", 1280, 900), ("zoomed", 640, 450), ("narrow", 320, 640)):
            page.set_viewport_size({"width": width, "height": height})
            if size == "narrow":
                fold_sidebar(page)
            page.wait_for_timeout(200)
            if size == "narrow" and panel(page).count():
                panel(page).scroll_into_view_if_needed()
            picture(somebody, f"{name}-{theme}-{size}")
            wide = page.evaluate(
                "ours => [...document.querySelectorAll(ours)].filter(it => it.getBoundingClientRect().width > innerWidth"
                " || it.shadowRoot.firstElementChild.scrollWidth > it.clientWidth + 1 && it.localName.endsWith('panel'))"
                ".map(it => it.localName)",
                ours,
            )
            faults += [f"{theme}, {size}: {it} is too wide" for it in wide]
            # At 200 % nothing has another colour or role than at 100 %.
            for it in ("countersign-panel", "countersign-chip") if size != "zoomed" else ():
                faults += [f"{theme}, {size}: {fault}" for fault in (axe(page, it) if page.locator(it).count() else [])]
        fold_sidebar(page)
    page.evaluate("document.body.classList.remove('dark-mode')")
    page.set_viewport_size({"width": 1280, "height": 900})
    FAULTS.extend(f"{name}: {fault}" for fault in faults)
