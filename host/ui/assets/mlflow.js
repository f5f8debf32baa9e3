// Where versions stand, in MLflow's own pages: chips in its tables, a panel on a version's page, a word in its dialogs.
// Shows what the server says and nothing else. Whatever fails here, MLflow's page goes on as if this were not there.

const OURS = new URL("../", import.meta.url), API = new URL("api/v1/", OURS), MLFLOW = new URL("../", OURS);
const PATIENCE = 8000; // ms until a place that was not found counts as missing
const SVG = "http:/" + "/www.w3.org/2000/svg";
const ICONS = {
  good: "M3.5 8.5l3 3 6-7", bad: "M4 4l8 8M12 4l-8 8", busy: "M8 4.5V8l2.5 1.5M14 8A6 6 0 112 8a6 6 0 0112 0",
  warning: "M8 3v6M8 12v.5", neutral: "M4 8h8", lock: "M4 7.5h8V13H4zM6 7.5V5a2 2 0 014 0v2.5",
};
const SHEET = new CSSStyleSheet();

const quietly = (work) => (...given) => {
  try {
    return work(...given);
  } catch (error) {
    console.debug("countersign:", error);
  }
};

function element(name, props, ...children) {
  const made = Object.assign(document.createElement(name), props);
  made.append(...children);
  return made;
}

function icon(name) {
  const [svg, path] = ["svg", "path"].map((tag) => document.createElementNS(SVG, tag));
  svg.setAttribute("viewBox", "0 0 16 16");
  svg.setAttribute("aria-hidden", "true");
  path.setAttribute("d", ICONS[name] ?? ICONS.neutral);
  svg.append(path);
  return svg;
}

// The server's links name its public address; whoever is here may have come by another.
const ours = (url) => String(new URL(url.split("/_countersign/")[1] ?? "", OURS));

async function call(path, { base = API, method = "GET", body } = {}) {
  const headers = { Accept: "application/json", ...(body && { "Content-Type": "application/json" }) };
  const answer = await fetch(new URL(path, base), { method, headers, body });
  const said = await answer.json().catch(() => ({}));
  if (!answer.ok) throw Object.assign(new Error(said.detail ?? said.message ?? `the server answered ${answer.status}`), { status: answer.status });
  return said;
}

class Ours extends HTMLElement {
  constructor() {
    super();
    this.attachShadow({ mode: "open" }).adoptedStyleSheets = [SHEET];
  }

  connectedCallback() {
    this.toggleAttribute("dark", document.body.classList.contains("dark-mode"));
  }
}

// One or several: { words, tone, url, icon, bare }.
class Chip extends Ours {
  show(...items) {
    const said = JSON.stringify(items);
    if (said === this.said) return this;
    this.said = said;
    const chips = items.map(({ words, tone, url, icon: sign, bare }) =>
      element(url ? "a" : "span", { className: `chip ${tone}${bare ? " bare" : ""}`, ...(url && { href: ours(url) }) },
        icon(sign ?? tone), element("span", { className: bare ? "hidden" : "" }, words)));
    this.shadowRoot.replaceChildren(element("span", { className: "chips" }, ...chips));
    return this;
  }
}

// Drawn by the server; here are only its calls.
class Panel extends Ours {
  constructor() {
    super();
    this.told = element("p", { className: "hidden", role: "status" });
    this.place = element("div");
    this.shadowRoot.append(this.told, this.place);
    this.shadowRoot.addEventListener("submit", (event) => this.send(event));
    this.shadowRoot.addEventListener("click", ({ target }) => {
      if ("close" in target.dataset) target.closest("dialog").close();
      if ("dialog" in target.dataset && target.form.reportValidity()) target.nextElementSibling.showModal();
    });
    this.shadowRoot.addEventListener("toggle", ({ target: { open, dataset } }) => open && dataset.opens && this.act(dataset.opens), true);
  }

  async piece(path) {
    const answer = await fetch(new URL(path, OURS), { redirect: "manual", headers: { Accept: "text/html" } });
    if (!answer.ok) throw new Error(answer.status && answer.status !== 401 ? `the server answered ${answer.status}` : "you are not signed in");
    return new DOMParser().parseFromString(await answer.text(), "text/html").body.firstElementChild;
  }

