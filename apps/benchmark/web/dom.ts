/** Elements, made in one expression. */

/** What an element may be given: attributes, `class`, `on…` listeners, and children. */
export type Child = Node | string | number | undefined | null | false;

/** Attributes by name; a listener for `onclick` and the like; `undefined` and `false` leave an attribute out. */
export type Attributes = Readonly<
  Record<string, string | number | boolean | undefined | ((event: Event) => void)>
>;

/** `h('p', { class: 'note' }, 'text')`. */
export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === false) continue;
    if (typeof value === 'function') element.addEventListener(name.replace(/^on/, ''), value);
    else element.setAttribute(name, value === true ? '' : String(value));
  }
  element.append(
    ...children.filter(isPresent).map((child) => (child instanceof Node ? child : String(child))),
  );
  return element;
}

function isPresent(child: Child): child is Node | string | number {
  return child !== undefined && child !== null && child !== false;
}

/** The element of this id, which index.html holds. */
export function byId<E extends HTMLElement>(id: string, type: new () => E): E {
  const found = document.getElementById(id);
  if (!(found instanceof type)) throw new Error(`the page has no ${type.name} with the id ${id}`);
  return found;
}

/** At most one call a frame, of the latest function asked for. */
export function onFrame(callback: () => void): () => void {
  let isAsked = false;
  return () => {
    if (isAsked) return;
    isAsked = true;
    requestAnimationFrame(() => {
      isAsked = false;
      callback();
    });
  };
}
