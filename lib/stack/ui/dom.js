/**
 * Makes an element. Text is only ever set as text: whatever a service logged, it is never markup.
 *
 * @param {string} tag
 * @param {Record<string, unknown> | null} [attributes] `on…` are listeners, `style` is an object, false and undefined are left out
 * @param {...(Node | string | number | null | undefined | false)} children
 */
export function make(tag, attributes, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else if (name === 'style') for (const [property, text] of Object.entries(value)) element.style.setProperty(property, text);
    else element.setAttribute(name, value === true ? '' : String(value));
  }
  for (const child of children) if (child !== null && child !== undefined && child !== false) element.append(child);
  return element;
}

/** A line to copy, with its button. */
export function copyable(text) {
  return make('div', { class: 'command' }, make('code', null, text), copyButton(text, 'Copy'));
}

export function copyButton(text, label, className = 'button') {
  const button = make('button', { type: 'button', class: className }, label);
  button.addEventListener('click', async () => {
    try {
      await navigator.clipboard.writeText(text);
      button.textContent = 'Copied';
    } catch {
      button.textContent = 'Select and copy';
    }
    setTimeout(() => (button.textContent = label), 1500);
  });
  return button;
}

/** Says something to a screen reader. */
export function announce(text) {
  document.getElementById('announce').textContent = text;
}

/** Rows that hold the place until the data is there; seen only after 300 ms. */
export function skeleton(rows) {
  const widths = [62, 48, 70, 35, 55];
  return Array.from({ length: rows }, (_, index) => make('div', { class: 'skeleton', 'aria-hidden': 'true' }, make('i', { style: { width: `${widths[index % widths.length]}%` } })));
}