  async load() {
    const path = `panel?${new URLSearchParams({ model: this.model, version: this.version })}`;
    this.asked = path;
    try {
      const piece = await this.piece(path);
      if (this.asked === path) this.draw(piece);
    } catch (error) {
      if (this.asked !== path) return;
      const retry = element("button", { onclick: () => this.load() }, "Try again");
      this.place.replaceChildren(element("p", { role: "alert" }, `Could not load governance status: ${error.message}. `, retry, " ", element("a", { href: OURS }, "Open Countersign")));
    }
  }

  // What is open, typed or focused stays so.
  draw(piece) {
    const kept = (root) => [...root.querySelectorAll("[data-key]")];
    const was = new Map(kept(this.place).map((it) => [it.dataset.key, it.open ?? it.value]));
    const focused = this.shadowRoot.activeElement?.dataset.key;
    this.place.replaceChildren(piece);
    for (const it of kept(this.place)) {
      const key = it.dataset.key;
      if (was.get(key) !== undefined) it["open" in it ? "open" : "value"] = was.get(key);
      if (key === focused) it.focus();
    }
    for (const it of this.place.querySelectorAll("[data-load]")) {
      this.piece(it.dataset.load).then((piece) => {
        piece.open = was.get(piece.dataset.key) ?? false;
        it.replaceChildren(piece);
      }, (error) => it.replaceChildren(`The comparison could not be read: ${error.message}.`));
    }
  }

  send(event) {
    event.preventDefault();
    const form = event.target, button = event.submitter, body = {};
    button?.closest("dialog")?.close();
    for (const [name, value] of new FormData(form, button)) body[name] = form.elements[name].dataset?.json === undefined ? value : JSON.parse(value);
    if (body.vote === "comment") delete body.seat;
    this.act(form.dataset.post, { form, ...form.dataset, body: form.dataset.body ?? JSON.stringify(body), words: button?.textContent });
  }

  async act(path, { form, mlflow, method = "POST", body = "{}", words = "Opened" } = {}) {
    this.place.querySelectorAll(".alert").forEach((it) => it.remove());
    try {
      await call(path, { method, body, base: mlflow === undefined ? API : MLFLOW });
      if (mlflow !== undefined) return location.reload();
      this.told.textContent = `${words}: recorded.`;
      form?.querySelectorAll("textarea").forEach((it) => (it.value = ""));
      await this.load();
      if (form) this.place.querySelector("h3")?.focus();
    } catch (error) {
      (form ?? this.place).after(element("p", { className: "alert", role: "alert" }, error.message));
    }
  }
}

// === what the server said, and where it goes ===

const known = new Map(); // path → what the server said
let page = "", since = 0, told = {}, timer;

function route() {
  const [, name, version] = /^#\/models(?:\/([^/?]+)(?:\/versions\/(\d+))?)?\/?(?:\?|$)/.exec(location.hash) ?? ["", null];
  return name === null ? null : { name: name && decodeURIComponent(name), version };
}

// What the server said last; asks where it has not said anything.
function read(path) {
  if (!known.has(path)) ask(path);
  return known.get(path);
}

function ask(path) {
  if (!known.has(path)) known.set(path, undefined);
  call(path).then((said) => known.set(path, said), () => setTimeout(() => known.get(path) === undefined && known.delete(path), PATIENCE)).then(soon);
}

// Our element of this kind in that place, made where it is missing.
function at(place, kind = "chip", put = (it) => place.append(it)) {
  const name = `countersign-${kind}`;
  let mine = [...place.children].find((it) => it.localName === name);
  if (!mine) put((mine = document.createElement(name)));
  return mine;
}

const seen = (selector, root = document) => [...root.querySelectorAll(selector)];
const matches = (pattern, name) => new RegExp(`^${pattern.replace(/[.+?^${}()|[\]\\]/g, "\\$&").replaceAll("*", ".*")}$`, "i").test(name);
const guardedAliases = (model) => (model?.guards ?? []).flatMap((guard) => guard.alias ?? []);
const isGuarded = (model, alias) => guardedAliases(model).some((pattern) => matches(pattern, alias));

// Table rows with the link of what each is about, and the cell under one of these titles.
function rows(href, ...titles) {
  return seen("main [role=row], main tr").flatMap((row) => {
    const link = seen("a", row).find((it) => href.test(it.getAttribute("href") ?? ""));
    if (!link) return [];
    const heads = seen("[role=columnheader], th", row.closest("[role=table], table") ?? row);
    const column = heads.findIndex((head) => titles.includes(head.textContent.trim()));
    const cell = seen("[role=cell], td", row)[column] ?? link.closest("[role=cell], td") ?? link.parentElement;
    return [{ row, cell, key: decodeURIComponent(href.exec(link.getAttribute("href"))[1]) }];
  });
}

