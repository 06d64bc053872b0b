import { appliesTo, type Applicability, type ModuleImage, type PlacedTable } from '@kelp/core';
import { sectionTable } from './section-table.ts';

/**
 * unwind_module_init(): .orc_unwind_ip and .orc_unwind are parallel arrays, sorted together by address. Of two entries
 * for one address the terminator of an undefined region comes first; that is decided by the left entry alone, at its
 * present place, so that the kernel's sort decides the rest.
 */
export function sortOrcTables(image: ModuleImage): undefined {
  const ips = sectionTable(image, '.orc_unwind_ip');
  const entries = sectionTable(image, '.orc_unwind');
  if (ips === undefined || entries === undefined) return undefined;
  entries.reorder(ips.sort(image, ['ip'], (a) => (isTerminator(image, entries, a) ? -1 : 1)));
  ips.commit(image, 'sorted-table');
  entries.commit(image, 'sorted-table');
  return undefined;
}

/** What makes an entry a terminator: bits of struct orc_entry that are all 0. */
interface TerminatorRule {
  readonly applies: readonly Applicability[];
  readonly field: string;
  readonly zeroBits: bigint;
}

/** orc_sort_cmp() by kernel. */
const terminatorRules: readonly TerminatorRule[] = [
  // sp_reg is ORC_REG_UNDEFINED, and not end.
  { applies: [{ before: '6.3' }], field: 'spRegBpRegTypeEnd', zeroBits: 0x40fn },
  // The bit signal came before end.
  { applies: [{ since: '6.3', before: '6.4' }], field: 'spRegBpRegTypeEnd', zeroBits: 0x80fn },
  // type is ORC_TYPE_UNDEFINED.
  { applies: [{ since: '6.4' }], field: 'spRegBpRegTypeSignal', zeroBits: 0x700n },
];

function isTerminator(image: ModuleImage, entries: PlacedTable, entry: number): boolean {
  const rule = terminatorRules.find(({ applies }) => appliesTo(applies, image.kernel));
  return rule !== undefined && (entries.number(entry, rule.field) & rule.zeroBits) === 0n;
}
