// What a CloudWatch dashboard does around a custom widget: asks for it again and again, and answers its clicks.

/** Milliseconds of the wall's time between two looks. */
const REFRESH = 1000;

const main = document.querySelector('main');
const status = document.querySelector('[role=status]');
const dialog = document.querySelector('dialog');
const dark = matchMedia('(prefers-color-scheme: dark)');

/** The answer of the function, or an error that says why there is none. */
async function call(params) {
  const widgetContext = {
    theme: dark.matches ? 'dark' : 'light',
    width: main.clientWidth,
    height: innerHeight - main.offsetTop,
  };
  return text(await fetch('widget', { method: 'POST', body: JSON.stringify({ ...params, widgetContext }) }));
}

async function text(response) {
  const body = await response.text();
  if (!response.ok) throw new Error(body);
  return body;
}

const clickable = () => [...main.querySelectorAll('button, a')];
/** What it is about, and where: many links say the same words. */
const placeOf = (one) =>
  `${one.dataset.subject ?? one.dataset.log ?? one.href} ${one.tagName} in ${one.closest('[aria-label]')?.ariaLabel}`;
const focusOn = (place) =>
  clickable()
    .find((one) => placeOf(one) === place)
    ?.focus();
/** Where the dialog was opened from: that element may have been replaced meanwhile. */
let opener;

/** Puts a new picture in the old one's place, and the keyboard's focus back on what it was on. */
function show(html) {
  const focused = clickable().find((one) => one === document.activeElement);
  const place = focused && placeOf(focused);
  main.innerHTML = html;
  if (place !== undefined) focusOn(place);
}

async function refresh() {
  try {
    show(await call({}));
    status.textContent = 'Live, as a CloudWatch dashboard shows it.';
  } catch (error) {
    status.textContent = `The picture is as it was last seen: ${error.message}`;
  }
  setTimeout(refresh, REFRESH);
}

/** What a click on it leads to, or undefined if it does what it says. */
function leadsTo(clicked) {
  const action = clicked?.nextElementSibling;
  if (action?.matches('cwdb-action[action=call]')) return call(JSON.parse(action.textContent)).then(picture);
  if (!clicked?.matches('a[target=_blank]')) return undefined;
  // This cloud has no console. Its log it has.
  const { log } = clicked.dataset;
  if (!log) return Promise.resolve(words(`In AWS this leads to ${clicked.href}`));
  return fetch(`log?of=${encodeURIComponent(log)}`)
    .then(text)
    .then(words);
}

const picture = (html) => Object.assign(document.createElement('div'), { innerHTML: html });
const words = (said) => Object.assign(document.createElement('pre'), { textContent: said });

document.addEventListener('click', async (event) => {
  const clicked = event.target.closest('button, a');
  const content = leadsTo(clicked);
  if (!content) return;
  event.preventDefault();
  if (main.contains(clicked)) opener = placeOf(clicked);
  const name = clicked.textContent;
  dialog.firstElementChild.replaceChildren(await content.catch((error) => words(error.message)));
  dialog.ariaLabel = name;
  if (!dialog.open) dialog.showModal();
});

dialog.addEventListener('close', () => focusOn(opener));

refresh();
