"""A browser without JavaScript: opens pages, keeps cookies, fills in and submits forms.

Reads one JSON object per line and answers each with one line `{"status": ..., "url": ..., "text": ...}`:

    {"do": "open", "url": ...}
    {"do": "submit", "form": WORD, "fields": {...}}    the form of the current page whose action or button
                                                       contains WORD; its hidden fields are sent along

A field that the form does not have, or a form that the page does not have, is an error: the page changed.
"""

import json
import sys
from html.parser import HTMLParser
from urllib.parse import urljoin, urlsplit

import requests


class Page(HTMLParser):
    """The forms of a page, and its visible text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.forms: list[dict] = []
        self.words: list[str] = []
        self.form: dict | None = None
        self.hidden = 0
        self.option: str | None = None
        self.feed(html)

    def handle_starttag(self, tag: str, attributes: list) -> None:
        attribute = dict(attributes)
        if tag in ("script", "style", "template"):
            self.hidden += 1
        if tag == "form":
            self.form = {
                "action": attribute.get("action") or "",
                "method": (attribute.get("method") or "get").lower(),
                "values": {},
                "names": [],
                "buttons": [],
                "labels": [],
            }
            self.forms.append(self.form)
        elif self.form is not None:
            self.field(tag, attribute)

    def field(self, tag: str, attribute: dict) -> None:
        name, value = attribute.get("name"), attribute.get("value") or ""
        kind = attribute.get("type", "submit" if tag == "button" else "text")
        if kind == "submit":
            self.form["buttons"].append((name, value))
        elif name and tag in ("input", "textarea", "select"):
            self.form["names"].append(name)
            if kind not in ("radio", "checkbox") or "checked" in attribute:
                self.form["values"].setdefault(name, value)
            if tag == "select":
                del self.form["values"][name]  # its first option, or the selected one, follows
        elif tag == "option":
            select = self.form["names"][-1]
            if "selected" in attribute or select not in self.form["values"]:
                self.form["values"][select] = value
                self.option = None if "value" in attribute else select

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self.form = None
        if tag == "option":
            self.option = None
        if tag in ("script", "style", "template"):
            self.hidden -= 1

    def handle_data(self, data: str) -> None:
        if self.form is not None and self.option:
            self.form["values"][self.option] += data.strip()  # an option without a value is its text
        if not self.hidden and data.strip():
            self.words.append(" ".join(data.split()))
        if self.form is not None and self.form["buttons"]:
            self.form["labels"].append(data.strip())


class Browser:
    def __init__(self) -> None:
        self.session = requests.Session()
        self.session.headers["Accept"] = "text/html,application/xhtml+xml"
        self.session.headers["User-Agent"] = "Mozilla/5.0 (no JavaScript)"
        self.url = ""
        self.page = Page("")

    def open(self, url: str) -> dict:
        return self.show(self.session.get(url, timeout=30))

    def submit(self, form: str, fields: dict) -> dict:
        chosen = self.find(form)
        values = dict(chosen["values"])
        for name, value in fields.items():
            if name not in chosen["names"] and all(name != button for button, _ in chosen["buttons"]):
                raise KeyError(f"the form has no field `{name}`; it has {sorted(chosen['names'])}")
            values[name] = value
        for name, value in chosen["buttons"]:
            if name and name not in values and (value == form or len(chosen["buttons"]) == 1):
                values[name] = value
        target = urlsplit(self.url)
        headers = {"Origin": f"{target.scheme}://{target.netloc}", "Referer": self.url}
        action = urljoin(self.url, chosen["action"])
        if chosen["method"] == "post":
            return self.show(self.session.post(action, data=values, headers=headers, timeout=30))
        return self.show(self.session.get(action, params=values, timeout=30))

    def find(self, word: str) -> dict:
        for form in self.page.forms:
            buttons = [text for button in form["buttons"] for text in button if text]
            if any(word.lower() in text.lower() for text in [form["action"], *buttons, *form["labels"]]):
                return form
        raise KeyError(f"no form for `{word}` on {self.url}; forms: {[form['action'] for form in self.page.forms]}")

    def show(self, response: requests.Response) -> dict:
        self.url, self.page = response.url, Page(response.text)
        return {"ok": True, "status": response.status_code, "url": self.url, "text": "\n".join(self.page.words)}


def main() -> None:
    browser = Browser()
    for line in sys.stdin:
        command = json.loads(line)
        try:
            result = getattr(browser, command.pop("do"))(**command)
        except Exception as error:
            result = {"ok": False, "exception": type(error).__name__, "message": str(error)}
        print(json.dumps(result), flush=True)


if __name__ == "__main__":
    main()
