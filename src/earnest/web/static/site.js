// What is nicer with a script. Every page works without it.
"use strict";

// A form is sent once, however often its button is pressed; the server would do it once anyway.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.dataset.sent) {
    event.preventDefault();
    return;
  }
  form.dataset.sent = "yes";
  const button = event.submitter;
  if (button) {
    button.setAttribute("aria-disabled", "true");
  }
});
// Come back to with the browser's back button, it can be sent again.
window.addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sent]")) {
    delete form.dataset.sent;
    for (const button of form.querySelectorAll("[aria-disabled]")) {
      button.removeAttribute("aria-disabled");
    }
  }
});

// Filters take effect when they are chosen.
for (const form of document.querySelectorAll("form[data-live]")) {
  form.addEventListener("change", () => form.requestSubmit());
}

// How many characters of a text are left.
for (const area of document.querySelectorAll("textarea[data-left]")) {
  const left = document.getElementById(area.dataset.left);
  const tell = () => {
    left.textContent = left.dataset.said.replace("0", new Intl.NumberFormat(document.documentElement.lang)
      .format(area.maxLength - area.value.length));
  };
  area.addEventListener("input", tell);
  tell();
}

// A piece of a page that the server draws anew while something changes: data-fresh="address" data-every="seconds",
// or data-follows="id of a form" to be drawn anew as the form is filled in.
for (const piece of document.querySelectorAll("[data-fresh]")) {
  const draw = async (query) => {
    const answer = await fetch(piece.dataset.fresh + (query ? "?" + query : ""), { headers: { "X-Piece": "yes" } });
    if (answer.redirected) {
      // Whoever is signed out meanwhile is sent to sign in, which is a page and no piece. A form that somebody fills in
      // stays as it is, with what they have written.
      if (!piece.dataset.follows) {
        location.reload();
      }
      return false;
    }
    if (answer.ok) {
      piece.innerHTML = await answer.text();
    }
    return answer.ok && !answer.headers.has("X-Last");
  };
  const every = Number(piece.dataset.every || 0) * 1000;
  if (every) {
    const again = async () => {
      if (await draw("").catch(() => true)) {
        setTimeout(again, every);
      }
    };
    setTimeout(again, every);
  }
  const form = piece.dataset.follows && document.getElementById(piece.dataset.follows);
  if (form) {
    let waiting = 0;
    form.addEventListener("input", () => {
      clearTimeout(waiting);
      waiting = setTimeout(() => {
        const sent = new FormData(form);
        for (const name of ["token", "once", "title", "description", "skills"]) {
          sent.delete(name);
        }
        draw(new URLSearchParams(sent).toString()).catch(() => {});
      }, 150);
    });
  }
}

// What is wrong with a form, or was done, is where the reader begins.
document.querySelector("[data-first]")?.focus();
