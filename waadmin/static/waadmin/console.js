// The console's script. Every page works without it; with it, times are local, ids are copied and progress moves.
"use strict";

(() => {
  const all = (selector, root = document) => Array.from(root.querySelectorAll(selector));

  // The zone that the person chose; without one the browser's.
  const chosenZone = document.querySelector('meta[name="time-zone"]')?.content || undefined;

  // Times: the reader's zone in the text, UTC stays in the title.
  const writeLocalTimes = (root) => {
    const format = new Intl.DateTimeFormat(document.documentElement.lang || undefined, {
      dateStyle: "medium", timeStyle: "short", timeZone: chosenZone,
    });
    for (const element of all("time[data-local]", root)) {
      const at = new Date(element.dateTime);
      if (!Number.isNaN(at.getTime())) element.textContent = format.format(at);
    }
  };

  // Forms that take a local time say in which zone it is meant.
  const presetTimeZone = () => {
    const zone = chosenZone || Intl.DateTimeFormat().resolvedOptions().timeZone;
    for (const input of all("input[data-time-zone]")) {
      if (zone && input.value === input.defaultValue && input.dataset.timeZone === "preset") input.value = zone;
    }
  };

  const enableCopy = () => {
    if (!navigator.clipboard) return;
    for (const button of all("button[data-copy]")) {
      button.hidden = false;
      button.addEventListener("click", async () => {
        await navigator.clipboard.writeText(button.dataset.copy);
        const words = button.textContent;
        button.textContent = "✓";
        setTimeout(() => { button.textContent = words; }, 1200);
      });
    }
  };

  // data-shown-when="field=value|value": the row is there while another field of its form has one of these values.
  const showDependentRows = () => {
    for (const element of all("[data-shown-when]")) {
      const [name, values] = element.dataset.shownWhen.split("=");
      const row = element.closest(".form-row");
      const controls = element.form ? Array.from(element.form.elements).filter((one) => one.name === name) : [];
      if (!row || !controls.length) continue;
      const update = () => {
        const now = controls.map((one) => (one.type === "checkbox" || one.type === "radio"
          ? (one.checked ? one.value : "") : one.value));
        row.hidden = !values.split("|").some((value) => now.includes(value)) && !row.classList.contains("errors");
      };
      controls.forEach((one) => one.addEventListener("change", update));
      update();
    }
  };

  // One press, one request.
  const guardAgainstDoubleSubmit = () => {
    for (const form of all("form[data-once]")) {
      form.addEventListener("submit", (event) => {
        if (form.dataset.sent) event.preventDefault();
        form.dataset.sent = "1";
      });
    }
    window.addEventListener("pageshow", () => all("form[data-once]").forEach((form) => delete form.dataset.sent));
  };

  const countNumbers = () => {
    for (const area of all("textarea[data-count-in]")) {
      const target = document.getElementById(area.dataset.countIn);
      const update = () => {
        const count = area.value.split(/[\r\n;,\t]+/).filter((part) => part.trim()).length;
        if (target) target.textContent = count ? String(count) : "0";
      };
      area.addEventListener("input", update);
      update();
    }
  };

  // Progress: asks every two seconds while something is open, and loads the page anew when the state changes.
  const followProgress = () => {
    const page = document.querySelector("[data-progress-url]");
    if (!page) return;
    let misses = 0;
    const ask = async () => {
      try {
        const answer = await fetch(page.dataset.progressUrl, {headers: {Accept: "application/json"}});
        if (!answer.ok) throw new Error(String(answer.status));
        const live = await answer.json();
        misses = 0;
        if (live.state !== page.dataset.state) { window.location.reload(); return; }
        for (const element of all("[data-live]", page)) {
          const value = live[element.dataset.live];
          if (value !== undefined && element.textContent !== String(value)) element.textContent = String(value);
          const optional = element.closest("[data-optional]");
          if (optional && value !== undefined) optional.hidden = !value;
        }
        const bar = page.querySelector("[data-progress]");
        if (bar) { bar.max = Math.max(1, live.total); bar.value = live.done; }
        if (live.follow) setTimeout(ask, 2000);
      } catch {
        misses += 1;
        if (misses < 30) setTimeout(ask, 2000 * Math.min(misses, 10));
      }
    };
    if (page.dataset.follow) setTimeout(ask, 1000);
  };

  // data-seconds counts down from what the server said when it drew the page, whatever this machine's clock says;
  // what it keeps back is enabled at nought. Without the script the words beside it name the time, and the server decides.
  const countDown = () => {
    for (const element of all("[data-seconds]")) {
      const end = performance.now() + 1000 * Number(element.dataset.seconds);
      const held = all(`[data-held-by="${element.id}"]`);
      const tick = () => {
        const left = Math.max(0, Math.ceil((end - performance.now()) / 1000));
        element.textContent = `${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}`;
        held.forEach((button) => { button.disabled = left > 0; });
        if (left) { setTimeout(tick, 250); return; }
        const row = element.closest("[data-countdown]");
        if (row) row.hidden = true;
      };
      tick();
    }
  };

  // A code as people paste it: spaces and dashes go, everything else stays for the server to name.
  const cleanCodes = () => {
    for (const input of all("input[data-digits]")) {
      input.addEventListener("input", () => {
        const clean = input.value.replace(/[\s\-\u2010-\u2015]/g, "");
        if (clean !== input.value) input.value = clean;
      });
    }
  };

  // The key / leads to the search box, unless somebody types, steers something else, or switched it off for themselves.
  const leadToSearch = () => {
    const box = document.querySelector("input[data-shortcut]");
    if (!box) return;
    document.addEventListener("keydown", (event) => {
      const types = event.target.closest?.("input, textarea, select, [contenteditable]:not([contenteditable=false])");
      if (event.key !== box.dataset.shortcut || event.defaultPrevented || event.isComposing || types) return;
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      box.focus();
      box.select();
    });
  };

  // The change list's stock filter form and action bar need nothing from here.
  writeLocalTimes(document);
  presetTimeZone();
  enableCopy();
  showDependentRows();
  guardAgainstDoubleSubmit();
  countNumbers();
  followProgress();
  countDown();
  cleanCodes();
  leadToSearch();
})();
