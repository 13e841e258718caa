/** Ratios between what was measured in one run. */
import type { ContestantKey, Limit, MeasuredRow, PeerRatio, Row, WorkloadKey } from '../model.js';

/** Whether two rows computed the same thing. */
export function sameWorkload(a: WorkloadKey, b: WorkloadKey): boolean {
  return a.loss === b.loss && a.layout === b.layout && a.elements === b.elements && a.classes === b.classes;
}

/** Of several with different numbers of threads: the one with as many, else the most below that, else the fewest. */
export function bestMatch<T extends { readonly threads: number | null }>(
  candidates: readonly T[],
  threads: number | null,
): T | undefined {
  const order = candidates.toSorted((a, b) => (a.threads ?? Infinity) - (b.threads ?? Infinity));
  return order.findLast((each) => (each.threads ?? Infinity) <= (threads ?? Infinity)) ?? order[0];
}

/** The triad that a row is held against. */
export function limitFor(
  row: Pick<ContestantKey, 'device' | 'threads'> & WorkloadKey,
  limits: readonly Limit[],
): Limit | undefined {
  const fitting = limits.filter(
    (limit) => limit.kernel === 'triad' && limit.device === row.device && sameWorkload(limit, row),
  );
  return bestMatch(fitting, row.threads);
}

/** A backend's cost over that of every peer on the same workload. */
export function peerRatios(row: MeasuredRow, rows: readonly Row[]): readonly PeerRatio[] {
  if (row.role === 'peer') return [];
  const peers = rows.filter(
    (each): each is MeasuredRow =>
      each.status === 'measured' && each.role === 'peer' && sameWorkload(each, row),
  );
  const names = [...new Set(peers.map(({ contestant }) => contestant))];
  return names.flatMap((name) => {
    const peer = bestMatch(
      peers.filter(({ contestant }) => contestant === name),
      row.threads,
    );
    if (peer === undefined) return [];
    const ratio = row.nsPerElement.median / peer.nsPerElement.median;
    return [{ peer: name, threads: peer.threads, ratio }];
  });
}
