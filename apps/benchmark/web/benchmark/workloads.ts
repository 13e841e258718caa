/** What a request asks to be computed. */
import { layoutsFor, type WorkloadSpec } from '../../src/measure/workload.js';
import type { Request } from './protocol.js';

/** Every loss in every size, and in every layout that was chosen and suits it: losses over single elements have one only. */
export function workloadsOf({ losses, sizes, layouts, classes }: Request): readonly WorkloadSpec[] {
  return losses.flatMap((kind) => {
    const loss = JSON.stringify({ kind });
    const fitting = layoutsFor(loss).filter((layout) => layout === 'flat' || layouts.includes(layout));
    return fitting.flatMap((layout) => sizes.map((elements) => ({ loss, layout, elements, classes })));
  });
}
