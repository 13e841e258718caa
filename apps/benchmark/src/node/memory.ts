/** Peak resident memory of this process. */
import { readFileSync, writeFileSync } from 'node:fs';
import process from 'node:process';

/** Linux keeps the peak in a line of its own, and forgets it on demand. */
function peakBytes(): number {
  try {
    const [, kilobytes] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8')) ?? [];
    if (kilobytes !== undefined) return 1024 * Number(kilobytes);
  } catch {
    // Another operating system.
  }
  return 1024 * process.resourceUsage().maxRSS;
}

function forgetPeak(): void {
  try {
    writeFileSync('/proc/self/clear_refs', '5');
  } catch {
    // Then the peak counts from the start of the process, which is higher than now by what loading took.
  }
}

/**
 * Begins to watch: returns what tells by how much the peak since now exceeds the memory of now. Collects garbage first where the process
 * was started with `--expose-gc`.
 */
export function watchMemory(): () => number {
  (globalThis as { gc?: () => void }).gc?.();
  forgetPeak();
  const idle = process.memoryUsage.rss();
  return () => Math.max(0, peakBytes() - idle);
}
