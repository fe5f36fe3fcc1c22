// What a page does beyond its forms: it shows changes as they come, and leaves the keyboard where the work is.
(() => {
  "use strict";

  const chain = () => document.getElementById("chain");
  // Something was typed and not sent yet.
  let typed = false;
  // The next part of the page is the answer to something that the user did here.
  let asked = false;

  const show = (id, shown) => {
    const element = document.getElementById(id);
    if (element) element.hidden = !shown;
  };

  const refresh = () => {
    if (typed) show("changed", true);
    else htmx.trigger(chain(), "refresh");
  };

  const banner = (status) => {
    const element = document.getElementById("banner");
    const shown = status.state === "building" || status.state === "failed";
    element.hidden = !shown;
    element.dataset.state = status.state;
    element.querySelector("p").textContent = shown ? status.message : "";
    const details = element.querySelector("pre");
    details.textContent = shown ? status.details : "";
    details.hidden = !details.textContent;
  };

  // A browser gives up on a stream that was refused once: so the next try is ours, after pauses that grow up to a bound.
  const FIRST_PAUSE = 500;
  const LONGEST_PAUSE = 30000;
  let pause = FIRST_PAUSE;
  let events;
  let retry;

  const hush = () => {
    clearTimeout(retry);
    retry = undefined;
    events?.close();
    events = undefined;
  };

  const lost = () => {
    hush();
    // One that is back at once, as when another build takes over, is not worth a word.
    show("offline", pause > FIRST_PAUSE);
    // Pages that lost the same server do not all come back in one moment.
    retry = setTimeout(listen, pause * (0.75 + Math.random() / 2));
    pause = Math.min(pause * 2, LONGEST_PAUSE);
  };

  const listen = () => {
    hush();
    const element = chain();
    if (!element) return;
    events = new EventSource(element.dataset.events);
    events.addEventListener("error", lost);
    events.addEventListener("hello", (event) => {
      pause = FIRST_PAUSE;
      show("offline", false);
      // Another build of the app: its page may be another.
      if (event.data === chain().dataset.instance) return;
      if (typed) show("changed", true);
      else location.reload();
    });
    events.addEventListener("changed", (event) => {
      if (event.data !== chain().dataset.version) refresh();
    });
    events.addEventListener("banner", (event) => banner(JSON.parse(event.data)));
  };

  addEventListener("pagehide", hush);
  // A browser may show the page again as it left it.
  addEventListener("pageshow", (event) => {
    if (event.persisted) listen();
  });
  // There is a network again.
  addEventListener("online", () => {
    if (retry !== undefined) listen();
  });

  document.addEventListener("input", (event) => {
    if (event.target.closest("#chain .answers")) typed = true;
  });

  document.addEventListener("htmx:beforeRequest", (event) => {
    asked = event.detail.requestConfig.verb !== "get";
  });

  document.addEventListener("htmx:afterSettle", () => {
    typed = document.querySelector("#chain[data-typed]") !== null;
    if (!asked) return;
    asked = false;
    const wrong = document.querySelector("#chain [aria-invalid]");
    const target = wrong ?? document.querySelector("#chain [data-focus]");
    if (!target) return;
    target.focus({ preventScroll: true });
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    target.closest("section, header")?.scrollIntoView({ block: "nearest", behavior: still ? "auto" : "smooth" });
  });

  document.addEventListener("htmx:sendError", () => show("unreachable", true));
  document.addEventListener("htmx:afterOnLoad", () => show("unreachable", false));

  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", listen);
  else listen();
})();
