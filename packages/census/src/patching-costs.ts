/**
 * A table whose entries tie a place in code to a key that lives in data. When a livepatch replaces the function, its
 * copy of the entry has to name the key of the original; where the key lives in a module, that takes a livepatch
 * relocation, which is written after the kernel has attached the entries to their keys.
 */
export interface KeyedTable {
  readonly section: string;
  /** Field of the entry that names the place in code. */
  readonly code: string;
  /** Field of the entry that names the key. */
  readonly key: string;
  readonly rules: readonly KeyRule[];
}

/**
 * What a key belongs to: `key` is a static key or static call of the module's own making; a `tracepoint` or
 * `dynamic-debug` the tools leave out; a `dynamic-debug-unnamed` is a pr_debug() that they do not recognize as one.
 */
export const keyKinds = ['key', 'tracepoint', 'dynamic-debug', 'dynamic-debug-unnamed'] as const;

export type KeyKind = (typeof keyKinds)[number];

/** Keys of a kind, by the name of their symbol or the section that holds it. The first rule that fits counts. */
interface KeyRule {
  readonly kind: KeyKind;
  readonly startsWith?: string;
  readonly contains?: string;
  readonly section?: string;
}

/**
 * Which entries are more than a key: validate_special_section_klp_reloc() in tools/objtool/klp-diff.c goes by the first
 * three names, and so does kpatch for tracepoints. dev_dbg_ratelimited(), net_dbg_ratelimited() and others call their
 * descriptor `descriptor`: no tool knows it by its name.
 * Before 7.0 no underscore follows `ddebug`.
 */
export const keyedTables: readonly KeyedTable[] = [
  {
    section: '__jump_table',
    code: 'code',
    key: 'key',
    rules: [
      { kind: 'tracepoint', startsWith: '__tracepoint_' },
      { kind: 'dynamic-debug', contains: '__UNIQUE_ID_ddebug' },
      { kind: 'dynamic-debug-unnamed', section: '__dyndbg' },
    ],
  },
  {
    section: '.static_call_sites',
    code: 'addr',
    key: 'key',
    rules: [{ kind: 'tracepoint', startsWith: '__SCK__tp_func_' }],
  },
];

/**
 * Symbols of type STT_FUNC that are no functions: what objtool and the compiler put before functions, for call padding
 * and for checks of indirect calls.
 */
export const functionPrefixes: readonly string[] = ['__pfx_', '__cfi_'];

/** The kind of a key; `section` holds it where the file itself defines it. */
export function keyKind(table: KeyedTable, key: string, section: string | undefined): KeyKind {
  const rule = table.rules.find(
    (one) =>
      (one.startsWith === undefined || key.startsWith(one.startsWith)) &&
      (one.contains === undefined || key.includes(one.contains)) &&
      (one.section === undefined || one.section === section),
  );
  return rule?.kind ?? 'key';
}

/** What the tools do with a function that has such a key in a module: leave the entry out, or refuse the function. */
export function isLeftOut(kind: KeyKind): boolean {
  return kind === 'tracepoint' || kind === 'dynamic-debug';
}
