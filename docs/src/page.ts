/** The code in a page of Markdown, as modules that can be compiled and run. */

/** What a page's blocks of code amount to. */
export interface Page {
  /**
   * Its ` ```ts ` blocks: one module, in which later blocks go on from earlier ones. What ` ```sh ` blocks and files
   * (` ```prototxt NAME `) say happens between them, by calls of shell.ts.
   */
  readonly module: string;
  /** Whether it has such blocks, and so needs a folder of its own to run in. */
  readonly usesShell: boolean;
  /** Its ` ```ts browser ` blocks: one module, which is compiled but does not run in Node. Empty where there are none. */
  readonly browser: string;
  /** The lines that `module` prints, by what the page says. */
  readonly printed: readonly string[];
}

/**
 * Reads a page. Lines outside of blocks become empty ones, so that a line of a module has the number of the page's line.
 *
 * What a block prints stands behind the statement (`console.log(x); // 0.5`), or in a ` ```text ` block right after it. A text
 * block after commands holds lines of what the last of them prints, in their order.
 *
 * @throws {Error} for a block that does not end, or a fence with an attribute that is not known
 */
export function readPage(markdown: string): Page {
  const module: string[] = [];
  const browser: string[] = [];
  const printed: string[] = [];
  let usesShell = false;
  let fence: string | undefined;
  let previous: string | undefined;
  for (const [index, line] of markdown.split('\n').entries()) {
    const opening = /^```(.*)$/.exec(line);
    let [code, code2] = ['', ''];
    if (fence === undefined) {
      if (opening !== null) {
        fence = (opening[1] as string).trim();
        if (/^(ts|js|typescript|javascript)\b/.test(fence) && fence !== 'ts' && fence !== 'ts browser') {
          throw new Error(`line ${index + 1}: a fence with '${fence}', expected 'ts' or 'ts browser'`);
        }
        const file = /^prototxt (\S+)$/.exec(fence);
        if (file !== null) code = `await file(${JSON.stringify(file[1])}, [`;
        if (file !== null || fence === 'sh') usesShell = true;
      } else if (line.trim() !== '') previous = undefined;
    } else if (opening !== null) {
      if (fence.startsWith('prototxt ')) code = ']);';
      previous = fence;
      fence = undefined;
    } else if (fence === 'ts') {
      code = line;
      const shown = /console\.log\(.*\); \/\/ (.*)$/.exec(line);
      if (shown !== null) printed.push(shown[1] as string);
    } else if (fence === 'ts browser') code2 = line;
    else if (fence === 'sh') code = `await sh(${JSON.stringify(line)});`;
    else if (fence.startsWith('prototxt ')) code = `${JSON.stringify(line)},`;
    else if (fence === 'text' && previous === 'ts') printed.push(line);
    else if (fence === 'text' && previous === 'sh') code = `shown(${JSON.stringify(line)});`;
    module.push(code);
    browser.push(code2);
  }
  if (fence !== undefined) throw new Error(`a block of ${fence || 'code'} does not end`);
  if (usesShell) module.push("import { file, sh, shown } from '../src/shell.js';", 'void [file, sh, shown];');
  return { module: asModule(module), usesShell, browser: asModule(browser), printed };
}

/** Names at the top of a module do not meet those of other modules. */
function asModule(lines: readonly string[]): string {
  const text = lines.join('\n').trimEnd();
  return text === '' ? '' : `${text}\nexport {};\n`;
}
