// For typedoc: a page of the guides is named by its heading and not by its file.
import { Converter } from 'typedoc';

function nameByHeading(document) {
  const first = document.content.find((part) => part.kind === 'text');
  const title = first && /^# (.+)\n/m.exec(first.text)?.[1];
  if (title !== undefined) document.name = title.replaceAll('`', '');
}

export function load(app) {
  app.converter.on(Converter.EVENT_CREATE_DOCUMENT, (_, document) => nameByHeading(document));
}
