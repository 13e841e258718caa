/** The flags of the command, as commander gives them. */
import { Command, Option } from 'commander';

/** Values of the flags: text until they are understood. */
export interface Flags {
  readonly losses?: string;
  readonly loss: readonly string[];
  readonly sizes?: string;
  readonly classes?: string;
  readonly layouts?: string;
  readonly backends?: string;
  readonly pluginOptions?: string;
  readonly peers?: string;
  readonly threads?: string;
  readonly scaling?: boolean;
  readonly quick?: boolean;
  readonly seconds?: string;
  readonly rounds?: string;
  readonly memory?: string;
  readonly seed?: string;
  readonly inProcess?: boolean;
  readonly json?: string;
  readonly html?: string;
  readonly markdown?: string;
  readonly check?: string;
  readonly list?: boolean;
}

const examples = `
Lists are separated by commas. --list shows what losses, backends and peers there are.
Every number is of value and gradient together, in float32, with operands where the backend keeps them. Each contestant has
a process of its own; rounds are interleaved. "x limit" is the cost over that of a triad (g = x + 2 t) on as many threads.

Exit status: 0 all went well; 1 --check found a regression, or nothing could be measured; 2 wrong flags or files;
130 stopped by Ctrl-C.

  softxent-bench
  softxent-bench --losses sigmoid,softmax --sizes 1Mi,16Mi --classes 2,21 --threads 1,2 --html report.html
  softxent-bench --backends wasm,./my-backend.js#make --plugin-options '{"tile":64}' --peers none
  softxent-bench --loss '{"kind":"sigmoidCrossEntropy","options":{"posWeight":2,"floor":"entropy"}}'
  softxent-bench --losses ./my-loss.js --backends wasm,cpu
  softxent-bench --scaling --html scaling.html
  softxent-bench --quick --json baseline.json
  softxent-bench --quick --check baseline.json`;

const often = (text: string, before: readonly string[]): readonly string[] => [...before, text];

/** The command with its flags; nothing is run. */
export function commandOf(): Command {
  return new Command('softxent-bench')
    .description(
      'Which backend is fastest and most accurate for your losses on this machine, and how far is that from what the machine can do?',
    )
    .option(
      '-l, --losses <list>',
      'kinds of loss, all, or modules that hold one with its formula, as softxent-conformance --loss takes them',
      'sigmoidCrossEntropy,softmaxCrossEntropy',
    )
    .addOption(
      new Option('--loss <json>', 'a loss with options, as JSON; may be repeated; in place of the kinds')
        .argParser(often)
        .default([], 'none'),
    )
    .option('-s, --sizes <list>', 'numbers of logits: 1000, 1e6, 64Ki, 16M (default: 1Mi,16Mi)')
    .option('-c, --classes <list>', 'numbers of classes, for losses that have them (default: 21)')
    .option('--layouts <list>', 'of losses with classes: channels-last, nchw (default: both)')
    .option(
      '-b, --backends <list>',
      'names, all, or plugins: ./path.js, @scope/package, module:package, each with #export if need be (default: wasm,cpu,webgpu,onnx-cpu,tfjs-wasm)',
    )
    .option('--plugin-options <json>', 'what functions that make plugin backends are called with')
    .option('-p, --peers <list>', 'what backends are compared with: names, all or none (default: all)')
    .option('-t, --threads <list>', 'numbers of threads, for those that have them (default: 1 and all cores)')
    .option('--scaling', 'sizes from 1e3 to 1e8, and 2 to 1000 classes at 1e6: for plots')
    .option('-q, --quick', 'a small size, few rounds: for a look, and for --check in continuous integration')
    .option('--seconds <number>', 'time for the samples of one workload (default: 5, quick 1)')
    .option(
      '--rounds <number>',
      'samples of each contestant, as far as the time allows (default: 15, quick 7)',
    )
    .option('--memory <gigabytes>', 'what may be used at a time (default: 70 % of what is free)')
    .option('--seed <number>', 'seed of the inputs (default: 1)')
    .option('--in-process', 'all in one process: starts faster, cannot tell memory, survives no crash')
    .option('-j, --json <file>', 'write the report as JSON: what --check reads')
    .option('--html <file>', 'write the report as a page with plots, which needs nothing else')
    .option(
      '--markdown <file>',
      'write the tables as Markdown; into a page between the comments softxent-bench: begin and end',
    )
    .option(
      '--check <baseline>',
      'compare ratios with an earlier --json; fail on a regression beyond the spread',
    )
    .option('--list', 'list losses, backends and peers')
    .helpOption('-h, --help', 'show this help')
    .addHelpText('after', examples)
    .showHelpAfterError('(softxent-bench --help lists the flags)')
    .allowExcessArguments(false)
    .exitOverride();
}