function list() {
  const found = rows(/^#\/models\/([^/?]+)$/, "Aliased versions", "Staging");
  const said = found.length ? read(`models?${new URLSearchParams(found.slice(0, 100).map(({ key }) => ["name", key]))}`) : null;
  for (const { cell, key } of found) {
    const model = said?.models.find((it) => it.model === key);
    if (!model) continue;
    const chips = model.aliases.flatMap(({ alias, version, badge, pending }) => [
      ...(version ? [{ ...badge, words: `${alias}, version ${version}: ${badge.words}` }] : []),
      ...(pending ? [{ ...pending.badge, words: `${alias} to version ${pending.version}: ${pending.badge.words}` }] : []),
    ]);
    if (chips.length || at(cell).said) at(cell).show(...chips);
  }
  return found.length > 0 || !seen('main a[href^="#/models/"]').length;
}

function model(name) {
  const found = rows(/^#\/models\/[^/]+\/versions\/(\d+)$/, "Aliases", "Stage");
  const said = found.length ? read(`models/${encodeURIComponent(name)}?versions=${[...new Set(found.map(({ key }) => key))].slice(0, 100)}`) : null;
  for (const { row, cell, key } of found) {
    const version = said?.versions.find((it) => it.version === key);
    if (version) at(cell).show(version.badge);
    lock(row, said);
  }
  return found.length > 0 || !seen('main a[href*="/versions/"]').length;
}

// A lock on each of MLflow's own tags that shows a governed alias.
function lock(root, model) {
  for (const tag of seen("[role=status][title]", root)) {
    if (isGuarded(model, tag.title)) at(tag.firstElementChild ?? tag).show({ words: "governed", tone: "lock", bare: true });
  }
}

function version(name, number) {
  const [first] = seen('main [data-testid="descriptions-item"]'), title = seen("main h2")[0];
  if (!first || !title) return false;
  const panel = at(first.parentElement.parentElement, "panel", (it) => first.parentElement.after(it));
  if (panel.model !== name || panel.version !== number) Object.assign(panel, { model: name, version: number }).load();
  const said = read(`models/${encodeURIComponent(name)}?versions=${number}`);
  if (said) at(title).show(said.versions[0].badge);
  lock(first.parentElement, said);
  return true;
}

function dialogs(name) {
  for (const dialog of seen("[role=dialog]")) {
    const title = seen("h2, [id*=Title]", dialog)[0]?.textContent ?? "";
    const form = seen("form", dialog)[0];
    if (!form || !/alias|promote/i.test(title)) continue;
    if (/alias/i.test(title) && name) aliasDialog(dialog, form, read(`models/${encodeURIComponent(name)}`));
    else if (/promote/i.test(title)) promoteDialog(form);
  }
  // MLflow shows the refusal's address as plain text.
  const texts = document.evaluate("//*[@role='dialog' or @role='alert' or contains(@class,'notification') or contains(@class,'modal')]//text()[contains(.,'/_countersign/requests/')]", document, null, XPathResult.ORDERED_NODE_SNAPSHOT_TYPE, null);
  for (let i = 0; i < texts.snapshotLength; i++) {
    const text = texts.snapshotItem(i), url = /\S+\/_countersign\/requests\/[\w-]+/.exec(text.data)?.[0];
    if (url) at(text.parentElement).show({ words: "Open the promotion request", tone: "busy", icon: "lock", url });
  }
}

function aliasDialog(dialog, form, said) {
  const guarded = guardedAliases(said);
  if (!guarded.length) return;
  const chosen = seen("[role=status][title]", dialog).map((it) => it.title).filter((alias) => isGuarded(said, alias));
  const typed = seen("input", dialog)[0]?.value.trim();
  if (typed && isGuarded(said, typed) && !chosen.includes(typed)) chosen.push(typed);
  note(form, `Governed here: ${guarded.join(", ")}.`, chosen.length && `Saving ${chosen.join(", ")} needs its checks and signatures: where they are missing, a promotion request opens.`);
  lock(dialog, said);
  for (const option of seen('[data-testid="model-alias-option"]')) {
    if (isGuarded(said, option.firstElementChild?.textContent ?? "")) at(option.firstElementChild).show({ words: "governed", tone: "lock", bare: true });
  }
}

function promoteDialog(form) {
  const options = seen("[role=listbox] ~ * [title], .rc-virtual-list [title]");
  const chosen = seen("[title]", form).map((it) => it.title).filter(Boolean);
  const names = [...new Set([...options.map((it) => it.title), ...chosen])].filter(Boolean).slice(0, 100);
  const said = names.length ? read(`models?${new URLSearchParams(names.map((it) => ["name", it]))}`) : null;
  const governed = (name) => said?.models.find((it) => it.model === name)?.guards.some((guard) => guard.register_into);
  for (const option of options) if (governed(option.title)) at(option.firstElementChild ?? option).show({ words: "governed", tone: "lock", bare: true });
  const held = chosen.filter(governed);
  if (held.length) note(form, `Registering into ${held[0]} is governed: it needs checks and signatures, and opens a promotion request.`);
}

function note(form, fixed, now) {
  const mine = at(form);
  mine.toggleAttribute("block", true);
  mine.show({ words: fixed, tone: "lock" }, ...(now ? [{ words: now, tone: "warning" }] : []));
}

// A place that is not where it used to be: MLflow has changed. Say so once, and be of use in the corner.
function lost(hook, here) {
  const corner = at(document.body);
  corner.toggleAttribute("corner", true);
  const said = here.version && read(`models/${encodeURIComponent(here.name)}?versions=${here.version}`);
  const badge = said?.versions[0].badge ?? { words: "Governance", tone: "neutral" };
  corner.show({ ...badge, url: badge.url ?? `/_countersign/${here.name ? `models/${encodeURIComponent(here.name)}` : ""}` });
  if (!told[hook]) call("pages/missing", { method: "POST", body: JSON.stringify({ hook }) }).catch(() => {});
  told[hook] = true;
}

const look = quietly(() => {
  timer = undefined;
  const here = route();
  if (location.hash !== page) {
    page = location.hash;
    since = performance.now();
    seen("body > countersign-chip").forEach((it) => it.remove());
    setTimeout(soon, PATIENCE + 100);
    listen();
  }
  if (!here) return;
  const [hook, show] = here.version ? ["version", version] : here.name ? ["model", model] : ["list", list];
  const found = quietly(show)(here.name, here.version);
  quietly(dialogs)(here.name);
  if (found) seen("body > countersign-chip").forEach((it) => it.remove());
  else if (performance.now() - since > PATIENCE && seen("main h2").length) lost(hook, here);
});

function soon() {
  timer ??= setTimeout(look, 60);
}

// === live ===

let source, pause = 1000, stale;

function again() {
  clearTimeout(stale);
  stale = setTimeout(() => {
    [...known.keys()].forEach(ask);
    seen("countersign-panel").forEach((it) => it.load());
  }, 150);
}

// One connection, and only while somebody looks at a page that shows something of ours.
function listen() {
  const wanted = !document.hidden && route();
  if (!wanted) source = void source?.close();
  if (!wanted || source) return;
  const late = stale !== undefined; // not the first: something may have been missed
  source = new EventSource(new URL("events", API));
  source.onopen = () => {
    pause = 1000;
    if (late) again();
    stale ??= 0;
  };
  source.onmessage = quietly(({ data }) => {
    const { model } = JSON.parse(data), here = route();
    if (!model || !here?.name || here.name === model) again();
  });
  source.onerror = () => {
    source = void source?.close();
    setTimeout(listen, pause * (0.5 + Math.random()));
    pause = Math.min(pause * 2, 60000);
  };
}

quietly(() => {
  customElements.define("countersign-chip", Chip);
  customElements.define("countersign-panel", Panel);
  new MutationObserver(() => (location.hash !== page || route()) && soon()).observe(document.body, { subtree: true, childList: true, attributeFilter: ["title"] });
  new MutationObserver(() => seen("countersign-chip, countersign-panel").forEach((it) => it.connectedCallback()))
    .observe(document.body, { attributeFilter: ["class"] });
  addEventListener("hashchange", soon);
  addEventListener("input", soon, true);
  document.addEventListener("visibilitychange", listen);
  fetch(new URL(new URL(import.meta.url).search.slice(1), import.meta.url))
    .then((answer) => answer.text()).then((text) => SHEET.replace(text)).then(look).catch(console.debug);
})();
